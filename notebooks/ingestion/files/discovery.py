"""What a folder holds that is no feed yet: its files are listed, and one of each kind is looked into."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from ingestion.feeds.model import FilesSource
from ingestion.files.contents import open_files
from ingestion.files.folder import Folder
from ingestion.files.patterns import path_below
from ingestion.files.proposals import FileGroup, Sample, groups_of, proposal, sample_of_csv, sample_of_json
from ingestion.lake.storage import Storage
from ingestion.platform.errors import SourceError
from ingestion.platform.spark_errors import root_cause

# Of one file of a kind.
_ROWS = 1000


def propose_feeds(spark: SparkSession, storage: Storage, source: FilesSource, written: Mapping[str, Any]) -> str:
    """Return the TOML of a folder's source with a feed for each kind of file in it.

    Args:
        spark: the session.
        storage: the lake, in which nothing is kept of this.
        source: the folder.
        written: the table `[source]` as it stands in its file.

    Raises:
        SourceError: the folder is not there, or a file in it cannot be read.
    """
    found = Folder(spark, storage, source.url, "**/*", "").paths()
    addresses = {path_below(source.url, address): address for address in found}
    groups, others = groups_of(addresses)
    return proposal(written, [(group, _sample(spark, group, addresses)) for group in groups], others)


def _sample(spark: SparkSession, group: FileGroup, addresses: Mapping[str, str]) -> Sample:
    """Return what stands in the last of a group's files, which is the newest where names tell the time."""
    path = group.paths[-1]
    ending = path.rpartition("/")[2].partition(".")[2].lower().partition(".")[0]
    try:
        if group.file_format == "parquet":
            frame = open_files(spark, "parquet", [addresses[path]], {}).limit(_ROWS)
            return Sample({}, frame.columns, [tuple(map(str, row)) for row in frame.collect()])
        lines = [row["value"] for row in open_files(spark, "text", [addresses[path]], {}).limit(_ROWS).collect()]
    except Exception as error:
        raise SourceError(f"{addresses[path]}: cannot be read: {root_cause(error)}") from error
    return sample_of_csv(lines, ending) if group.file_format == "csv" else sample_of_json(lines)
