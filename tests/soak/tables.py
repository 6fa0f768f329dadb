"""A case's source and target as rows of texts, so that both are compared to the last digit."""

from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from soak.cases import Case
from soak.promises import Row, Source, TargetRow
from soak.writers import COLUMNS

_OURS = {"_deleted_at": "deleted_at", "_valid_from": "valid_from", "_valid_to": "valid_to", "_is_current": "is_current"}


def source_of(connection: psycopg.Connection, case: Case) -> Source:
    """Return what a case's table holds, and all that it ever held."""
    connection.rollback()  # a snapshot of now
    return Source(_rows(connection, case.name), set(_rows(connection, f"{case.name}_past")))


def target_of(spark: SparkSession, lake: Path, case: Case) -> list[TargetRow]:
    """Return what a case's table in the lake holds."""
    frame = spark.read.format("delta").load(str(lake / case.name))
    ours = [name for name in _OURS if name in frame.columns]
    texts = [F.col(name).cast("string").alias(name) for name in (*COLUMNS, *ours)]
    found = []
    for row in frame.select(texts).collect():
        helpers = {_OURS[name]: row[name] for name in ours}
        if "is_current" in helpers:
            helpers["is_current"] = helpers["is_current"] == "true"
        found.append(TargetRow(tuple(row)[: len(COLUMNS)], **helpers))
    return found


def _rows(connection: psycopg.Connection, table: str) -> list[Row]:
    texts = SQL(", ").join(SQL("{}::text").format(Identifier(name)) for name in COLUMNS)
    return connection.execute(SQL("SELECT {} FROM {}").format(texts, Identifier(table))).fetchall()
