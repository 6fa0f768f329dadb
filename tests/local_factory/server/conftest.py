"""A served factory of small pipelines, which the tests of one module share, and one of its own for a test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.local_server import LocalServer, write_factory
from support.pipelines import activity, expression, fail, pipeline, resource, set_variable, succeed

Serve = Callable[..., LocalServer]


def waiting(seconds: int, name: str = "PL_Slow", **properties: Any) -> Any:
    """A pipeline that goes on for so many seconds, by an activity Wait."""
    return pipeline(name, [activity("Slow", "Wait", waitTimeInSeconds=seconds)], **properties)


def calling(name: str, child: str, *, waits: bool = True) -> Any:
    """A pipeline that calls another."""
    reference = {"referenceName": child, "type": "PipelineReference"}
    return pipeline(name, [activity("Call", "ExecutePipeline", pipeline=reference, waitOnCompletion=waits)])


def schedule(name: str, *pipelines: str, state: str = "Stopped", **recurrence: Any) -> Any:
    """A schedule trigger, by default once a minute since 2026."""
    given = {"frequency": "Minute", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC", **recurrence}
    entries = [{"pipelineReference": {"referenceName": n, "type": "PipelineReference"}} for n in pipelines]
    properties = {"type": "ScheduleTrigger", "runtimeState": state, "pipelines": entries}
    return resource("trigger", name, {**properties, "typeProperties": {"recurrence": given}})


PIPELINES = (
    pipeline("PL_Good", [succeed("First"), succeed("Second", "First")], description="Two steps."),
    pipeline("PL_Bad", [succeed("First"), fail("Break", "First", message="it broke"), succeed("Never", "Break")]),
    waiting(600),
    waiting(600, "PL_One", concurrency=1),
    calling("PL_Parent", "PL_Slow"),
    pipeline(
        "PL_Typed",
        [set_variable("Set", "v", expression("@concat(pipeline().parameters.day, pipeline().parameters.number)"))],
        parameters={
            "day": {"type": "String", "defaultValue": "2026-01-01"},
            "number": {"type": "Int"},
            "list": {"type": "Array", "defaultValue": [1, 2]},
        },
        variables={"v": {"type": "String"}},
    ),
    pipeline("PL_Unsupported", [activity("Copy", "HDInsightPig", scriptPath="x")]),
    schedule("TR_Minute", "PL_Good"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that the module's tests share: no test relies on what another left."""
    folder = tmp_path_factory.mktemp("server")
    with LocalServer(write_factory(folder / "adf", *PIPELINES), folder / "work") as served:
        yield served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves a factory of the given objects; again without any, after a stop."""
    with ExitStack() as stack:

        def start(*resources: Any, **options: Any) -> LocalServer:
            adf = write_factory(tmp_path / "adf", *resources)
            return stack.enter_context(LocalServer(adf, tmp_path / "work", **options))

        yield start
