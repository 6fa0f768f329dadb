"""What the tests of faults share: a faulty country API."""

from collections.abc import Iterator

import pytest

from fakes.faulty_http import FaultyServer, running


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with running(FaultyServer()) as server:
        yield server
