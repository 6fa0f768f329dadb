"""What the feeds of a folder may look like: proposed from its files' names and what stands in some. Pure: no I/O."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ingestion.feeds.toml_values import toml_value
from ingestion.files.patterns import pattern_regex

_FORMATS = {
    "csv": "csv",
    "tsv": "csv",
    "psv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "parquet": "parquet",
}
_PACKED = ("gz", "bz2", "zst", "snappy", "lz4", "deflate")
_SEPARATORS = (",", ";", "\t", "|")
# Above so many kinds of names in one folder they are no kinds.
_MOST_KINDS = 20
_KEY_NAME = re.compile(r"(.*[_ .-])?(id|key|code|number|no|uuid|guid)|.*(Id|ID|Key|Code|Number|No)", re.DOTALL)
_KEY_IN_NAME = re.compile(r"id|key|uuid|guid", re.IGNORECASE)


@dataclass(frozen=True)
class FileGroup:
    """Files of a folder that may be one feed.

    Attributes:
        name: of the feed.
        pattern: that means them, below the folder.
        file_format: `csv`, `json` or `parquet`.
        paths: of the files, below the folder.
    """

    name: str
    pattern: str
    file_format: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """What stands in one file of a group: options of Spark's reader, columns, and the first rows."""

    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()

    @property
    def key(self) -> str | None:
        """The column that may be the key: its name says so, and no row lacks or repeats a value."""
        named = [name for name in self.columns if _KEY_NAME.fullmatch(name)]
        for name in sorted(named, key=lambda name: not _KEY_IN_NAME.search(name)):
            place = self.columns.index(name)
            values = [row[place] if place < len(row) else None for row in self.rows]
            if values and all(value not in (None, "") for value in values) and len(set(values)) == len(values):
                return name
        return None


def groups_of(paths: Iterable[str]) -> tuple[list[FileGroup], list[str]]:
    """Return the groups of files below a folder, and the files of no format that is read.

    Files belong together that have one ending, lie below one folder and whose names begin alike: `orders_2026-01.csv`.
    """
    kinds: dict[tuple[str, str, str], list[str]] = {}
    others: list[str] = []
    for path in sorted(paths):
        *folders, name = path.split("/")
        stem, *endings = name.split(".")
        ending = ".".join(endings[-2:] if endings and endings[-1].lower() in _PACKED else endings[-1:])
        if not stem or ending.lower().partition(".")[0] not in _FORMATS:
            others.append(path)
            continue
        kinds.setdefault((folders[0] if folders else "", ending, _beginning(stem)), []).append(path)
    groups: list[FileGroup] = []
    for (top, ending), alike in groupby(sorted(kinds), key=lambda kind: kind[:2]):
        beginnings = {beginning: kinds[top, ending, beginning] for _, _, beginning in alike}
        found = [_group(top, ending, beginning, files) for beginning, files in beginnings.items()]
        if len(found) == 1 or len(found) > _MOST_KINDS or not all(beginnings) or _overlap(found):
            found = [_group(top, ending, "", [path for files in beginnings.values() for path in files])]
        groups += found
    return _named_apart(groups), others


def sample_of_csv(lines: Sequence[str], ending: str) -> Sample:
    """Return what the first lines of a CSV file tell."""
    lines = [line for line in lines if line.strip()]
    if not lines:
        return Sample({"header": True})
    separator = "\t" if ending == "tsv" else max(_SEPARATORS, key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=separator))
    first = rows[0]
    has_header = len(set(first)) == len(first) and all(name.strip() and not _is_number(name) for name in first)
    options: dict[str, Any] = {"header": has_header}
    if separator != ",":
        options["sep"] = separator
    columns = first if has_header else [f"_c{number}" for number in range(len(first))]
    return Sample(options, columns, rows[has_header:])


def sample_of_json(lines: Sequence[str]) -> Sample:
    """Return what the first lines of JSON tell, a record a line."""
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    columns = list(dict.fromkeys(name for record in records for name in record))
    rows = [[_plain(record.get(name)) for name in columns] for record in records]
    return Sample({}, columns, rows)


def proposal(source: Mapping[str, Any], groups: Sequence[tuple[FileGroup, Sample]], others: Sequence[str]) -> str:
    """Return a source's file as TOML, ready to commit: what may be better stands as comments.

    Args:
        source: the table `[source]` as it is written.
        groups: in the order of the file.
        others: files that none of them means.
    """
    lines = ["#:schema ./schema.json", "[source]", *(f"{key} = {toml_value(value)}" for key, value in source.items())]
    for group, sample in groups:
        files = "1 file" if len(group.paths) == 1 else f"{len(group.paths):,} files"
        lines += ["", "[[paths]]", f"name = {toml_value(group.name)}"]
        lines.append(f"pattern = {toml_value(group.pattern)} # {files}, such as {group.paths[0]}")
        lines.append(f"file_format = {toml_value(group.file_format)}")
        if sample.options:
            lines.append(f"options = {toml_value(sample.options)}")
        if sample.key:
            lines += [
                f"# {sample.key} looks like the key: by it the row in the later file takes the older one's place",
                f"# primary_key = {toml_value([sample.key])}",
                '# write_disposition = "merge"',
            ]
    if others:
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        lines += ["", f"# of no format that is read (csv, json, parquet): {others[0]}{more}"]
    return "\n".join(lines) + "\n"


def _beginning(stem: str) -> str:
    """Return how a name begins, before a date, a number or an identifier."""
    found = re.match(r"[^\W\d_]+([_ -][^\W\d_]+)*(?=[_ -]?\d|$)", stem)
    return found[0] if found else ""


def _group(top: str, ending: str, beginning: str, paths: Sequence[str]) -> FileGroup:
    depth = max(path.count("/") for path in paths)
    folder = re.sub(r"[*?\[\]{}\\]", "?", top)
    below = "" if depth == 0 else f"{folder}/" if depth == 1 else f"{folder}/**/"
    beginnings = {_beginning(path.rpartition("/")[2].split(".")[0]) for path in paths}
    name = beginning or top or (beginnings.pop() if len(beginnings) == 1 else "") or "files"
    file_format = _FORMATS[ending.lower().partition(".")[0]]
    return FileGroup(_feed_name(name), f"{below}{beginning}*.{ending}", file_format, tuple(sorted(paths)))


def _feed_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("_.-") or "files"


def _overlap(groups: Sequence[FileGroup]) -> bool:
    """Say whether a pattern means files of another group."""
    return any(
        re.search(pattern_regex("/", group.pattern), f"/{path}")
        for group in groups
        for other in groups
        if other is not group
        for path in other.paths
    )


def _named_apart(groups: Sequence[FileGroup]) -> list[FileGroup]:
    """Return groups whose names differ: of two of one name the format, then a number tells."""
    taken: Counter[str] = Counter(group.name.lower() for group in groups)
    named: list[FileGroup] = []
    seen: set[str] = set()
    for group in groups:
        name = group.name if taken[group.name.lower()] == 1 else f"{group.name}_{group.file_format}"
        number = 2
        unique = name
        while unique.lower() in seen:
            unique, number = f"{name}_{number}", number + 1
        seen.add(unique.lower())
        named.append(FileGroup(unique, group.pattern, group.file_format, group.paths))
    return named


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
