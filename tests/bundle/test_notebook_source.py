"""What can be told of a notebook from its source alone."""

from pathlib import Path
from textwrap import dedent

import pytest

from bundle.notebook_source import NotebookSource, read_notebooks

HEADER = "# Databricks notebook source\n"


def read(root: Path, source: str, **modules: str) -> NotebookSource:
    """Write a notebook, with modules beside it (`jobs__count` is jobs/count.py), and read it."""
    for name, text in modules.items():
        file = root / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    (root / "main.py").write_text(HEADER + dedent(source), encoding="utf-8")
    return read_notebooks(root)[root / "main.py"]


@pytest.mark.parametrize(
    "source",
    [
        'dbutils.widgets.text("day", "")',
        'dbutils.widgets.dropdown("day", "a", ["a", "b"])',
        'dbutils.widgets.text(name="day", defaultValue="")',
        'for name in ("day",):\n    dbutils.widgets.text(name, "")',
        'WIDGETS = ["day"]\nfor name in WIDGETS:\n    dbutils.widgets.text(name, "")',
        'for name, label in {"day": "The day"}.items():\n    dbutils.widgets.text(name, "", label)',
        'for name, label in [("day", "The day")]:\n    dbutils.widgets.text(name, "", label)',
        '[dbutils.widgets.text(name, "") for name in ["day"]]',
    ],
)
def test_widgets_are_found_however_they_are_declared(source: str, tmp_path: Path) -> None:
    widgets = read(tmp_path, source).declared_widgets

    assert (list(widgets.lines), widgets.complete) == (["day"], True)


def test_widgets_named_in_a_module_are_found(tmp_path: Path) -> None:
    source = 'from jobs.settings import NAMES\nfor name in NAMES:\n    dbutils.widgets.text(name, "")\n'

    assert list(read(tmp_path, source, jobs__settings='NAMES = ("day", "count")').declared_widgets.lines) == [
        "count",
        "day",
    ]


def test_a_computed_widget_name_is_known_to_be_unknown(tmp_path: Path) -> None:
    assert not read(tmp_path, 'dbutils.widgets.text(input(), "")').declared_widgets.complete


def test_widgets_in_cells_of_other_languages_and_in_texts_are_none(tmp_path: Path) -> None:
    cell = '# MAGIC %md\n# MAGIC dbutils.widgets.text("a", "")\n'
    source = cell + "\n# COMMAND ----------\n\nx = 'dbutils.widgets.get(\"b\")'\n"
    notebook = read(tmp_path, source)

    assert (notebook.declared_widgets.lines, notebook.read_widgets.lines, notebook.errors) == ({}, {}, ())


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    source = '# DBTITLE 1,Set up\nx = 1\n\n# COMMAND ----------\n\ndbutils.widgets.get("day")\n'

    assert read(tmp_path, source).read_widgets.lines == {"day": 7}


@pytest.mark.parametrize(
    "source",
    [
        'dbutils.notebook.exit("-1")',
        "dbutils.notebook.exit(str(-1))",
        'dbutils.notebook.exit(f"{-1}")',
        'dbutils.notebook.exit("-1" if failed else str(count))',
        'result = "-1"\ndbutils.notebook.exit(result)',
        'try:\n    result = work()\nexcept Exception:\n    result = "-1"\ndbutils.notebook.exit(result)',
        "import json\ndbutils.notebook.exit(json.dumps(-1))",
        'def work():\n    return "-1"\ndbutils.notebook.exit(work())',
        "from jobs.count import work\ndbutils.notebook.exit(work(spark))",
        "from jobs import count\ndbutils.notebook.exit(count.work(spark))",
        "import jobs.count\ndbutils.notebook.exit(jobs.count.work(spark))",
        "from jobs.count import FAILED as BAD\ndbutils.notebook.exit(BAD)",
        "from jobs.count import Outcome\ndbutils.notebook.exit(Outcome.FAILED.value)",
    ],
)
def test_a_failure_value_is_followed_to_where_it_stands(source: str, tmp_path: Path) -> None:
    modules = {
        "jobs__count": """\
            from .codes import FAILED
            class Outcome:
                FAILED = FAILED
            def work(spark):
                return str(spark.count()) if spark else FAILED
            """,
        "jobs__codes": 'FAILED = "-1"',
    }

    assert read(tmp_path, source, **modules).failure_values == ("-1",)


@pytest.mark.parametrize(
    "source",
    [
        "dbutils.notebook.exit(str(count))",
        'dbutils.notebook.exit("done")',
        'x = "-1"\ndbutils.notebook.exit("0")',
        'print("-1")',
        "a = b\nb = a\ndbutils.notebook.exit(a)",
        "def f():\n    return f()\ndbutils.notebook.exit(f())",
        "dbutils.notebook.exit(-count)",
        "dbutils.notebook.exit()",
    ],
)
def test_no_failure_value_is_made_up(source: str, tmp_path: Path) -> None:
    assert read(tmp_path, source).failure_values == ()


def test_a_cell_that_does_not_parse_is_an_error_with_its_line_and_the_others_still_count(tmp_path: Path) -> None:
    notebook = read(tmp_path, 'def :\n\n# COMMAND ----------\n\ndbutils.widgets.get("day")\n')

    assert [line for line, _ in notebook.errors] == [2]
    assert notebook.read_widgets.lines == {"day": 6}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff", "is not UTF-8"), (b"x = '\x00'", "null bytes")],
)
def test_a_file_that_cannot_be_read_is_an_error(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(content)

    assert reason in read_notebooks(tmp_path)[tmp_path / "bad.py"].errors[0][1]


def test_top_level_await_is_python_in_a_notebook(tmp_path: Path) -> None:
    assert read(tmp_path, "await work()\n").errors == ()


def test_a_folder_that_is_not_there_has_no_notebooks(tmp_path: Path) -> None:
    assert read_notebooks(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    "cell",
    [
        "# MAGIC\n# MAGIC %md\n# MAGIC A title",
        "# MAGIC %py\n# MAGIC print(1)",
        "# MAGIC %matplotlib inline",
        "# MAGIC %load_ext autoreload\n# MAGIC %autoreload 2",
        "# MAGIC %autoreload 2\n# MAGIC x = 1",
        '# MAGIC %environment\n# MAGIC "client": "1"',
        "# MAGIC %prolog\n# MAGIC a :- b",
    ],
)
def test_the_commands_that_notebooks_are_exported_with_are_no_errors(cell: str, tmp_path: Path) -> None:
    notebook = read(tmp_path, f"{cell}\n\n# COMMAND ----------\n\ndbutils.widgets.get('day')\n")

    assert notebook.errors == ()
    assert list(notebook.read_widgets.lines) == ["day"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("./setup", "./setup"),
        ('"./my lib/helper functions"', "./my lib/helper functions"),
        ("./setup $day='monday'", "./setup"),
        ("'/Shared/set up' $day=\"monday\"", "/Shared/set up"),
    ],
)
def test_a_run_names_a_path_with_or_without_quotes_and_arguments(written: str, path: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"# MAGIC %run {written}\n").runs == {2: path}
