"""What the tests of faults share: an impatient lock."""

import pytest

from ingestion import lock


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lock whose owner gives no sign of life count as dead soon."""
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0.3)
