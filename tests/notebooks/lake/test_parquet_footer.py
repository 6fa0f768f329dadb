"""The rows that a Parquet file's footer tells, against the writers of others."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.lake.parquet_footer import rows_of_footer

COLUMNS: dict[str, Any] = {
    "id": pa.int64(),
    "a name that is longer than fifteen": pa.string(),
    "amount": pa.decimal128(18, 4),
    "when": pa.timestamp("us", tz="UTC"),
    "tags": pa.list_(pa.struct([("k", pa.string()), ("v", pa.bool_())])),
    "more": pa.map_(pa.string(), pa.float64()),
}


def parquet(rows: int, columns: list[str], **options: Any) -> bytes:
    table = pa.table({name: pa.nulls(rows, COLUMNS[name]) for name in columns}).replace_schema_metadata({"k": "v" * 40})
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


@given(
    rows=st.integers(0, 3000),
    columns=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, unique=True),
    options=st.fixed_dictionaries(
        {
            "row_group_size": st.sampled_from([1, 7, 1000]),
            "version": st.sampled_from(["1.0", "2.6"]),
            "compression": st.sampled_from(["NONE", "zstd", "snappy"]),
        }
    ),
)
def test_the_rows_are_those_that_were_written(rows: int, columns: list[str], options: dict[str, Any]) -> None:
    content = parquet(rows % 50 if options["row_group_size"] == 1 else rows, columns, **options)
    assert rows_of_footer(content) == pq.read_metadata(io.BytesIO(content)).num_rows


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 30, -1, -4, -5])
def test_what_is_cut_off_is_no_parquet_file(cut: int) -> None:
    with pytest.raises(ValueError, match="Parquet file"):
        rows_of_footer(parquet(10, ["id"])[:cut])
