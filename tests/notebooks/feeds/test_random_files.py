"""Random files: what is right is read as it was written, and one mistake anywhere is refused in its place."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.feeds.model import Endpoint, Files, RestSource, SqlSource, Table
from ingestion.feeds.reading import keys_of
from ingestion.feeds.sources import check_sources

TYPES = {
    "sql": ("tables", Table, SqlSource),
    "rest": ("endpoints", Endpoint, RestSource),
    "files": ("paths", Files, None),
}

words = st.text(st.sampled_from("abcXYZ09é_-"), min_size=1, max_size=8).map(lambda text: f"n{text}")
columns = st.lists(words, min_size=1, max_size=3, unique=True)
shares = st.floats(0, 1).map(lambda share: round(share, 3))
durations = st.tuples(st.integers(1, 90), st.sampled_from(["second", "minutes", "hours", "day"])).map(
    lambda pair: f"{pair[0]} {pair[1]}"
)
checks = st.one_of(
    st.builds(lambda column: {"not_null": column}, words),
    st.builds(lambda names: {"unique": names}, columns),
    st.builds(
        lambda column, pattern: {"matches": column, "pattern": pattern}, words, st.text(max_size=9).map("x{}".format)
    ),
    st.builds(lambda column, least: {"in_range": column, "at_least": least}, words, st.integers()),
    st.builds(lambda column, day: {"in_range": column, "at_most": day}, words, st.dates()),
    st.builds(lambda column, values: {"in_set": column, "values": values}, words, columns),
    st.builds(lambda column, other: {"not_before": column, "column": other, "severity": "warning"}, words, words),
    st.builds(lambda column, within: {"fresh": column, "within": within}, words, durations),
    st.builds(lambda share: {"row_count": True, "at_least_share": share}, shares),
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
initial_values = st.one_of(words, st.integers(0), moments)


def common(draw: st.DrawFn) -> dict[str, Any]:
    optional = {
        "quarantine_limit": shares,
        "delete_limit": shares,
        "schema_contract": st.sampled_from(["evolve", "freeze", "discard_columns"]),
        "checks": st.lists(checks, min_size=1, max_size=4),
        "land_when_more_than": st.integers(0, 10**9),
        "tags": st.lists(words, unique=True, max_size=2),
    }
    return {key: draw(values) for key, values in optional.items() if draw(st.booleans())}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    table = common(draw)
    method = draw(st.sampled_from(["full", "cursor", "rowversion", "change_tracking", "cdc", "transaction_id"]))
    if method == "full":
        table["write_disposition"] = draw(st.sampled_from(["replace", "merge", "scd2"]))
    else:
        table["write_disposition"] = draw(st.sampled_from(["append", "merge", "scd2"]))
        table["incremental"] = {"method": method}
    if method in ("cursor", "rowversion", "transaction_id"):
        table["incremental"] |= {"cursor_column": draw(words), "initial_value": draw(initial_values)}
    if method == "cursor":
        table["incremental"]["lookback"] = draw(durations)
    if table["write_disposition"] in ("merge", "scd2"):
        table |= {"primary_key": draw(columns), "deletes": draw(st.sampled_from(["hard", "soft"]))}
        table["delete_detection"] = "key_scan"
    elif table["write_disposition"] == "replace":
        table["format"] = draw(st.sampled_from(["delta", "parquet"]))
    return table


paginators = st.one_of(
    st.just({"type": "single_page"}),
    st.just({"type": "header_link"}),
    st.just({"type": "json_link", "next_url_path": "links.next"}),
    st.builds(lambda name: {"type": "cursor", "cursor_path": "meta['next']", "cursor_param": name}, words),
    st.builds(lambda name: {"type": "header_cursor", "cursor_key": name, "cursor_param": "after"}, words),
    st.builds(lambda base: {"type": "page_number", "base_page": base, "total_path": "pages"}, st.integers(0, 1)),
    st.builds(lambda limit: {"type": "offset", "limit": limit}, st.integers(1, 500)),
)


@st.composite
def endpoints(draw: st.DrawFn) -> dict[str, Any]:
    endpoint = common(draw) | {"path": "items", "paginator": draw(paginators)}
    if draw(st.booleans()):
        values = st.one_of(words, st.integers(0, 9**9))
        endpoint["for_each"] = {"of": draw(st.lists(values, min_size=1, max_size=3, unique_by=str))}
        endpoint["path"] = "of/{of}/items"
    if draw(st.booleans()):
        endpoint |= {"primary_key": draw(columns), "write_disposition": draw(st.sampled_from(["merge", "append"]))}
        endpoint["incremental"] = {
            "method": "cursor",
            "cursor_path": "at",
            "param": "since",
            "lookback": draw(durations),
        }
    return endpoint


@st.composite
def paths(draw: st.DrawFn) -> dict[str, Any]:
    file_format = draw(st.sampled_from(["csv", "json", "parquet"]))
    options = draw(st.dictionaries(words, st.one_of(st.booleans(), st.integers(0, 9), words), max_size=2))
    return common(draw) | {"pattern": "*.x", "file_format": file_format, "options": options}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(TYPES)))
    source: dict[str, Any] = {
        "type": kind,
        "url": {"sql": "jdbc:derby:x", "rest": "https://x.example", "files": "/x"}[kind],
    }
    feeds = draw(st.lists({"sql": tables(), "rest": endpoints(), "files": paths()}[kind], min_size=1, max_size=3))
    named = [{"name": f"feed{number}", **feed} for number, feed in enumerate(feeds)]
    return {"source": source, TYPES[kind][0]: named}


def written(document: dict[str, Any], notes: dict[tuple[str | int, ...], int]) -> str:
    """Return a document as TOML, and note the line of each key; a list of tables goes over several."""
    lines: list[str] = []
    for name, value in document.items():
        for number, table in enumerate(value if isinstance(value, list) else [value]):
            path = (name, number) if isinstance(value, list) else (name,)
            lines += ["# [[not]] = a table", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"]
            notes[path] = len(lines)
            for key, item in table.items():
                notes[*path, key] = len(lines) + 1
                if isinstance(item, list) and item and isinstance(item[0], dict):
                    lines.append(f"{key} = [")
                    for place, entry in enumerate(item):
                        lines += ["", f"  {toml(entry)}, # ]"]
                        notes[*path, key, place] = len(lines)
                    lines.append("]")
                else:
                    lines.append(f"{key} = {toml(item)}")
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(letter):08x}" if not letter.isalnum() else letter for letter in value) + '"'
        case dict():
            return "{ " + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case datetime():
            return value.isoformat()
    return str(value)


def check(text: str) -> tuple[list[Any], list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "made.toml").write_text(text, encoding="utf-8")
        sources, problems, _ = check_sources(Path(folder))
    return sources, problems


def plain(value: Any) -> Any:
    """Return what was read as it would be written."""
    return str(value) if hasattr(value, "steps") else value


@given(documents())
def test_what_is_right_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    [source], problems = check(written(document, {}))
    assert problems == []
    [feeds] = [value for key, value in document.items() if key != "source"]
    for feed, entry in zip(source.feeds, feeds, strict=True):
        assert feed.name == f"made.{entry['name']}"
        for key in (
            "format",
            "write_disposition",
            "quarantine_limit",
            "delete_limit",
            "land_when_more_than",
            "deletes",
        ):
            assert key not in entry or getattr(feed, key) == entry[key]
        for key in ("tags", "primary_key"):
            assert getattr(feed, key) == tuple(entry.get(key, ()))
        assert [check.kind for check in feed.checks] == [next(iter(check)) for check in entry.get("checks", [])]
        incremental = entry.get("incremental", {})
        for key in incremental.keys() - {"lookback"}:
            assert plain(getattr(feed.incremental, key)) == incremental[key]
        if "lookback" in incremental:
            assert feed.incremental.lookback >= timedelta(seconds=1)
        if "paginator" in entry:
            assert {key: plain(getattr(feed.paginator, key)) for key in entry["paginator"]} == entry["paginator"]
        if "for_each" in entry:
            assert [value.value for value in feed.for_each["of"]] == entry["for_each"]["of"]


@given(st.data())
def test_one_mistake_anywhere_is_refused_in_its_place(data: st.DataObject) -> None:
    document = data.draw(documents())
    [(name, feeds)] = [(key, value) for key, value in document.items() if key != "source"]
    number = data.draw(st.integers(0, len(feeds) - 1))
    feed = feeds[number]
    kind = next(feed_kind for list_name, feed_kind, _ in TYPES.values() if list_name == name)
    key = data.draw(st.sampled_from(sorted(keys_of(kind))))
    mistake = data.draw(st.sampled_from(["spelling", "type", "inner"]))
    place: tuple[str | int, ...] = (name, number, key)
    if mistake == "spelling":
        place = (name, number, f"{key}x")
        feed[f"{key}x"] = feed.pop(key, "x")
    elif mistake == "type" or not isinstance(feed.get(key), dict | list) or not feed[key] or key == "options":
        feed[key] = datetime(2026, 1, 1, tzinfo=UTC)
    elif isinstance(feed[key], dict):
        inner = data.draw(st.sampled_from(sorted(feed[key])))
        feed[key][inner] = {"strange": 1}
    else:
        at = data.draw(st.integers(0, len(feed[key]) - 1))
        feed[key][at] = {"strange": 1} if isinstance(feed[key][0], dict) else 1.5
        place = (*place, at)
    notes: dict[tuple[str | int, ...], int] = {}
    _, problems = check(written(document, notes))
    line = next(notes[place[:length]] for length in range(len(place), 0, -1) if place[:length] in notes)
    found = [problem for problem in problems if problem.line == line and problem.key.startswith(str(place[2]))]
    assert found, problems
    assert found[0].file == "made.toml"
