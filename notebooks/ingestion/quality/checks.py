"""The quality gate: checks declared as data, evaluated as plain SQL in the pass that writes the table.

A check says what a good row, or a good table, is. A row that fails an error-level check is kept out of the table; a
table-level check that fails at error level keeps the whole table out. Warnings are only told. NULL passes every check
but `NotNull`, as in SQL. Why plain columns and no library: tests/benchmarks/quality-libraries.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import (
    DataType,
    DateType,
    DoubleType,
    FloatType,
    NumericType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from ingestion.platform.columns import literal, quoted

Bound = int | float | Decimal | date | datetime
_MOMENTS = (DateType, TimestampType, TimestampNTZType)
_DAY_IN_MICROSECONDS = 24 * 60 * 60 * 10**6


class Severity(StrEnum):
    """What comes of a check that fails."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Check(ABC):
    """One rule; as a text it is the rule in words. It is not applied where the table lacks one of its columns."""

    severity: Severity = Severity.ERROR

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""

    def fits(self, kinds: Sequence[DataType]) -> bool:
        """Say whether it can be asked of columns of these types: no value of a row may raise out of a check."""
        return True


@dataclass(frozen=True)
class RowCheck(Check):
    """A rule that each row keeps or breaks by itself."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    @abstractmethod
    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return in SQL whether a row keeps the rule, NULL where that cannot be told, which counts as kept.

        Args:
            kinds: the types of its columns.
        """


@dataclass(frozen=True)
class NotNull(RowCheck):
    """A column has a value in every row."""

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether there is a value."""
        return f"{quoted(self.column)} IS NOT NULL"

    def __str__(self) -> str:
        """`CustomerId is not null`."""
        return f"{self.column} is not null"


@dataclass(frozen=True)
class Readable(RowCheck):
    """A row stands in its source so that it can be read; the column says what is wrong."""

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether nothing is said."""
        return f"{quoted(self.column)} IS NULL"

    def __str__(self) -> str:
        """`the line can be read`."""
        return "the line can be read"


@dataclass(frozen=True)
class InRange(RowCheck):
    """A column's values lie between two bounds, both included; None leaves a side open."""

    at_least: Bound | None = None
    at_most: Bound | None = None

    def fits(self, kinds: Sequence[DataType]) -> bool:
        """Say whether bounds and column are both numbers, or both moments: a text has no order of that kind."""
        are_moments = any(isinstance(bound, date) for bound in (self.at_least, self.at_most))
        return isinstance(kinds[0], _MOMENTS if are_moments else NumericType)

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether the value lies within the bounds. NaN, which Spark takes for the greatest, does not."""
        name = quoted(self.column)
        bounds = ((">=", self.at_least), ("<=", self.at_most))
        kept = [f"{name} {sign} {literal(bound)}" for sign, bound in bounds if bound is not None]
        if isinstance(kinds[0], FloatType | DoubleType):
            kept.append(f"NOT isnan({name})")
        return " AND ".join(kept) or "true"

    def __str__(self) -> str:
        """`CreditLimit is at least 0`."""
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return f"{self.column} is " + " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Matches(RowCheck):
    """A text matches a regular expression (Java's) from its first to its last character."""

    pattern: str

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether the whole text matches, of other values the text that Spark shows."""
        pattern = literal(rf"\A(?:{self.pattern})\z")
        return f"CAST({quoted(self.column)} AS STRING) RLIKE {pattern}"

    def __str__(self) -> str:
        """`CountryCode matches [A-Z]{2}`."""
        return f"{self.column} matches {self.pattern}"


@dataclass(frozen=True)
class OneOf(RowCheck):
    """A column holds one of a few values."""

    values: tuple[Any, ...]

    def fits(self, kinds: Sequence[DataType]) -> bool:
        """Say whether the values are of the column's own kind."""
        if isinstance(kinds[0], NumericType):
            return all(isinstance(value, int | float | Decimal) for value in self.values)
        if isinstance(kinds[0], _MOMENTS):
            return all(isinstance(value, date) for value in self.values)
        return not isinstance(kinds[0], StringType) or all(isinstance(value, str) for value in self.values)

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether the value is one of those."""
        return f"{quoted(self.column)} IN ({', '.join(map(literal, self.values))})" if self.values else "false"

    def __str__(self) -> str:
        """`CurrencyCode is one of EUR, USD`."""
        return f"{self.column} is one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class NotBefore(RowCheck):
    """A column is never less, or earlier, than another one."""

    other: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Both columns."""
        return (self.column, self.other)

    def fits(self, kinds: Sequence[DataType]) -> bool:
        """Say whether both are moments, both numbers or both texts."""
        return any(all(isinstance(kind, family) for kind in kinds) for family in (_MOMENTS, NumericType, StringType))

    def holds(self, kinds: Sequence[DataType]) -> str:
        """Return whether the order is kept."""
        return f"{quoted(self.column)} >= {quoted(self.other)}"

    def __str__(self) -> str:
        """`UpdatedAt is not before CreatedAt`."""
        return f"{self.column} is not before {self.other}"


@dataclass(frozen=True)
class Unique(Check):
    """No two rows have the same values in these columns. All rows of a repeated key fail: none is the right one."""

    keys: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return self.keys

    def __str__(self) -> str:
        """`CustomerId is unique`."""
        return f"{', '.join(self.keys)} is unique"


@dataclass(frozen=True)
class Fresh(Check):
    """The newest moment of a column is not older than this, nor in the future. Moments without a zone are in UTC."""

    column: str
    within: timedelta

    def fits(self, kinds: Sequence[DataType]) -> bool:
        """Say whether it is a column of moments."""
        return isinstance(kinds[0], _MOMENTS)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def __str__(self) -> str:
        """`the newest UpdatedAt is of the last 30 days`."""
        return f"the newest {self.column} is of the last {self.within / timedelta(days=1):g} days"


@dataclass(frozen=True)
class RowCount(Check):
    """The table has at least this share (1 is all) of the rows that the landing before had."""

    at_least: float

    @property
    def columns(self) -> tuple[str, ...]:
        """None: it counts rows."""
        return ()

    def __str__(self) -> str:
        """`there are at least 50 % of the rows of the landing before`."""
        return f"there are at least {self.at_least * 100:g} % of the rows of the landing before"


@dataclass(frozen=True)
class CheckResult:
    """What came of one check.

    Attributes:
        check: the rule in words.
        severity: `error` or `warning`.
        rows: how many failed; None where the rule is about the table as a whole, or was not applied.
        failure: what is wrong, in words; None where nothing is.
        applied: False where the table lacks a column that the rule is about, or has another kind of values there.
        fits: False where that kind is the reason.
    """

    check: str
    severity: Severity
    rows: int | None
    failure: str | None
    applied: bool = True
    fits: bool = True

    @property
    def stops_table(self) -> bool:
        """Say whether this keeps the whole table out."""
        return self.severity is Severity.ERROR and self.failure is not None and self.rows is None

    @property
    def refuses_rows(self) -> bool:
        """Say whether this keeps rows out."""
        return self.severity is Severity.ERROR and bool(self.rows)

    def __str__(self) -> str:
        """`Email is not null: not so in 3 of 1000 rows`."""
        return f"{self.check}: {self.failure or 'holds'}"


class Gate:
    """The checks of a table, bound to the columns that it has. Names are compared as Spark does, case apart.

    Args:
        checks: the rules.
        schema: the table's columns.
        now: the moment that freshness is measured from.
        rows_before: of the landing before, None where there is none.
        exempt: the column, if any, that says whether a row is no subject of the row checks: one that was deleted.

    Attributes:
        uniques: the keys, to be checked once all rows are written.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        schema: StructType,
        *,
        now: datetime,
        rows_before: int | None = None,
        exempt: str | None = None,
    ) -> None:
        self._kinds = {field.name.lower(): field.dataType for field in schema}
        self._checks = checks
        self._applied = [check for check in checks if self._applies(check)]
        self._rows = [check for check in self._applied if isinstance(check, RowCheck)]
        self._now = now
        self._rows_before = rows_before
        self._exempt = exempt
        self.uniques = [check for check in self._applied if isinstance(check, Unique)]

    @property
    def divides(self) -> bool:
        """Whether a row by itself can fail to pass."""
        return bool(self._refusing())

    def passes(self) -> Column:
        """Return whether a row keeps all error-level checks that it can keep or break by itself."""
        return F.expr(" AND ".join(map(self._kept, self._refusing())) or "true")

    def reasons(self) -> Column:
        """Return the checks that `passes` sees broken, as an array of texts."""
        broken = [f"CASE WHEN NOT {self._kept(check)} THEN {literal(str(check))} END" for check in self._refusing()]
        return F.expr(f"array_compact(CAST(array({', '.join(broken)}) AS ARRAY<STRING>))")

    def metrics(self) -> list[Column]:
        """Return the aggregates to be observed over all rows in the pass that writes, each named for its check.

        Error-level checks are not among them: who breaks one is counted among the few rows that are refused.
        """
        warnings = [check for check in self._rows if check.severity is Severity.WARNING]
        aggregates = {str(check): f"count_if(NOT {self._kept(check)})" for check in warnings}
        for check in self._applied:
            if isinstance(check, Fresh):
                aggregates[str(check)] = f"max(unix_micros(CAST({quoted(check.column)} AS TIMESTAMP)))"
        return [F.expr(f"{aggregate} AS {quoted(name)}") for name, aggregate in aggregates.items()]

    def results(self, observed: Mapping[str, Any], rows: int) -> list[CheckResult]:
        """Return what came of every check, in the order of their declaration.

        Args:
            observed: by the checks' words, the values of `metrics`, and for other checks the rows that break them, 0
                where there are none.
            rows: all that were read.
        """
        return [self._result(check, observed, rows) for check in self._checks]

    def _applies(self, check: Check) -> bool:
        names = [name.lower() for name in check.columns]
        return all(name in self._kinds for name in names) and check.fits([self._kinds[name] for name in names])

    def _kept(self, check: RowCheck) -> str:
        kept = f"coalesce({check.holds([self._kinds[name.lower()] for name in check.columns])}, true)"
        return kept if self._exempt is None else f"({quoted(self._exempt)} OR {kept})"

    def _refusing(self) -> list[RowCheck]:
        return [check for check in self._rows if check.severity is Severity.ERROR]

    def _result(self, check: Check, observed: Mapping[str, Any], rows: int) -> CheckResult:
        if check not in self._applied:
            fits = not all(name.lower() in self._kinds for name in check.columns)
            return CheckResult(str(check), check.severity, None, None, applied=False, fits=fits)
        if isinstance(check, Fresh):
            return CheckResult(str(check), check.severity, None, self._staleness(check, observed[str(check)]))
        if isinstance(check, RowCount):
            return CheckResult(str(check), check.severity, None, self._shrinkage(check, rows))
        failed = int(observed.get(str(check), 0))
        return CheckResult(str(check), check.severity, failed, f"not so in {failed} of {rows} rows" if failed else None)

    def _staleness(self, check: Fresh, newest: int | None) -> str | None:
        if newest is None:
            return f"{check.column} has no value in any row"
        age = (self._now - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) - newest
        if age > check.within // timedelta(microseconds=1):
            return f"it is {_moment(newest)}"
        # Clocks differ by minutes; what is a day ahead is a typing error, or a placeholder.
        return f"it is {_moment(newest)}, in the future" if age < -_DAY_IN_MICROSECONDS else None

    def _shrinkage(self, check: RowCount, rows: int) -> str | None:
        before = self._rows_before
        return f"{rows} rows after {before}" if before and rows < check.at_least * before else None


def _moment(microseconds: int) -> str:
    """Return a moment since 1970 in words; Python's own end with the year 9999, a database's do not."""
    days, rest = divmod(microseconds, _DAY_IN_MICROSECONDS)
    # The Gregorian calendar repeats itself every 400 years, which have 146,097 days.
    eras, day = divmod(days, 146_097)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day, microseconds=rest)
    return f"{moment.year + 400 * eras:04}-{moment:%m-%d %H:%M} UTC"
