"""A pytest plugin with the fixture `local_factory`: `pytest_plugins = ["local_factory.pytest_plugin"]` in conftest.py.

The factory's Git root is the folder `adf` beside pytest's configuration, or what `local_factory_adf` names there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_factory.testing import LocalFactory


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let pytest's configuration name the factory's Git root."""
    parser.addini("local_factory_adf", "the factory's Git root", default="adf")


@pytest.fixture
def local_factory(request: pytest.FixtureRequest) -> Callable[..., LocalFactory]:
    """Return what makes a local factory of the project's Git root: `local_factory(stubs=..., linked_services=...)`."""
    root = Path(request.config.rootpath) / str(request.config.getini("local_factory_adf"))

    def make(stubs: Any = None, linked_services: Any = None, notebooks: Any = None, **options: Any) -> LocalFactory:
        return LocalFactory(root, stubs, linked_services, notebooks, **options)

    return make
