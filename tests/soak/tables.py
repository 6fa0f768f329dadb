"""A case's target as rows of texts, so that it is compared with its source to the last digit."""

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

from soak.cases import Case
from soak.promises import TargetRow
from soak.servers import COLUMNS

_OURS = {"_deleted_at": "deleted_at", "_valid_from": "valid_from", "_valid_to": "valid_to", "_is_current": "is_current"}


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
