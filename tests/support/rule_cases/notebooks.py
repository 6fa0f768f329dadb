"""Cases of the rules in `bundle.rules.notebooks`."""

from support.rule_cases.case import ACTIVITIES, COUNT, LOAD, Case, both, container, depends, put, swap, wait, write
from support.sample_bundle import RUN_OUTPUT, expression

CASES = (
    Case(
        "notebook-readable",
        lambda s: s.file("load.py").write_bytes(b"# Databricks notebook source\n# caf\xe9\n"),
        "load.py",
        "line 2",
        "is not UTF-8",
    ),
    Case("notebook-source", swap("load.py", "for name in", "for name of"), "load.py", "line 7", "invalid syntax"),
    Case(
        "notebook-source", swap("jobs/counting.py", "def count", "def"), "jobs/counting.py", "line 4", "invalid syntax"
    ),
    Case(
        "notebook-source",
        swap("load.py", "# MAGIC %md\n# MAGIC # Load", "# MAGIC %run ./helpers"),
        "load.py",
        "line 2",
        "%run ./helpers: no such notebook",
        both(
            swap("load.py", "# MAGIC %md\n# MAGIC # Load", "# MAGIC %run ./helpers"),
            write("helpers.py", "# Databricks notebook source\nx = 1\n"),
        ),
    ),
    Case(
        "notebook-source",
        swap("load.py", "# MAGIC %md\n# MAGIC # Load", '# MAGIC %run "./my lib/helpers"'),
        "load.py",
        "line 2",
        "%run ./my lib/helpers: no such notebook",
        both(
            swap("load.py", "# MAGIC %md\n# MAGIC # Load", '# MAGIC %run "./my lib/helpers" $day="monday"'),
            write("my lib/helpers.py", "# Databricks notebook source\nx = 1\n"),
        ),
    ),
    Case(
        "notebook-exists",
        put(LOAD, "activities.1.typeProperties.notebookPath", "/Shared/app/notebooks/lod"),
        LOAD,
        f"{ACTIVITIES}[1].typeProperties.notebookPath",
        "no notebook '/Shared/app/notebooks/lod'",
        put(LOAD, "activities.1.typeProperties.notebookPath", "/Repos/team/load"),
    ),
    Case(
        "notebook-exists",
        put(LOAD, "activities.1.typeProperties.notebookPath", "notebooks/load"),
        LOAD,
        f"{ACTIVITIES}[1].typeProperties.notebookPath",
        "must start with a slash",
    ),
    Case(
        "notebook-exists",
        swap("load.py", "# Databricks notebook source\n", ""),
        LOAD,
        f"{ACTIVITIES}[1].typeProperties.notebookPath",
        "is no notebook: its first line",
    ),
    Case(
        "notebook-parameter",
        put(LOAD, "activities.1.typeProperties.baseParameters.contry", "India"),
        LOAD,
        f"{ACTIVITIES}[1].typeProperties.baseParameters.contry",
        "has no widget 'contry'; is 'country' meant?",
        put(LOAD, "activities.1.typeProperties.baseParameters.country", "India"),
    ),
    Case(
        "widget-given",
        swap("count.py", 'dbutils.widgets.text("day", "")', 'dbutils.widgets.get("limit"), dbutils.widgets.get("day")'),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties",
        "line 2 reads the widget 'limit'",
        swap("count.py", 'dbutils.widgets.text("day", "")', 'dbutils.widgets.get("day")'),
    ),
    Case(
        "notebook-unused",
        write("idle.py", "# Databricks notebook source\nx = 1\n"),
        "idle.py",
        "line 1",
        "no pipeline runs this notebook",
        write("idle.py", "x = 1\n"),
    ),
    Case(
        "failure-value",
        put(COUNT, "activities.1.typeProperties.expression.value", f"@greater(int({RUN_OUTPUT}), 600)"),
        COUNT,
        f"{ACTIVITIES}[0]",
        "may exit with -1, which counts as a success",
        put(
            COUNT,
            "activities.1.typeProperties.expression.value",
            f"@or(equals(string({RUN_OUTPUT}), '-1'), equals(1, 2))",
        ),
    ),
    Case(
        "failure-value",
        put(COUNT, "activities.1.typeProperties.expression.value", f"@equals(int({RUN_OUTPUT}), 0)"),
        COUNT,
        f"{ACTIVITIES}[0]",
        "compare activity('Count').output.runOutput with it",
        put(
            COUNT,
            "activities.1",
            {
                **container("Switch", "CheckFailure", wait("Rest")),
                "typeProperties": {
                    "on": expression(f"@string({RUN_OUTPUT})"),
                    "cases": [{"value": "-1", "activities": [wait("Rest")]}],
                },
                "dependsOn": depends("Count", "Succeeded"),
            },
        ),
    ),
    Case(
        "failure-value",
        both(
            swap("count.py", "dbutils.notebook.exit(count(", "dbutils.notebook.exit('-2') if spark else print(count("),
            put(COUNT, "activities.1.typeProperties.expression.value", f"@equals(int({RUN_OUTPUT}), -1)"),
        ),
        COUNT,
        f"{ACTIVITIES}[0]",
        "may exit with -2",
        both(
            swap("jobs/counting.py", "return FAILED", "raise"),
            put(COUNT, "activities.1.typeProperties.expression.value", "@equals(1, 2)"),
        ),
    ),
)
