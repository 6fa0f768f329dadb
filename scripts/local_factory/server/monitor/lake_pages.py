"""The pages of the lake: its folders, and of a table its schema, its first rows and its versions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from local_factory.server.errors import not_found
from local_factory.server.monitor.parts import Page, Parts, here
from local_factory.server.monitor.tables import Table, UnreadableTableError, is_table, read_table

if TYPE_CHECKING:
    from starlette.requests import Request

_FIRST_ROWS = 20
_MOST_ENTRIES = 1000
_LONGEST_TEXT = 64 * 1024
_TEXTS = frozenset({".json", ".jsonl", ".csv", ".tsv", ".txt", ".xml", ".yaml", ".yml", ".md", ".log"})


@dataclass(frozen=True)
class Entry:
    """A folder, table or file of the lake."""

    name: str
    kind: str
    address: str
    bytes: int | None
    changed: datetime


def folder_page(parts: Parts, request: "Request") -> Page:
    """Return a folder, a table or a file of the lake."""
    lake = (parts.workdir / "lake").resolve()
    asked = request.path_params.get("path", "").strip("/")
    place = _inside(lake, asked)
    names = asked.split("/") if asked else []
    crumbs = [(name, _address("/".join(names[: number + 1]))) for number, name in enumerate(names)]
    values = {"crumbs": crumbs, "here": here, "asked": asked}
    if place.is_file():
        text, more = _text(place)
        return Page("lake_file.html.j2", asked, {**values, "text": text, "more": more, "bytes": place.stat().st_size})
    if place.is_dir() and place != lake and is_table(place):
        table: Table | None = None
        problem = ""
        try:
            table = read_table(place, _FIRST_ROWS)
        except UnreadableTableError as error:
            problem = str(error)
        return Page("lake_table.html.j2", asked, {**values, "table": table, "problem": problem}, live=("runs",))
    entries = _entries(lake, place) if place.is_dir() else []
    return Page(
        "lake.html.j2",
        asked or "Lake",
        {**values, "entries": entries[:_MOST_ENTRIES], "more": len(entries) - _MOST_ENTRIES, "lake": lake},
        live=("runs",),
    )


def _inside(lake: Path, asked: str) -> Path:
    """Return a place in the lake.

    Raises:
        ServiceError: it is not there, is hidden, or lies outside.
    """
    missing = not_found(f"The lake has no {asked!r}.")
    if "\0" in asked or any(part.startswith((".", "_")) for part in asked.split("/") if part):
        raise missing
    try:
        # Links are followed before it is said what is inside.
        place = (lake / asked).resolve()
        there = place.exists()
    except (OSError, RuntimeError):
        raise missing from None
    if not place.is_relative_to(lake) or (asked and not there):
        raise missing
    return place


def _entries(lake: Path, folder: Path) -> list[Entry]:
    found = []
    for place in folder.iterdir():
        if place.name.startswith((".", "_")) or not place.resolve().is_relative_to(lake):
            continue
        try:
            stat = place.stat()
        except OSError:
            continue
        kind = "file" if place.is_file() else "table" if is_table(place) else "folder"
        address = _address(place.relative_to(lake).as_posix())
        size = stat.st_size if kind == "file" else None
        found.append(Entry(place.name, kind, address, size, datetime.fromtimestamp(stat.st_mtime, UTC)))
    return sorted(found, key=lambda entry: (entry.kind == "file", entry.name))


def _address(path: str) -> str:
    return f"/lake/{quote(path)}"


def _text(file: Path) -> tuple[str | None, bool]:
    if file.suffix.lower() not in _TEXTS:
        return None, False
    with file.open("rb") as stream:
        content = stream.read(_LONGEST_TEXT + 1)
    return content[:_LONGEST_TEXT].decode(errors="replace"), len(content) > _LONGEST_TEXT
