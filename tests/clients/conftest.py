"""A served factory for clients that others wrote."""

from collections.abc import Iterator

import pytest

from support.local_server import LocalServer, write_factory
from support.pipelines import activity, fail, pipeline, succeed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    folder = tmp_path_factory.mktemp("clients")
    pipelines = [
        pipeline("PL_Good", [succeed("First"), succeed("Second", "First")]),
        pipeline("PL_Bad", [succeed("First"), fail("Break", "First", message="it broke")]),
        pipeline("PL_Slow", [activity("Slow", "Wait", waitTimeInSeconds=600)]),
    ]
    with LocalServer(write_factory(folder / "adf", *pipelines), folder / "work") as served:
        yield served
