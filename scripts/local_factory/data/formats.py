"""Which format a dataset of files has, also those of the first generation, which say it within."""

from collections.abc import Mapping
from typing import Any

from bundle.documents import mapping

TEXT, JSON, PARQUET, BINARY = "DelimitedText", "Json", "Parquet", "Binary"
RUN_HERE = frozenset({TEXT, JSON, PARQUET, BINARY})

# Datasets of files that say their format in `typeProperties.format`; without one the content is not looked at.
LEGACY_FILES = frozenset(
    {"AzureBlob", "AzureBlobFSFile", "AzureDataLakeStoreFile", "FileShare", "AmazonS3Object", "HttpFile"}
)
_LEGACY_FORMATS: Mapping[str, str] = {"TextFormat": TEXT, "JsonFormat": JSON, "ParquetFormat": PARQUET}
FILE_FORMATS = RUN_HERE | {"Avro", "Orc", "Excel", "Xml", "Iceberg"}


def format_of(dataset_type: str, properties: Mapping[str, Any]) -> str:
    """Return the format of a dataset of files: one of `RUN_HERE`, or the name of another."""
    if dataset_type not in LEGACY_FILES:
        return dataset_type
    kind = str(mapping(properties.get("format")).get("type") or "")
    return _LEGACY_FORMATS.get(kind, kind or BINARY)


def format_properties(dataset_type: str, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a dataset says of its format, under the names of today."""
    if dataset_type not in LEGACY_FILES:
        return properties
    return {**properties, **mapping(properties.get("format"))}
