"""Notebooks run as on Databricks: cells, magics, dbutils, in a process of their own on the shared Spark."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from local_factory.cluster.kernel import Table
from local_factory.cluster.runner import NotebookRun, NotebookRunner
from local_factory.cluster.spark import Cluster
from local_factory.engine import NotebookRequest, NotebookResult

SECRET = "s3cret-Wörd"


class Workspace:
    """A folder of notebooks, written cell by cell, and the cluster that runs them."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        environment = {"SECRET_APP_TOKEN": SECRET, "SECRET_SCOPE": "app", "WINS": "machine"}
        self.runner = NotebookRunner(cluster, self.folder, folder / "pages", environment)

    def write(self, name: str, *cells: str) -> None:
        path = self.folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(cells), encoding="utf-8")

    def run(self, name: str = "main", **parameters: str) -> tuple[NotebookResult, NotebookRun]:
        request = NotebookRequest(f"/Shared/app/{name}", parameters, {"WINS": "linked service"}, "run-1", name)
        result = asyncio.run(self.runner.run(request))
        return result, self.runner.runs["run-1"]


@pytest.fixture
def workspace(request: pytest.FixtureRequest, cluster: Cluster, spark_cluster: Cluster, tmp_path: Path) -> Workspace:
    is_remote = getattr(request, "param", "classic") == "connect"
    return Workspace(spark_cluster if is_remote else cluster, tmp_path)


on_either_session = pytest.mark.parametrize("workspace", ["classic", "connect"], indirect=True)


def outputs(run: NotebookRun) -> list[Any]:
    return [output for cell in run.outcome.cells for output in cell.outputs]


def test_an_exit_value_that_holds_a_secret_is_refused_not_rewritten(workspace: Workspace) -> None:
    workspace.write("main", f"dbutils.notebook.exit('token {SECRET}')")
    result, run = workspace.run()
    assert "runOutput" not in result.output
    assert result.error is not None
    assert "exit value holds a secret" in result.error.message
    assert run.outcome.exit_value is None


def test_a_short_secret_changes_nothing_and_the_log_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_APP_PASSWORD", "00")
    workspace.write("main", "print('700 rows')\ndbutils.notebook.exit('700')")
    result, run = workspace.run()
    assert result.output["runOutput"] == 700
    assert run.log == "Too short to be taken out of what is written: SECRET_APP_PASSWORD.\n700 rows\n"


def magic(text: str) -> str:
    return "\n".join(f"# MAGIC {line}".rstrip() for line in text.splitlines())


def test_cells_share_one_namespace_and_the_last_expression_is_shown(workspace: Workspace) -> None:
    workspace.write("main", "x = 20", "x += 1\nprint('x is', x)\nx * 2", "None")
    result, run = workspace.run()
    assert outputs(run) == ["x is 21\n42\n"]
    assert "runOutput" not in result.output
    assert result.error is None


@pytest.mark.parametrize(
    ("exit_value", "run_output"),
    [('"601"', 601), ('"-1"', -1), ('"text"', "text"), ("'{\"rows\": 3}'", {"rows": 3}), ("''", ""), ("7", 7)],
)
def test_the_exit_value_is_the_run_output_parsed_where_it_is_json(
    workspace: Workspace, exit_value: str, run_output: Any
) -> None:
    workspace.write("main", f"dbutils.notebook.exit({exit_value})", "print('never')")
    result, run = workspace.run()
    assert result.output["runOutput"] == run_output
    assert outputs(run) == []


def test_an_exit_within_a_broad_except_is_swallowed_as_on_databricks(workspace: Workspace) -> None:
    workspace.write("main", "try:\n    dbutils.notebook.exit('1')\nexcept Exception:\n    print('caught')")
    result, run = workspace.run()
    assert "runOutput" not in result.output
    assert outputs(run) == ["caught\n"]


def test_widgets_take_the_base_parameters_over_their_defaults(workspace: Workspace) -> None:
    workspace.write(
        "main",
        "dbutils.widgets.text('given', 'default', 'Label')\ndbutils.widgets.dropdown('choice', 'a', ['a', 'b'])",
        "print(dbutils.widgets.get('given'), dbutils.widgets.get('choice'), dbutils.widgets.getAll())",
    )
    _, run = workspace.run(given="601")
    assert outputs(run) == ["601 a {'given': '601', 'choice': 'a'}\n"]


def test_a_widget_that_nobody_declared_fails_the_notebook(workspace: Workspace) -> None:
    workspace.write("main", "dbutils.widgets.get('nobody')")
    result, _ = workspace.run()
    assert result.error is not None
    assert "No input widget named nobody is defined" in result.error.message


def test_a_secret_is_read_from_its_variable_and_redacted_wherever_it_is_written(workspace: Workspace) -> None:
    workspace.write(
        "main",
        "secret = dbutils.secrets.get('app', 'token')",
        "print(len(secret), secret)\n[m.key for m in dbutils.secrets.list('app')]",
        "display(spark.createDataFrame([(secret,)], ['token']))",
        "import sys, os\nprint(secret, file=sys.stderr)\nos.system(f'echo {secret}')",
        "raise ValueError(f'cannot log in with {secret}')",
    )
    result, run = workspace.run()
    assert outputs(run)[0].startswith(f"{len(SECRET)} [REDACTED]\n['token']")
    assert outputs(run)[1] == Table(["token"], [["[REDACTED]"]], more=False)
    assert result.error is not None
    assert "cannot log in with [REDACTED]" in result.error.message
    assert SECRET not in run.log
    pages = [file.read_text() for file in workspace.runner.page("run-1").parent.iterdir()]
    assert not any(SECRET in text for text in pages)


def test_a_secret_that_is_not_there_names_the_variable_that_would_hold_it(workspace: Workspace) -> None:
    workspace.write("main", "dbutils.secrets.get('app', 'other-key')")
    result, _ = workspace.run()
    assert result.error is not None
    assert "SECRET_APP_OTHER_KEY" in result.error.message


def test_run_includes_another_notebook_in_the_same_namespace(workspace: Workspace) -> None:
    workspace.write("shared/helpers", "def double(x):\n    return x * 2", "base = 4")
    workspace.write("main", magic("%run ./shared/helpers"), "print(double(base))")
    assert outputs(workspace.run()[1]) == ["8\n"]


@on_either_session
def test_notebook_run_runs_another_notebook_apart_and_gives_its_exit_value(workspace: Workspace) -> None:
    workspace.write(
        "child", "dbutils.widgets.text('n', '0')\nx = 'child'\ndbutils.notebook.exit(dbutils.widgets.get('n') * 2)"
    )
    workspace.write("main", "x = 'parent'\nprint(dbutils.notebook.run('./child', 60, {'n': '21'}), x)")
    assert outputs(workspace.run()[1]) == ["2121 parent\n"]


def test_notebook_run_fails_with_the_failure_of_the_other_notebook(workspace: Workspace) -> None:
    workspace.write("child", "raise KeyError('no such thing')")
    workspace.write("main", "dbutils.notebook.run('./child', 60)")
    result, _ = workspace.run()
    assert result.error is not None
    assert "no such thing" in result.error.message


@on_either_session
def test_sql_cells_run_every_statement_and_show_the_last_result(workspace: Workspace) -> None:
    workspace.write(
        "main",
        magic("%sql\nCREATE OR REPLACE TEMP VIEW v AS SELECT ';' AS mark; -- one;\nSELECT mark, 2 AS n FROM v"),
        "_sqldf.count()",
    )
    _, run = workspace.run()
    assert outputs(run) == [Table(["mark", "n"], [[";", "2"]], more=False), "1\n"]


def test_pip_is_noted_and_other_languages_are_refused(workspace: Workspace) -> None:
    workspace.write("main", magic("%md\n# Title"), magic("%pip install requests"), magic("%scala\nprintln(1)"))
    result, run = workspace.run()
    assert outputs(run)[0] == "Noted, not run on this machine: %pip install requests\n"
    assert result.error is not None
    assert "%scala cells do not run on this machine" in result.error.message


def test_a_failure_stops_the_notebook_and_its_traceback_points_into_its_file(workspace: Workspace) -> None:
    workspace.write("main", "ok = 1", "def broken():\n    return 1 / 0\n\nbroken()", "print('never')")
    result, run = workspace.run()
    assert result.error is not None
    assert result.error.code == "3204"
    assert "ZeroDivisionError: division by zero" in result.error.message
    assert result.output["runPageUrl"] in result.error.message
    error = run.outcome.cells[-1].error
    assert error is not None
    assert f'File "{workspace.folder / "main.py"}", line 7, in broken' in error
    assert "return 1 / 0" in error
    assert "kernel.py" not in error
    assert len(run.outcome.cells) == 2


def test_a_process_that_dies_is_a_failure_that_says_so(workspace: Workspace) -> None:
    workspace.write("main", "print('here', flush=True)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    result, run = workspace.run()
    assert result.error is not None
    assert "process ended before the notebook did" in result.error.message
    assert "SIGKILL" in run.log


@on_either_session
def test_each_run_has_a_namespace_and_a_spark_session_of_its_own(workspace: Workspace) -> None:
    workspace.write(
        "first",
        "leak = 1\nspark.range(1).createOrReplaceTempView('leak')\nspark.conf.set('spark.sql.shuffle.partitions', '7')",
    )
    workspace.write(
        "main",
        "print('leak' in globals(), spark.catalog.tableExists('leak'), spark.conf.get('spark.sql.shuffle.partitions'))",
    )
    workspace.run("first")
    assert outputs(workspace.run()[1]) == ["False False 2\n"]


@on_either_session
def test_code_that_asks_for_the_session_gets_the_notebooks_own(workspace: Workspace) -> None:
    workspace.write(
        "main",
        "from pyspark.sql import SparkSession\n"
        "spark.range(3).createOrReplaceTempView('mine')\n"
        "sessions = SparkSession.builder.getOrCreate(), SparkSession.getActiveSession()\n"
        "print(*[session.table('mine').count() for session in sessions])",
    )
    _, run = workspace.run()
    assert run.outcome.error is None
    assert outputs(run) == ["3 3\n"]


@on_either_session
def test_a_notebook_imports_from_its_own_folder_and_nothing_of_ours(workspace: Workspace) -> None:
    (workspace.folder / "lib").mkdir()
    (workspace.folder / "lib" / "__init__.py").write_text("def triple(x):\n    return x * 3\n")
    workspace.write(
        "main",
        "from lib import triple\nfrom pyspark.sql import functions as F\n"
        "print(spark.range(1, 2).select(F.udf(triple, 'long')('id')).first()[0])",
        "import os\nprint(os.getcwd() == os.path.dirname(__file__))",
        "import bundle",
    )
    result, run = workspace.run()
    assert outputs(run)[:2] == ["3\n", "True\n"]
    assert result.error is not None
    assert "No module named 'bundle'" in result.error.message


def test_the_clusters_variables_come_from_the_linked_service_and_this_machine_wins(workspace: Workspace) -> None:
    workspace.write("main", "import os\nprint(os.environ['WINS'])")
    assert outputs(workspace.run()[1]) == ["machine\n"]


@on_either_session
def test_dbutils_fs_reads_and_writes_files(workspace: Workspace) -> None:
    workspace.write(
        "main",
        f"root = '{workspace.folder}/data'",
        "dbutils.fs.put(root + '/a.txt', 'hello', True)\ndbutils.fs.cp(root + '/a.txt', root + '/b.txt')\n"
        "dbutils.fs.mv(root + '/a.txt', root + '/sub/c.txt')",
        "print([(f.name, f.size) for f in dbutils.fs.ls(root)], dbutils.fs.head(root + '/b.txt', 4))",
        "dbutils.fs.rm(root, True)\nimport os\nprint(os.path.exists(root))",
    )
    assert outputs(workspace.run()[1])[-2:] == ["[('b.txt', 5), ('sub/', 0)] hell\n", "False\n"]


@on_either_session
def test_a_cancelled_run_ends_its_process_and_its_spark_jobs(workspace: Workspace, cluster: Cluster) -> None:
    marker = workspace.folder / "still-running"
    workspace.write(
        "main",
        "import subprocess, sys\n"
        f"subprocess.Popen(['sh', '-c', 'sleep 4; touch {marker}'])\n"
        "print('started', flush=True)\n"
        "spark.range(10**11).selectExpr('max(hash(id))').collect()",
    )

    jobs = cluster.session.sparkContext.statusTracker()

    async def start_and_cancel() -> None:
        request = NotebookRequest("main", {}, {}, "run-1", "main")
        task = asyncio.create_task(workspace.runner.run(request))
        log = workspace.runner.page("run-1").with_suffix(".log")
        while not (task.done() or (log.is_file() and "started" in log.read_text())):
            await asyncio.sleep(0.05)
        while not (jobs.getActiveJobsIds() or task.done()):
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(4)

    asyncio.run(start_and_cancel())
    assert list(jobs.getActiveJobsIds()) == []
    assert not marker.exists()
    assert workspace.runner.runs["run-1"].outcome.status == "InProgress"


def test_a_notebook_that_an_expression_names_and_nobody_has_fails_the_activity(workspace: Workspace) -> None:
    from local_factory.errors import ActivityError

    with pytest.raises(ActivityError, match="no such notebook"):
        workspace.run("missing")


def test_a_remote_notebook_knows_nothing_of_the_jvm(spark_cluster: Cluster, tmp_path: Path) -> None:
    workspace = Workspace(spark_cluster, tmp_path)
    workspace.write("main", "print(type(spark).__module__, 'sc' in globals(), hasattr(spark, '_jvm'))")
    result, run = workspace.run()
    assert result.error is None, run.log
    assert outputs(run) == ["pyspark.sql.connect.session False False\n"]
