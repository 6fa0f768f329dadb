"""A table in ADLS Gen2, a fault at every request of its landing, or its end there: whole data, and a clean next run.

The rows are bytes that stand for Parquet files: what Spark does is tested elsewhere, what the storage does is here.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pyspark.sql.types import LongType, StructField, StructType

from fakes.dfs_service import DfsService
from fakes.fast_clock import FastClock
from fakes.faulty_storage import DIES_AFTER, FAILS_BEFORE, Died, FaultyStorage, is_new_case
from fakes.http_service import Fault
from ingestion.lake import table_landing as landing_module
from ingestion.lake.adls_storage import LEASE_SECONDS, AdlsLease, AdlsStorage
from ingestion.lake.storage import Storage
from ingestion.lake.table_landing import TableLanding, table_landing
from ingestion.platform.errors import LakeError, LockLostError, PromotionError

TABLE = "customer_data"
PASSING = [Fault.DROP, Fault.DROP_AFTER, Fault.FAIL_AFTER, Fault.BUSY, Fault.THROTTLE, Fault.CUT]


@dataclass(frozen=True)
class Rows:
    passed: str
    rows: int
    refused: str = ""
    refused_rows: int = 0
    checksum: int = 0


@dataclass(frozen=True)
class Frame:
    """A DataFrame as far as the landing itself looks at it."""

    schema: StructType
    sparkSession: Any = None  # noqa: N815 - Spark's name


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def service(clock: FastClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[DfsService]:
    monkeypatch.setattr(landing_module, "count_parquet", lambda *arguments: 1)
    with DfsService(seconds=clock.now) as service:
        yield service


def stage(landing: TableLanding, service: DfsService, mark: str) -> None:
    def write(_frame: Any, folder: str, _rows_per_file: int) -> Rows:
        writer = service.storage()
        path = folder.removeprefix(f"{service.root}/")
        for part in range(2):
            writer.write(f"{path}/good/part-{part}-{mark}.parquet", mark.encode() * (part + 1))
        return Rows(f"{folder}/good", 1)

    landing.stage(cast("Any", Frame(StructType([StructField("id", LongType())]))), write)


def land(storage: Storage, service: DfsService, mark: str) -> None:
    with table_landing(storage, TABLE, f"run-{mark}") as landing:
        stage(landing, service, mark)
        landing.promote()


def found(service: DfsService) -> str | None:
    """Return what a reader finds: the mark of one landing, whole, or no table at all."""
    files = sorted(
        (name.rpartition("/")[2], node.content.decode())
        for name, node in service.nodes.items()
        if name.startswith(f"{TABLE}/") and not node.is_folder
    )
    if TABLE not in service.nodes:
        return None
    mark = files[0][1]
    assert files == [(f"part-{part}-{mark}.parquet", mark * (part + 1)) for part in range(2)]
    return mark


def manifest_of(service: DfsService) -> str:
    return str(json.loads(service.content(f"_manifests/{TABLE}.json"))["run_id"])


def leftovers(service: DfsService) -> list[str]:
    kept = ("_manifests/",)
    return [
        name
        for name, node in service.nodes.items()
        if name.startswith("_") and not name.startswith(kept) and not node.is_folder
    ]


def requests_of_a_landing(service: DfsService, clock: FastClock) -> int:
    land(service.storage(clock=clock), service, "o")
    service.faults.forget()
    land(service.storage(clock=clock), service, "n")
    return len(service.faults.calls)


@pytest.mark.parametrize("fault", PASSING)
def test_a_landing_succeeds_whatever_passes_by_itself(fault: Fault, service: DfsService, clock: FastClock) -> None:
    storage = service.storage(clock=clock)
    for number in range(1, requests_of_a_landing(service, clock) + 1):
        mark = chr(ord("A") + number)
        service.faults.forget()
        service.faults.orders[number] = fault
        land(storage, service, mark)
        where = f"{fault} at {service.faults.met}"
        assert (found(service), manifest_of(service)) == (mark, f"run-{mark}"), where
        assert leftovers(service) == [], where


def test_a_request_that_is_refused_leaves_whole_data_and_the_next_run_is_clean(
    service: DfsService, clock: FastClock
) -> None:
    storage = service.storage(clock=clock)
    for number in range(1, requests_of_a_landing(service, clock) + 1):
        service.faults.forget()
        land(storage, service, "o")
        service.faults.forget()
        service.faults.orders[number] = Fault.REFUSE
        with suppress(LakeError):
            land(storage, service, "n")
        where = f"at {service.faults.met}"
        assert found(service) in ("o", "n"), where
        service.faults.forget()
        clock.skip(LEASE_SECONDS + 1)
        land(storage, service, "x")
        assert (found(service), manifest_of(service)) == ("x", "run-x"), where
        assert leftovers(service) == [], where


@pytest.mark.parametrize("fault", [FAILS_BEFORE, DIES_AFTER])
def test_a_run_that_ends_at_any_call_leaves_whole_data_and_the_next_run_is_clean(
    fault: str, service: DfsService, clock: FastClock
) -> None:
    storage, gaps = service.storage(clock=clock), []
    land(storage, service, "o")
    clean = FaultyStorage(storage)
    land(clean, service, "n")
    for number, call in enumerate(clean.calls, 1):
        if not is_new_case(fault, call):
            continue
        land(storage, service, "o")
        seen: list[str | None] = []
        with suppress(LakeError, Died):
            land(
                FaultyStorage(storage, number, fault, lambda _call, seen=seen: seen.append(found(service))),
                service,
                "n",
            )
        where = f"{fault} {call}"
        assert set(seen) <= {"o", None, "n"}, where
        if found(service) is None:
            gaps.append(where)
        clock.skip(LEASE_SECONDS + 1)
        with table_landing(storage, TABLE, "run-next"):
            assert found(service) in ("o", "n"), where
            assert manifest_of(service) == f"run-{found(service)}", where
        assert leftovers(service) == [], where
    # The documented gap: the run dies after the old folder was moved aside, and before the new one was in place.
    assert gaps == ([f"{DIES_AFTER} rename {TABLE} -> _landing/{TABLE}/run-n/previous"] if fault == DIES_AFTER else [])


def sleeping(storage: AdlsStorage, lease: Any) -> None:
    """Let a run's lease end as when its machine was asleep."""
    assert isinstance(lease, AdlsLease)
    lease._ended.set()
    lease._keeper.join()
    lease._ended.clear()
    cast("FastClock", storage.clock).skip(LEASE_SECONDS + 1)


def test_a_run_that_slept_replaces_nothing(service: DfsService, clock: FastClock) -> None:
    storage = service.storage(clock=clock)

    def land_twice() -> None:
        with table_landing(storage, TABLE, "run-asleep") as asleep:
            stage(asleep, service, "s")
            sleeping(storage, asleep._lock._lease)
            land(storage, service, "a")
            asleep.promote()

    land(storage, service, "o")
    with pytest.raises(LockLostError, match="another may have taken its place"):
        land_twice()
    assert (found(service), manifest_of(service)) == ("a", "run-a")


@pytest.mark.parametrize("moved", [False, True])
def test_a_run_that_falls_asleep_between_its_check_and_its_renames_replaces_nothing(
    moved: bool, service: DfsService, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence: what it staged, and the place for the table it would move away, are gone when it wakes."""
    storage, sleeper = service.storage(clock=clock), service.storage(clock=clock)
    rename, renames = sleeper.rename, []

    def sleep_first(*arguments: Any, **options: Any) -> None:
        renames.append(arguments)
        if len(renames) == (2 if moved else 1):
            sleeping(storage, asleep._lock._lease)
            land(storage, service, "a")
        rename(*arguments, **options)

    land(storage, service, "o")
    with pytest.raises(PromotionError), table_landing(sleeper, TABLE, "run-asleep") as asleep:
        stage(asleep, service, "s")
        monkeypatch.setattr(sleeper, "rename", sleep_first)
        asleep.promote()
    assert (found(service), manifest_of(service)) == ("a", "run-a")
    clock.skip(LEASE_SECONDS + 1)
    land(storage, service, "x")
    assert (found(service), manifest_of(service)) == ("x", "run-x")
    assert leftovers(service) == []
