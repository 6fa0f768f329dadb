"""Reads the folder of sources: every file is read and checked, whatever is wrong with the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from ingestion.feeds.destinations import clashes, table_name, unfit_as_table
from ingestion.feeds.model import (
    Endpoint,
    Feed,
    Files,
    FilesSource,
    RestSource,
    Source,
    SqlSource,
    Table,
    default_destination,
)
from ingestion.feeds.problems import Problem, SourcesError
from ingestion.feeds.reading import WRONG, keys_of, read_table, shown
from ingestion.feeds.rules import completed, feed_refusals, parent_refusals, source_refusals
from ingestion.feeds.secrecy import plain_secrets
from ingestion.feeds.settings import Settings, resolve
from ingestion.feeds.toml_lines import Path, TomlDocument, TomlError, parse_toml
from ingestion.platform.names import nearest

# The folder that is deployed with the notebooks.
SOURCES = FilePath(__file__).resolve().parents[2] / "sources"


@dataclass(frozen=True)
class SourceType:
    """A type of source: what its table and its feeds are read into, and how the list of feeds is called."""

    source: type[Source]
    feed: type[Feed]
    feeds_key: str


TYPES: Mapping[str, SourceType] = {
    "sql": SourceType(SqlSource, Table, "tables"),
    "rest": SourceType(RestSource, Endpoint, "endpoints"),
    "files": SourceType(FilesSource, Files, "paths"),
}


@dataclass(frozen=True)
class NamedSecret:
    """A secret that a file names, and where."""

    file: str
    line: int
    key: str
    secret: str


def read_sources(
    folder: FilePath,
    settings: Settings | None = None,
    has_secret: Callable[[str], bool] | None = None,
    files: str = "*.toml",
) -> list[Source]:
    """Return the sources of a folder's TOML files, by file name, each with its feeds.

    Args:
        folder: of the files.
        settings: gives `${SETTING}`; None leaves those as they are, for a check without any.
        has_secret: says whether a secret is stored, which `when` asks; None takes every endpoint, for such a check.
        files: a glob, for who needs some of them only.

    Raises:
        SourcesError: with every refusal of every file.
    """
    sources, problems, _ = check_sources(folder, settings, has_secret, files)
    if problems:
        raise SourcesError(problems)
    return sources


def check_sources(
    folder: FilePath,
    settings: Settings | None = None,
    has_secret: Callable[[str], bool] | None = None,
    files: str = "*.toml",
) -> tuple[list[Source], list[Problem], list[NamedSecret]]:
    """Return what can be read, all refusals, and the secrets that are named."""
    if not folder.is_dir():
        problem = Problem(folder.name, 1, "", "", f"no such folder of sources: {folder}; name one, or make it")
        return [], [problem], []
    read = [_File(path, settings, has_secret) for path in sorted(folder.glob(files))]
    for file in read:
        file.read()
    problems = [problem for file in read for problem in file.problems]
    problems += _shared_names(read)
    problems += _shared_destinations(read)
    if settings and settings("CATALOG"):
        problems += _shared_tables(read)
    secrets = [secret for file in read for secret in file.secrets()]
    return [file.source for file in read if file.source], sorted(set(problems)), secrets


class _File:
    """One file, as far as it can be read."""

    def __init__(self, path: FilePath, settings: Settings | None, has_secret: Callable[[str], bool] | None) -> None:
        self._path = path
        self._settings = settings
        self._has_secret = has_secret
        self._document = TomlDocument({}, "")
        self._labels: dict[tuple[str | int, ...], str] = {}
        self._missing: list[str] = []
        self.problems: list[Problem] = []
        self.source: Source | None = None
        # Beside each feed its place in the list, also of those that a secret's absence leaves out.
        self.placed: list[tuple[Path, Feed]] = []

    def read(self) -> None:
        """Read the file, and note what is wrong with it."""
        try:
            self._document = parse_toml(self._path.read_bytes().decode("utf-8"))
        except TomlError as error:
            self._note(error.line, "", error.key, f"is not TOML: {error}")
            return
        except UnicodeDecodeError as error:
            self._note(1, "", "", f"is not UTF-8: {error}; save it as UTF-8")
            return
        except OSError as error:
            self._note(1, "", "", f"cannot be read: {error}")
            return
        for path, message in plain_secrets(self._document.values):
            self.report(path, message)
        values = dict(self._document.values)
        if self._settings:
            values = resolve(values, self._settings, self._unset)
        self._read(values)

    def report(self, path: Path, message: str) -> None:
        """Note a refusal at a path of the file."""
        label, rest = self._label(path)
        key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in rest).replace(".[", "[")
        self._note(self._document.line(path), label, key, message)

    def secrets(self) -> Iterator[NamedSecret]:
        """Yield the secrets that the file names."""
        for path, value in _walk(self._document.values):
            if path[-1] in ("secret", "no_secret") and isinstance(value, str):
                _, rest = self._label(path)
                yield NamedSecret(self._path.name, self._document.line(path), ".".join(map(str, rest)), value)

    def _note(self, line: int, table: str, key: str, message: str) -> None:
        self.problems.append(Problem(self._path.name, line, table, key, message))

    def _unset(self, path: Path, name: str) -> None:
        label, rest = self._label(path)
        where = f"{self._path.name}:{self._document.line(path)}: {label}: {'.'.join(map(str, rest))}"
        self._missing.append(
            f"{where}: ${{{name}}} is not set: give it as widget {name.lower()} or as environment variable "
            f"{name.upper()} of the cluster"
        )

    def _label(self, path: Path) -> tuple[str, Path]:
        """Return how people call the part of the file that a path leads to, and the rest of the path."""
        if len(path) > 1 and isinstance(path[1], int):
            name = None
            entries = self._document.values.get(str(path[0]))
            if isinstance(entries, list) and path[1] < len(entries) and isinstance(entries[path[1]], Mapping):
                name = entries[path[1]].get("name")
            return f"[[{path[0]}]] {shown(name) if name is not None else f'number {path[1] + 1}'}", path[2:]
        if len(path) > 1 or isinstance(self._document.values.get(str(path[0]) if path else ""), Mapping):
            return f"[{path[0]}]", path[1:]
        return "", path

    def _read(self, values: Mapping[str, Any]) -> None:
        table = values.get("source")
        if not isinstance(table, Mapping):
            self.report(("source",), 'has no table [source]; write one, with type = "sql", "rest" or "files"')
            return
        found = table.get("type")
        kind = TYPES.get(found) if isinstance(found, str) else None
        if kind is None:
            wrong = "is missing" if found is None else f"{shown(found)} is not known"
            self.report(("source", "type"), f"{wrong}. {nearest(found if isinstance(found, str) else '', TYPES)}")
            return
        self._check_keys(values, kind)
        named = table.get("name") or self._path.stem
        source: Source = read_table(kind.source, table, ("source",), self.report)
        if source is WRONG:
            self._read_feeds(values, kind, str(named), None)
            return
        source = replace(source, name=named, file=self._path.name)
        for path, message in source_refusals(source):
            self.report(("source", *path), message)
        feeds = self._read_feeds(values, kind, named, source)
        self.source = replace(source, feeds=tuple(feeds), unset=tuple(dict.fromkeys(self._missing)))

    def _read_feeds(
        self, values: Mapping[str, Any], kind: SourceType, name: str, source: Source | None
    ) -> Iterable[Feed]:
        """Return the feeds that are there, and note what is wrong with any."""
        defaults, entries = values.get("defaults", {}), values.get(kind.feeds_key, [])
        if not isinstance(defaults, Mapping):
            self.report(("defaults",), f"it is {shown(defaults)}; write a table: [defaults]")
            defaults = {}
        self._check_defaults(defaults, kind)
        if not isinstance(entries, list):
            self.report((kind.feeds_key,), f"it is {shown(entries)}; write [[{kind.feeds_key}]], for each feed one")
            entries = []
        for number, entry in enumerate(entries):
            feed = self._read_feed(kind, number, entry, defaults, name)
            if feed is not None:
                self.placed.append(((kind.feeds_key, number), feed))
                # One that the stored secrets leave out may be at odds with what is set for the other.
                if self._is_there(feed):
                    self._report_feed(number, entry, kind, feed_refusals(feed, source))
        endpoints = [feed for _, feed in self.placed if isinstance(feed, Endpoint)]
        if len(endpoints) == len(entries):
            for number, refusal in parent_refusals(endpoints):
                self._report_feed(number, entries[number], kind, iter([refusal]))
        return (feed for _, feed in self.placed if self._is_there(feed))

    def _check_keys(self, values: Mapping[str, Any], kind: SourceType) -> None:
        known = ("source", "defaults", kind.feeds_key)
        for key in values:
            if key in known:
                continue
            owner = next((name for name, other in TYPES.items() if other.feeds_key == key), None)
            if owner:
                self.report((key,), f'belongs to a source of type "{owner}"; write [[{kind.feeds_key}]] here')
            else:
                self.report((key,), f"no such table. {nearest(key, known)}")

    def _check_defaults(self, defaults: Mapping[str, Any], kind: SourceType) -> None:
        keys = [key for key in keys_of(kind.feed) if key not in _NO_DEFAULTS]
        for key in defaults:
            if key in _NO_DEFAULTS:
                self.report(("defaults", key), f"is each feed's own; write it in [[{kind.feeds_key}]]")
            elif key not in keys:
                self.report(("defaults", key), f"no such key. {nearest(key, keys)}")

    def _read_feed(
        self, kind: SourceType, number: int, entry: Any, defaults: Mapping[str, Any], source: str
    ) -> Feed | None:
        place: Path = (kind.feeds_key, number)
        if not isinstance(entry, Mapping):
            self.report(place, f"it is {shown(entry)}; write [[{kind.feeds_key}]]")
            return None
        known = {key: value for key, value in defaults.items() if key in keys_of(kind.feed) and key not in _NO_DEFAULTS}

        def report(path: Path, message: str) -> None:
            self.report(self._place(path, entry), message)

        feed: Feed = read_table(kind.feed, {**known, **entry}, place, report)
        if feed is WRONG:
            return None
        is_named = feed.destination or (isinstance(feed, Table) and replace(feed, source="").pattern)
        return completed(
            replace(
                feed,
                name=f"{source}.{feed.name}",
                place=f"{self._path.name}:{self._document.line(place)}",
                source=source,
                destination=feed.destination if is_named else default_destination(source, feed.name),
            )
        )

    def _place(self, path: Path, entry: Mapping[str, Any]) -> Path:
        """Return the path of a key, which is one of the defaults where the feed itself does not say it."""
        defaults = self._document.values.get("defaults", {})
        if len(path) > 2 and path[2] not in entry and isinstance(defaults, Mapping) and path[2] in defaults:  # noqa: PLR2004
            return ("defaults", *path[2:])
        return path

    def _report_feed(
        self, number: int, entry: Mapping[str, Any], kind: SourceType, refusals: Iterator[tuple[Path, str]]
    ) -> None:
        """Note refusals of a feed under its name, also where the line is one of the defaults."""
        for path, message in refusals:
            label, rest = self._label((kind.feeds_key, number, *path))
            key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in rest).replace(".[", "[")
            line = self._document.line(self._place((kind.feeds_key, number, *path), entry))
            self._note(line, label, key, message)

    def _is_there(self, feed: Feed) -> bool:
        when = feed.when if isinstance(feed, Endpoint) else None
        if when is None or self._has_secret is None:
            return True
        if when.secret is not None:
            return self._has_secret(when.secret)
        return not self._has_secret(str(when.no_secret))


# A feed's own name and place.
_NO_DEFAULTS = ("name", "destination")


def _shared_names(files: list[_File]) -> Iterator[Problem]:
    first: dict[str, _File] = {}
    for file in files:
        if file.source is None:
            continue
        other = first.setdefault(file.source.name.casefold(), file)
        if other is not file:
            place = ("source", "name")
            file.report(place, f"{file.source.name!r} is the name of {other._path.name} too; choose another")
            yield file.problems[-1]


def _shared_destinations(files: list[_File]) -> Iterator[Problem]:
    """Refuse feeds of one name or one destination, but for endpoints of which a secret decides for one."""
    names: dict[str, tuple[_File, Path, Feed]] = {}
    landing: list[tuple[_File, Path, Feed]] = []
    for file in files:
        for path, feed in file.placed:
            other = names.setdefault(feed.name, (file, path, feed))
            if other[2] is not feed and not _exclude_each_other(feed, other[2]):
                file.report((*path, "name"), f"{feed.local_name!r} is there twice; name each feed once")
                yield file.problems[-1]
            elif feed.destination:
                landing.append((file, path, feed))
    for later, earlier in clashes([feed.destination for _, _, feed in landing]):
        (file, path, feed), (other_file, other_path, other_feed) = landing[later], landing[earlier]
        if _exclude_each_other(feed, other_feed):
            continue
        where = f"{other_file._path.name}:{other_file._document.line((*other_path, 'destination'))}"
        relation = "is" if feed.destination.casefold() == other_feed.destination.casefold() else "overlaps"
        file.report(
            (*path, "destination"),
            f"{feed.destination!r} {relation} the destination of {other_feed.name} ({where}); write another",
        )
        yield file.problems[-1]


def _shared_tables(files: list[_File]) -> Iterator[Problem]:
    """Refuse destinations that cannot be a table's name, or become that of another one."""
    first: dict[str, Feed] = {}
    for file in files:
        for path, feed in file.placed:
            if not feed.destination or feed.format != "delta":
                continue
            reason, name = unfit_as_table(feed.destination), table_name(feed.destination)
            other = first.setdefault(name, feed)
            if not reason and other.destination != feed.destination:
                reason = f"is the table {name} of the catalog, as is that of {other.name}; write another"
            if reason:
                file.report((*path, "destination"), f"{feed.destination!r} {reason}")
                yield file.problems[-1]


def _exclude_each_other(feed: Feed, other: Feed) -> bool:
    if not (isinstance(feed, Endpoint) and isinstance(other, Endpoint) and feed.when and other.when):
        return False
    with_secret, without = {feed.when.secret, other.when.secret}, {feed.when.no_secret, other.when.no_secret}
    return with_secret == without and len(with_secret) == 2  # noqa: PLR2004 - the secret, and None


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key), child
        yield from _walk(child, (*path, key))
