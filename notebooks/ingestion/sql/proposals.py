"""What a table's feed may look like: proposed from what the database says of it. Pure: no I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql.types import DataType, DateType, TimestampNTZType, TimestampType

from ingestion.feeds.toml_values import toml_value

# Names that people give to the column that tells when a row was last written, most telling first.
_WRITTEN = re.compile(
    r"(row)?(last)?_?(modified|updated|changed|update|change|mod|upd)_?(at|on|date|time|timestamp|dt|utc|ts)?"
    r"|sys_?start_?time|_?valid_?from|(created|inserted|create|insert)_?(at|on|date|time|timestamp|utc)?",
    re.IGNORECASE,
)
_INSERTED = re.compile(r"(created|inserted|create|insert)", re.IGNORECASE)
_MOMENTS = (TimestampType, TimestampNTZType, DateType)


@dataclass(frozen=True)
class TableFacts:
    """What a database says of a table.

    Attributes:
        name: `dbo.Orders`.
        rows: how many it has.
        primary_key: that it declares; empty for none.
        types: of its columns as they arrive, by name.
        counters: its columns that count writes, and the method that reads by each.
    """

    name: str
    rows: int
    primary_key: tuple[str, ...]
    types: Mapping[str, DataType]
    counters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """How only what changed may be read: the lines of TOML, and why; None where nothing tells what changed."""

    incremental: str | None
    disposition: str | None
    why: str


def method_of(facts: TableFacts) -> Method:
    """Return the best method for a table, told by its columns and key."""
    if facts.counters and facts.primary_key:
        name, method = next(iter(facts.counters.items()))
        sets = "the database sets it" if method == "rowversion" else "right if every write sets it"
        return Method(
            f'{{ method = "{method}", cursor_column = {toml_value(name)} }}',
            "merge",
            f"by {name} no change is missed ({sets}); deletes are not seen",
        )
    moments = [
        name for name, kind in facts.types.items() if isinstance(kind, TimestampType | TimestampNTZType | DateType)
    ]
    written = [name for name in moments if _WRITTEN.fullmatch(name)]
    updated = [name for name in written if not _INSERTED.match(name)]
    if updated and facts.primary_key:
        return Method(
            f'{{ method = "cursor", cursor_column = {toml_value(updated[0])}, lookback = "15 minutes" }}',
            "merge",
            f"{updated[0]} looks like the time of the last change: right if every writer sets it",
        )
    if written and facts.primary_key:
        return Method(
            f'{{ method = "cursor", cursor_column = {toml_value(written[0])}, lookback = "15 minutes" }}',
            "append",
            f"{written[0]} looks like the time of insertion: right if rows never change",
        )
    return Method(None, None, "no column tells what changed" if facts.primary_key else "it has no primary key")


def proposal(source: Mapping[str, Any], tables: Sequence[TableFacts]) -> str:
    """Return a source's file as TOML, ready to commit: every table read in full, what may be better as comments.

    Args:
        source: the table `[source]` as it is written.
        tables: in the order of the file.
    """
    lines = ["#:schema ./schema.json", "[source]", *(f"{key} = {toml_value(value)}" for key, value in source.items())]
    for facts in tables:
        key = f"key {', '.join(facts.primary_key)}" if facts.primary_key else "no primary key"
        method = method_of(facts)
        lines += ["", "[[tables]]", f"name = {toml_value(facts.name)} # {facts.rows:,} rows, {key}"]
        if method.incremental is None:
            lines.append(f"# read in full: {method.why}")
        else:
            lines += [
                f"# {method.why}",
                f"# incremental = {method.incremental}",
                f'# write_disposition = "{method.disposition}"',
            ]
    return "\n".join(lines) + "\n"
