"""Watching triggers: windows in their order with what they depend on, files that come, events given by hand."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bundle.bundle import read_bundle
from local_factory.data.stand_ins import read_stand_ins
from local_factory.errors import ScheduleError
from local_factory.triggers import find_trigger, next_fire_times
from local_factory.watching import Fire, WindowHistory, fires, is_ready
from local_factory.windows import Window, read_windows
from support.factories import write_object, write_pipeline
from support.pipelines import set_variable

REPOSITORY = Path(__file__).resolve().parents[2]
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def adf(tmp_path: Path) -> Path:
    return tmp_path / "adf"


def window_trigger(adf: Path, name: str, **properties: Any) -> None:
    times = {"frequency": "Hour", "interval": 1, "startTime": "2024-01-01T00:00:00Z", "endTime": "2024-01-01T04:00:00Z"}
    reference = {"referenceName": "PL", "type": "PipelineReference"}
    parameters = {"at": "@trigger().outputs.windowStartTime"}
    write_object(
        adf,
        "trigger",
        name,
        {
            "type": "TumblingWindowTrigger",
            "pipeline": {"pipelineReference": reference, "parameters": parameters},
            "typeProperties": {**times, **properties},
        },
    )


def note_pipeline(adf: Path, parameter: str = "at") -> None:
    """A pipeline that notes its parameter."""
    value = {"value": f"@pipeline().parameters.{parameter}", "type": "Expression"}
    declared = {parameter: {"type": "String"}}
    note = set_variable("note", "v", value)
    write_pipeline(adf, "PL", [note], parameters=declared, variables={"v": {"type": "String"}})


async def first(adf: Path, name: str, count: int, *, succeeded: bool = True, stand_ins: Any = None) -> list[Fire]:
    bundle = read_bundle(adf, adf)
    found = []
    coming = fires(
        find_trigger(bundle.resources, name),
        bundle,
        read_stand_ins(stand_ins or {}, bundle),
        adf.parent,
        lambda _: None,
    )
    async for fire in coming:
        found.append(fire)
        fire.ended(succeeded)
        if len(found) == count:
            break
    return found


def test_windows_that_have_closed_are_made_up_for_in_their_order_and_only_once(adf: Path) -> None:
    note_pipeline(adf)
    window_trigger(adf, "W")
    found = asyncio.run(first(adf, "W", 3))
    assert [fire.requests[0].parameters["at"] for fire in found] == [f"2024-01-01T0{hour}:00:00Z" for hour in range(3)]
    assert found[0].requests[0].invocation.invoked_by["invokedByType"] == "TumblingWindowTrigger"
    assert [fire.title for fire in asyncio.run(first(adf, "W", 9))] == ["2024-01-01 03:00 to 2024-01-01 04:00"]


def window(hour: int) -> Window:
    return Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1), START + timedelta(hours=hour + 1))


def test_a_window_waits_for_its_own_earlier_one_and_for_those_of_another_trigger(adf: Path) -> None:
    own = {"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-01:00:00", "size": "01:00:00"}
    reference = {"referenceName": "Other", "type": "TriggerReference"}
    other = {"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": reference, "offset": "00:00:00"}
    window_trigger(adf, "Self", dependsOn=[own])
    window_trigger(adf, "Wide", interval=2, dependsOn=[other])
    window_trigger(adf, "Other")
    resources = read_bundle(adf, adf).resources
    read = {name: read_windows(find_trigger(resources, name).properties) for name in ("Self", "Wide", "Other")}

    def done(*hours: int) -> dict[str, str]:
        return {f"2024-01-01T0{hour}:00:00Z": "Succeeded" for hour in hours}

    assert is_ready(read["Self"], window(0), {None: (read["Self"], {}.get)})
    assert not is_ready(read["Self"], window(1), {None: (read["Self"], {}.get)})
    assert not is_ready(read["Self"], window(1), {None: (read["Self"], {"2024-01-01T00:00:00Z": "Failed"}.get)})
    assert is_ready(read["Self"], window(1), {None: (read["Self"], done(0).get)})
    wide = next(read["Wide"].after(None))
    assert not is_ready(read["Wide"], wide, {"Other": (read["Other"], done(0).get)})
    assert is_ready(read["Wide"], wide, {"Other": (read["Other"], done(0, 1).get)})


def test_a_failed_window_is_kept_as_failed(adf: Path) -> None:
    note_pipeline(adf)
    window_trigger(adf, "W")
    asyncio.run(first(adf, "W", 1, succeeded=False))
    assert WindowHistory(adf.parent, "W").states() == {"2024-01-01T00:00:00Z": "Failed"}


def test_a_dependency_that_can_never_be_met_is_refused(adf: Path) -> None:
    window_trigger(adf, "W", dependsOn=[{"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "01:00:00"}])
    with pytest.raises(ScheduleError, match="offset must be below zero"):
        read_windows(find_trigger(read_bundle(adf, adf).resources, "W").properties)


def test_the_next_windows_are_told_when_they_may_run(adf: Path) -> None:
    window_trigger(adf, "W", delay="00:15:00", endTime=None)
    moments = next_fire_times(
        find_trigger(read_bundle(adf, adf).resources, "W"), START + timedelta(hours=1, minutes=10)
    )
    assert [next(moments).isoformat() for _ in range(2)] == ["2024-01-01T01:15:00+00:00", "2024-01-01T02:15:00+00:00"]


def blob_trigger(adf: Path, **properties: Any) -> None:
    write_object(adf, "linkedService", "Lake", {"type": "AzureBlobFS", "typeProperties": {"url": "https://acc.dfs"}})
    reference = {"referenceName": "PL", "type": "PipelineReference"}
    parameters = {"at": "@concat(triggerBody().folderPath, '|', triggerBody().fileName)"}
    body = {
        "blobPathBeginsWith": "/box/blobs/in/",
        "blobPathEndsWith": ".csv",
        "ignoreEmptyBlobs": True,
        "scope": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acc",
        "events": ["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"],
        **properties,
    }
    pipelines = [{"pipelineReference": reference, "parameters": parameters}]
    write_object(adf, "trigger", "B", {"type": "BlobEventsTrigger", "pipelines": pipelines, "typeProperties": body})


def test_files_that_come_and_go_fire_once_each_when_they_are_wanted(adf: Path) -> None:
    note_pipeline(adf)
    blob_trigger(adf)
    store = adf.parent / "store"
    (store / "box/in/deep").mkdir(parents=True)
    (store / "box/in/old.csv").write_text("was there")

    async def change_and_watch() -> list[Fire]:
        watching = asyncio.create_task(first(adf, "B", 2, stand_ins={"Lake": {"folder": str(store)}}))
        await asyncio.sleep(0.5)
        (store / "box/in/deep/new.csv").write_text("x")
        (store / "box/in/empty.csv").touch()
        (store / "box/in/new.txt").write_text("x")
        (store / "box/other.csv").write_text("x")
        await asyncio.sleep(3)
        (store / "box/in/old.csv").unlink()
        return await asyncio.wait_for(watching, 60)

    found = asyncio.run(change_and_watch())
    assert [fire.requests[0].parameters["at"] for fire in found] == ["box/in/deep|new.csv", "box/in|old.csv"]


def test_a_storage_trigger_without_its_folder_is_refused(adf: Path) -> None:
    note_pipeline(adf)
    blob_trigger(adf)
    with pytest.raises(ScheduleError, match="no folder stands in for the storage account acc"):
        asyncio.run(first(adf, "B", 1))


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "scripts/run_local.py"), "--adf", str(folder / "adf"), *arguments]


def test_an_event_is_given_by_hand(adf: Path) -> None:
    note_pipeline(adf)
    reference = {"referenceName": "PL", "type": "PipelineReference"}
    pipelines = [{"pipelineReference": reference, "parameters": {"at": "@triggerBody().event.data.key"}}]
    custom = {"type": "CustomEventsTrigger", "pipelines": pipelines, "typeProperties": {"events": ["x"], "scope": "s"}}
    write_object(adf, "trigger", "C", custom)
    (adf.parent / "event.json").write_text(json.dumps({"event": {"data": {"key": "by hand"}}}))
    done = subprocess.run(
        command(adf.parent, "--trigger", "C", "--event", "event.json", "--json"),
        cwd=adf.parent, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert run["activityRuns"][0]["output"]["value"] == "by hand"
    assert run["invokedBy"]["invokedByType"] == "CustomEventsTrigger"


def test_a_watch_runs_the_windows_that_have_closed(adf: Path) -> None:
    note_pipeline(adf)
    window_trigger(adf, "W", maxConcurrency=1)
    done = subprocess.run(
        command(adf.parent, "--trigger", "W", "--watch", "--json"),
        cwd=adf.parent, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    decoder, text, runs = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        found, end = decoder.raw_decode(text)
        runs += found["runs"]
        text = text[end:].strip()
    assert [run["parameters"]["at"] for run in runs] == [f"2024-01-01T0{hour}:00:00Z" for hour in range(4)]
