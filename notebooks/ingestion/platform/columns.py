"""Columns by their names, whatever characters those have."""

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def column(name: str) -> Column:
    """Return a column by its exact name, in which a dot or a backtick means nothing."""
    return F.col(quoted(name))
