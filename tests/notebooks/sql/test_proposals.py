"""What is proposed for a table, by what a database says of it."""

import tomllib

import pytest
from pyspark.sql.types import BinaryType, IntegerType, LongType, StringType, TimestampNTZType

from ingestion.sql.proposals import TableFacts, method_of, proposal

TYPES = {"id": IntegerType(), "created_at": TimestampNTZType(), "ModifiedAt": TimestampNTZType(), "rv": BinaryType()}


@pytest.mark.parametrize(
    ("facts", "incremental", "disposition"),
    [
        (
            TableFacts("t", 1, ("id",), TYPES, {"rv": "rowversion"}),
            '{ method = "rowversion", cursor_column = "rv" }',
            "merge",
        ),
        (
            TableFacts("t", 1, ("id",), {**TYPES, "tx": LongType()}, {"tx": "transaction_id"}),
            '{ method = "transaction_id", cursor_column = "tx" }',
            "merge",
        ),
        (
            TableFacts("t", 1, ("id",), TYPES),
            '{ method = "cursor", cursor_column = "ModifiedAt", lookback = "15 minutes" }',
            "merge",
        ),
        (
            TableFacts("t", 1, ("id",), {"created_at": TimestampNTZType()}),
            '{ method = "cursor", cursor_column = "created_at", lookback = "15 minutes" }',
            "append",
        ),
        (TableFacts("t", 1, (), TYPES, {"rv": "rowversion"}), None, None),
        (TableFacts("t", 1, ("id",), {"id": IntegerType(), "name": StringType()}), None, None),
    ],
)
def test_the_method_that_misses_least_is_proposed(
    facts: TableFacts, incremental: str | None, disposition: str | None
) -> None:
    found = method_of(facts)
    assert (found.incremental, found.disposition) == (incremental, disposition)
    if incremental:
        assert tomllib.loads(f"incremental = {incremental}")
    assert tomllib.loads(proposal({"type": "sql"}, [facts]))["tables"] == [{"name": "t"}]
