"""What a run of a former version left in a lake is brought to its end, once, and a living one is not robbed."""

import json
from pathlib import Path
from threading import Event, Thread

import pytest
from pyspark.sql import SparkSession

from fakes.faulty_storage import FaultyStorage
from ingestion.lake import former_layout
from ingestion.lake.folder_storage import FolderStorage
from ingestion.lake.quarantine import expire_quarantine
from ingestion.lake.table_landing import table_landing
from ingestion.platform.errors import LockedError
from ingestion.platform.log import utc_now
from support.lakes import leftovers, quarantined_rows, rows_found
from support.tables import land_rows

TABLE = "customer_data"

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def storage(spark: SparkSession, lake: Path) -> FolderStorage:
    """Return a lake with a table of nine rows, as a former version landed it."""
    storage = FolderStorage(str(lake))
    land_rows(storage, spark.range(9), TABLE, "run-old")
    forget_layout(lake)
    for folder in ("_staging", "_previous", "_trash", "_locks"):
        (lake / folder / TABLE).mkdir(parents=True)
    (lake / "_previous" / TABLE).rmdir()
    return storage


def forget_layout(lake: Path) -> None:
    file = lake / "_manifests" / f"{TABLE}.json"
    manifest = json.loads(file.read_bytes())
    del manifest["layout"]
    file.write_text(json.dumps(manifest))


def land(spark: SparkSession, storage: FolderStorage) -> list[str]:
    counted = FaultyStorage(storage)
    land_rows(counted, spark.range(3), TABLE, "run-new")
    return counted.calls


def test_the_old_table_is_put_back_and_what_was_staged_is_removed(
    spark: SparkSession, storage: FolderStorage, lake: Path
) -> None:
    (lake / TABLE).rename(lake / "_previous" / TABLE)
    (lake / "_staging" / TABLE / "dead").mkdir()
    (lake / "_staging" / TABLE / "dead" / "part-0.parquet").write_bytes(b"half a file")
    (lake / "_locks" / TABLE / "lock").write_text('{"claim": "dead"}\n.')
    with table_landing(storage, TABLE, "run-new"):
        assert rows_found(lake / TABLE) == 9
    assert leftovers(lake) == []


def test_a_manifest_that_waited_is_published_if_its_table_is_in_place(
    spark: SparkSession, storage: FolderStorage, lake: Path
) -> None:
    published = lake / "_manifests" / f"{TABLE}.json"
    waiting = json.loads(published.read_bytes()) | {"run_id": "run-dead"}
    (lake / "_staging" / TABLE / "run-dead.manifest.json").write_text(json.dumps(waiting))
    with table_landing(storage, TABLE, "run-new") as landing:
        assert landing.before is not None
        assert landing.before.run_id == "run-dead"
    assert leftovers(lake) == []


def test_it_is_looked_at_once_a_table(spark: SparkSession, storage: FolderStorage) -> None:
    assert f"list _locks/{TABLE}" in land(spark, storage)
    assert not [call for call in land(spark, storage) if "_staging" in call or f"_locks/{TABLE} " in f"{call} "]


def test_a_run_of_the_former_version_that_gives_signs_of_life_is_not_robbed(
    spark: SparkSession, storage: FolderStorage, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, ended = lake / "_locks" / TABLE / "lock", Event()
    claim.write_text('{"claim": "alive"}\n')

    def live() -> None:
        while not ended.wait(0.01):
            with claim.open("a") as stream:
                stream.write(".")

    owner = Thread(target=live)
    owner.start()
    try:
        # On a busy machine the owner may give no sign for longer than the impatient lease.
        with monkeypatch.context() as patient, pytest.raises(LockedError, match="a run of a former version is landing"):
            patient.setattr(former_layout, "LEASE_SECONDS", 60.0)
            patient.setattr(former_layout, "_LOOKS_PER_LEASE", 6000)
            land(spark, storage)
    finally:
        ended.set()
        owner.join()
    assert rows_found(lake / TABLE) == 9
    land(spark, storage)
    assert rows_found(lake / TABLE) == 3


def test_bad_rows_of_the_last_run_are_kept_among_those_of_later_ones(
    spark: SparkSession, storage: FolderStorage, lake: Path
) -> None:
    kept = lake / "quarantine" / TABLE
    spark.range(2).coalesce(1).write.parquet(str(kept))
    (lake / "_manifests" / "quarantine").mkdir()
    (lake / "_manifests" / "quarantine" / f"{TABLE}.json").write_text("{}")
    (lake / "_previous" / "quarantine" / TABLE).mkdir(parents=True)
    land(spark, storage)
    expire_quarantine(storage, TABLE, today=utc_now().date(), days=30)
    assert quarantined_rows(lake, TABLE, "former") == 2
    assert spark.read.parquet(str(kept)).columns == ["id", "quarantined_on", "quarantined_by"]
    assert not (lake / "_manifests" / "quarantine" / f"{TABLE}.json").exists()
    assert leftovers(lake) == []
