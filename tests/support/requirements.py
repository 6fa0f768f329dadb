"""What a test needs of the machine: skipped where it is not there, and a failure in CI, which has it all."""

import os

import pytest


def require(missing: str | None) -> None:
    """Skip the test, or fail it in CI, where something is missing, with the way to get it; None where nothing is."""
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
