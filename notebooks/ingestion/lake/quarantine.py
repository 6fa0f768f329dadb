"""The quarantine: a table's bad rows of the last days, in `quarantine/NAME/quarantined_on=DATE/quarantined_by=RUN_ID/`.

A run adds its bad rows as a folder of its own, whole, by rename; what is older than the days to keep goes.
"""

from datetime import date, timedelta

from pyspark.sql import DataFrame

from ingestion.lake.parquet import count_parquet
from ingestion.lake.storage import Storage
from ingestion.platform.errors import PathTakenError, StagingError

_DATE, _RUN = "quarantined_on=", "quarantined_by="
# Rows that a former version left there, which kept those of the last run only.
_FORMER_RUN = "former"
_COMPRESSION = "zstd"


def quarantine_path(name: str) -> str:
    """Return where the bad rows of a table lie in the lake."""
    return f"quarantine/{name}"


def add_quarantine(
    storage: Storage, name: str, run_id: str, frame: DataFrame, rows: int, *, staging: str, today: date
) -> None:
    """Add the bad rows of a run; those of an earlier try of the same run are replaced.

    Args:
        storage: the lake.
        name: of the table: its folder in the lake.
        run_id: whose rows they are.
        frame: the rows, with the reasons.
        rows: how many there are.
        staging: a folder that the run writes aside in, which is gone when it ends.
        today: in UTC.

    Raises:
        StagingError: not all rows are in the files.
        LakeError: the lake refuses.
        PySparkException: the rows cannot be written.
    """
    aside, place = f"{staging}/quarantine", f"{quarantine_path(name)}/{_DATE}{today}/{_RUN}{run_id}"
    storage.delete(aside)
    frame.write.option("compression", _COMPRESSION).parquet(storage.url(aside))
    found = count_parquet(frame.sparkSession, frame.schema, storage.url(aside))
    if found != rows:
        raise StagingError(f"{storage.url(place)}: {rows} rows are bad, but the files' footers name {found}.")
    try:
        storage.rename(aside, place)
    except PathTakenError:
        storage.delete(place)
        storage.rename(aside, place)


def expire_quarantine(storage: Storage, name: str, *, today: date, days: int) -> None:
    """Remove bad rows of runs that are so many days ago, and give those of the former layout a date.

    Raises:
        LakeError: the lake refuses.
    """
    folder, oldest = quarantine_path(name), today - timedelta(days=days)
    for entry in storage.list(folder):
        if entry.is_folder and entry.name.startswith(_DATE):
            if entry.name < f"{_DATE}{oldest}":
                storage.delete(f"{folder}/{entry.name}")
        elif not entry.is_folder and not entry.name.startswith(("_", ".")):
            place = f"{folder}/{_DATE}{entry.modified.date()}/{_RUN}{_FORMER_RUN}/{entry.name}"
            storage.rename(f"{folder}/{entry.name}", place, replace=True)
