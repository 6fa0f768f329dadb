"""Spark's format `delta`, which a Spark without the jars lacks, as far as a landing uses it: keeps what it is asked."""

import json
from collections.abc import Iterator
from pathlib import Path

from pyarrow import RecordBatch
from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, WriterCommitMessage
from pyspark.sql.types import StructType


class DeltaDataSource(DataSource):
    """Found by Spark under the name of the real one."""

    @classmethod
    def name(cls) -> str:
        return "delta"

    def writer(self, schema: StructType, overwrite: bool) -> "DeltaDataSourceWriter":
        assert schema
        return DeltaDataSourceWriter({**self.options, "mode": "overwrite" if overwrite else "append"})


class DeltaDataSourceWriter(DataSourceArrowWriter):
    """Writes a line of JSON for each task, beside the table: options, mode, number of rows."""

    def __init__(self, options: dict[str, str]) -> None:
        self.options = options

    def write(self, iterator: Iterator[RecordBatch]) -> WriterCommitMessage:
        asked = {**self.options, "rows": sum(batch.num_rows for batch in iterator)}
        with Path(self.options["path"]).with_suffix(".asked").open("a") as file:
            file.write(json.dumps(asked) + "\n")
        return WriterCommitMessage()
