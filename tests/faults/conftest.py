"""What the tests of faults share: an impatient lock, a faulty country API."""

from collections.abc import Iterator

import pytest

from fakes.faulty_http import FaultyServer, running
from ingestion import lock


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lock whose owner gives no sign of life count as dead soon."""
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0.3)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with running(FaultyServer()) as server:
        yield server
