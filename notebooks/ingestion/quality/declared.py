"""The checks that a feed declares, as rules. Pure: no I/O."""

from collections.abc import Callable, Mapping, Sequence

from ingestion.feeds.model import CheckSpec
from ingestion.quality.checks import (
    Check,
    Fresh,
    InRange,
    Matches,
    NotBefore,
    NotNull,
    OneOf,
    Readable,
    RowCount,
    Severity,
    Unique,
)

_RULES: Mapping[str, Callable[[CheckSpec, Severity], Check]] = {
    "not_null": lambda spec, severity: NotNull(spec.columns[0], severity=severity),
    "unique": lambda spec, severity: Unique(spec.columns, severity=severity),
    "matches": lambda spec, severity: Matches(spec.columns[0], spec.arguments["pattern"], severity=severity),
    "in_range": lambda spec, severity: InRange(
        spec.columns[0], spec.arguments.get("at_least"), spec.arguments.get("at_most"), severity=severity
    ),
    "in_set": lambda spec, severity: OneOf(spec.columns[0], tuple(spec.arguments["values"]), severity=severity),
    "not_before": lambda spec, severity: NotBefore(spec.columns[0], spec.arguments["column"], severity=severity),
    "fresh": lambda spec, severity: Fresh(spec.columns[0], spec.arguments["within"], severity=severity),
    "row_count": lambda spec, severity: RowCount(spec.arguments["at_least_share"], severity=severity),
}


def declared_checks(specs: Sequence[CheckSpec]) -> list[Check]:
    """Return the rules that a feed's `checks` say, in their order."""
    return [_RULES[spec.kind](spec, Severity(spec.severity)) for spec in specs]


def readable(problem: str | None) -> list[Check]:
    """Return the rule of a source that tells, in a column, why a row cannot be read; none for other sources."""
    return [] if problem is None else [Readable(problem)]
