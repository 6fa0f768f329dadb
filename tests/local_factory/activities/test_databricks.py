"""Python files and jobs on Databricks: what they are called with, and how they run on the session's Spark."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local_factory.cluster.runner import NotebookRunner, read_job
from local_factory.cluster.spark import Cluster
from local_factory.engine import NotebookRequest
from local_factory.errors import ActivityError
from support.pipelines import DATABRICKS, ScriptedNotebooks, activity, expression, run

ON_DATABRICKS = {"linkedServiceName": {"referenceName": DATABRICKS.name, "type": "LinkedServiceReference"}}


class Jobs(ScriptedNotebooks):
    """Notebooks that end as told, and jobs of these settings."""

    def __init__(self, settings: Any, **outcomes: Any) -> None:
        super().__init__(**outcomes)
        self._settings = settings

    async def job(self, job_id: str) -> Any:
        assert job_id == "7"
        return {"job_id": 7, "settings": self._settings}


def job(notebooks: Jobs, **parameters: Any) -> Any:
    one = {**activity("J", "DatabricksJob", jobId="7", jobParameters=parameters), **ON_DATABRICKS}
    return run([one], notebooks=notebooks)


SETTINGS = {
    "parameters": [{"name": "day", "default": "today"}, {"name": "n", "default": "1"}],
    "tasks": [
        {
            "task_key": "second",
            "depends_on": [{"task_key": "first"}],
            "spark_python_task": {"python_file": "/x/load.py", "parameters": ["--day", "{{job.parameters.day}}"]},
        },
        {"task_key": "first", "notebook_task": {"notebook_path": "/a", "base_parameters": {"own": "o", "n": "0"}}},
    ],
}


def test_a_jobs_tasks_run_in_their_order_with_its_parameters() -> None:
    notebooks = Jobs(SETTINGS, **{"/a": 1, "/x/load.py": 2})
    assert job(notebooks, day=expression("@concat('2026', '-01')")).status == "Succeeded"
    first, second = notebooks.requests
    assert (first.notebook_path, dict(first.parameters)) == ("/a", {"own": "o", "n": "1", "day": "2026-01"})
    assert (second.notebook_path, second.arguments) == ("/x/load.py", ["--day", "2026-01"])
    assert first.run_id != second.run_id


def test_a_failed_task_holds_back_what_depends_on_it_unless_that_runs_in_any_case() -> None:
    failure = ActivityError("3204", "broken")
    notebooks = Jobs(SETTINGS, **{"/a": failure, "/x/load.py": 2})
    assert job(notebooks).activity_runs[0].error["message"] == "broken"
    assert len(notebooks.requests) == 1
    anyway = {"tasks": [{**SETTINGS["tasks"][0], "run_if": "ALL_DONE"}, SETTINGS["tasks"][1]]}
    notebooks = Jobs(anyway, **{"/a": failure, "/x/load.py": 2})
    assert job(notebooks).status == "Failed"
    assert len(notebooks.requests) == 2


def test_a_task_of_another_kind_is_named() -> None:
    result = job(Jobs({"tasks": [{"task_key": "q", "sql_task": {}}]}))
    assert "task 'q' (sql_task) does not run on this machine: stub the activity" in result.message


def test_a_job_whose_settings_are_not_there_says_where_they_go(tmp_path: Path) -> None:
    with pytest.raises(ActivityError, match=r"jobs/7\.json \(databricks jobs get 7\)"):
        read_job(tmp_path, "7")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/7.json").write_text(json.dumps(SETTINGS))
    assert read_job(tmp_path, "7") == SETTINGS


def test_a_python_file_gets_its_command_line_and_ends_as_programs_do(cluster: Cluster, tmp_path: Path) -> None:
    source = (
        "import sys\nfrom pyspark.sql import SparkSession\n"
        "if __name__ == '__main__':\n"
        "    spark = SparkSession.builder.getOrCreate()\n"
        "    open(sys.argv[1], 'w').write(f'{spark.range(3).count()} {sys.argv[2]}')\n"
        "    sys.exit(int(sys.argv[3]))\n"
    )
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/load.py").write_text(source)
    target = tmp_path / "written"
    runner = NotebookRunner(cluster, tmp_path, tmp_path / "runs", {})

    def request(status: str, run_id: str) -> NotebookRequest:
        arguments = [str(target), "é", status]
        return NotebookRequest("dbfs:/FileStore/jobs/load.py", {}, {}, run_id, "title", arguments=arguments)

    result = asyncio.run(runner.run(request("0", "r1")))
    assert result.error is None
    assert target.read_text() == "3 é"
    assert "runOutput" not in result.output
    failed = asyncio.run(runner.run(request("3", "r2"))).error
    assert failed
    assert failed.code == "3204"
