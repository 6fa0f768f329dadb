"""Fixtures of the tests of activities."""

from pathlib import Path

import pytest

from support.data_factory import DataFactory


@pytest.fixture
def factory(tmp_path: Path) -> DataFactory:
    return DataFactory(tmp_path)
