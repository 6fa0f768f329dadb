"""What the pages are made of: the parts of the server that they show, and a page as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local_factory.server.notebooks import ServedNotebooks
from local_factory.server.objects import FactoryObjects
from local_factory.server.runs import Runs
from local_factory.server.triggers import Triggers


@dataclass(frozen=True)
class Parts:
    """The parts of the server that pages show."""

    objects: FactoryObjects
    runs: Runs
    triggers: Triggers
    workdir: Path
    notebooks: ServedNotebooks


@dataclass(frozen=True)
class Page:
    """A page: its template, its title, what it shows, and the kinds of change after which it is shown anew."""

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    live: tuple[str, ...] = ()


def here(moment: datetime) -> datetime:
    """Return a moment in this machine's time zone, which is that of whoever looks."""
    return moment.astimezone()


def object_address(section: str, name: str) -> str:
    """Return the address of an object's page."""
    return f"/{section}/{quote(name, safe='')}"
