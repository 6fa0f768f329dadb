"""Reading a database over JDBC: what to ask it, and which of its failures are worth another try."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyspark.sql import DataFrame, DataFrameReader, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DataType, DecimalType, IntegralType, TimestampNTZType
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from ingestion.lake.jvm import java_causes, root_cause
from ingestion.platform.columns import column
from ingestion.platform.errors import SourceError
from ingestion.sql.partitioning import (
    KeyRange,
    bucket_bounds,
    crowded,
    equal_bounds,
    hash_predicates,
    quantile_bounds,
    range_predicates,
)

# How often it is looked into where keys crowd: each look divides the crowd by up to 16.
_LOOKS = 8
# Rows a driver fetches at a time. Its own default is a handful on several databases: 10,000 measured as good.
_FETCH_SIZE = 10_000
_POSTGRESQL = "jdbc:postgresql:"
# How PostgreSQL's driver is told to take values as the server holds them, in 0.8 of the time that texts of them take:
# https://jdbc.postgresql.org/documentation/use/#connection-parameters. No other driver knows this property.
_BINARY_TRANSFER = {"prepareThreshold": "-1"}
# By the beginning of a URL: the hash by which a table is split that has no key of whole numbers. Each part reads all of
# the table, so only where that was measured to be faster than one stream: tests/benchmarks/arrow-readers.md.
_HASHES = {_POSTGRESQL: "HASHTEXT(CAST({} AS TEXT))"}
# Azure SQL's transient errors: "Troubleshoot transient connection errors" in its documentation. 1205 is a deadlock's
# victim; 233, 64 and 10053 to 10060 are connections that broke. 40613 is a serverless database that is still asleep.
_TRANSIENT_CODES = frozenset(
    {4060, 40197, 40501, 40613, 49918, 49919, 49920, 10928, 10929, 1205, 233, 64, 10053, 10054, 10060}
)
# SQLSTATE class 08: the connection; but 08004 is no loss of it, it is the server's refusal to let this user in.
# 40001, 40P01: chosen to end a conflict or a deadlock. PostgreSQL: 53300 too many connections, 57P01 to 57P03 it shuts
# down, crashed or starts: https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRANSIENT_STATE = re.compile(r"08(?!004)\w{3}|40001|40P01|53300|57P0[123]")
# Java's own message where no driver knows the address, which it files under 08001.
_NO_DRIVER = "No suitable driver"
# TLS could not be agreed on because of a certificate. Drivers file this under class 08 too, yet it does not pass.
_UNTRUSTED = "java.security.GeneralSecurityException"
# A driver that knows its server's passing failures says so by the exception's class (JDBC 4).
_TRANSIENT_CLASSES = {"java.sql.SQLTransientException", "java.sql.SQLRecoverableException"}

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """How often a database is asked. Times in seconds.

    A serverless database takes up to a minute to wake: the waits of all tries together outlast that.

    Attributes:
        tries: the first included.
        first_wait: about this long after the first try, twice as long after each further one, with jitter.
        longest_wait: between two tries.
        total: no further try starts later than this after the first.
    """

    tries: int = 6
    first_wait: float = 5
    longest_wait: float = 40
    total: float = 600


DEFAULT_RETRIES = RetryPolicy()


@dataclass(frozen=True)
class Extent:
    """How large a table is, and what has to be known to read it.

    Attributes:
        key: the exact name of the column that divides it; None where it has no such column.
        keys: its rows, and the ends of a key that is a whole number.
        zoneless: the columns of moments without a zone.
    """

    key: str | None
    keys: KeyRange
    zoneless: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.keys.rows


@dataclass(frozen=True)
class SqlDatabase:
    """A database to read over JDBC. Neither its URL nor its credentials are part of the repr.

    `credentials` are the options that the driver signs in with: `user` and `password`, or `accessToken`, or none.
    """

    spark: SparkSession = field(repr=False)
    url: str = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)

    def measure(self, table: str, key: str) -> Extent:
        """Return how large a table is. The database counts: no row crosses the wire.

        Args:
            table: its name.
            key: the column by which it may be divided, in any case, if it is there.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        columns = self._load(table, lambda reader: self._table(reader, table), preferTimestampNTZ=True).schema
        name = next((each.name for each in columns if each.name.lower() == key.lower()), None)
        ends = ""
        if name and _is_whole_number(columns[name].dataType):
            ends = f", MIN({self._quoted(name)}) AS least, MAX({self._quoted(name)}) AS greatest"
        (found,) = self._ask(f"SELECT COUNT(*) AS row_count{ends} FROM {table}", table)  # noqa: S608 - our own names
        least, greatest = (None if end is None else int(end) for end in found[1:] or (None, None))
        zoneless = frozenset(each.name for each in columns if isinstance(each.dataType, TimestampNTZType))
        return Extent(name, KeyRange(int(found[0]), least, greatest), zoneless)

    def read(self, table: str, extent: Extent, connections: int = 1) -> DataFrame:
        """Return a table, to be read when it is used, over so many connections if its key allows. Names are its own.

        A moment without a zone stays one. Spark's own option for that, `preferTimestampNTZ`, shifts those before 1582
        by the days between the Julian and the Gregorian calendar: 0001-01-01 becomes 0000-12-30.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        parts = self._parts(table, extent, connections)
        if parts:
            frame = self._load(table, lambda reader: reader.jdbc(self.url, table, predicates=parts, properties={}))
        else:
            frame = self._load(table, lambda reader: self._table(reader, table))
        zoneless = [name for name in frame.columns if name in extent.zoneless]
        return self._without_zone(frame, zoneless) if zoneless else frame

    def _parts(self, table: str, extent: Extent, parts: int) -> list[str]:
        """Return the WHERE clauses by which a table is divided; none where it is read in one."""
        if extent.key is None or parts == 1:
            return []
        quoted = self._quoted(extent.key)
        if extent.keys.least is not None:
            bounds = self._bounds(table, extent.key, extent.keys, parts)
            return range_predicates(quoted, bounds) if bounds else []
        key_hash = next((each for start, each in _HASHES.items() if self.url.startswith(start)), None)
        return hash_predicates(quoted, key_hash.format(quoted), parts) if key_hash else []

    def _bounds(self, table: str, key: str, keys: KeyRange, parts: int) -> list[int]:
        """Return where to divide a table so that each part has about as many rows.

        Keys that leave out few numbers are divided by number alone. Where they may crowd, the database counts them in
        buckets, and again within a bucket that holds too many.
        """
        if not keys.may_be_skewed:
            return equal_bounds(keys, parts)
        buckets = self._buckets(table, key, keys)
        for _ in range(_LOOKS):
            crowd = crowded(buckets, parts)
            if crowd is None:
                break
            position = buckets.index(crowd)
            buckets[position : position + 1] = self._buckets(table, key, crowd)
        return quantile_bounds(buckets, parts)

    def _buckets(self, table: str, key: str, keys: KeyRange) -> list[KeyRange]:
        quoted, bounds = self._quoted(key), bucket_bounds(keys)
        cases = " ".join(f"WHEN {quoted} < {bound} THEN {number}" for number, bound in enumerate(bounds))
        found = self._ask(
            "SELECT COUNT(*) AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM "  # noqa: S608 - our own names
            f"(SELECT {quoted} AS k, CASE {cases} ELSE {len(bounds)} END AS bucket FROM {table} "
            f"WHERE {quoted} >= {keys.least} AND {quoted} <= {keys.greatest}) counted GROUP BY bucket",
            table,
        )
        return sorted((KeyRange(*map(int, row)) for row in found), key=lambda bucket: bucket.least or 0)

    def _ask(self, query: str, table: str) -> list[Row]:
        """Return the few rows of a query's answer."""
        answer = self._load(table, lambda reader: reader.format("jdbc").options(url=self.url, query=query).load())
        try:
            return answer.collect()
        except Exception as error:
            raise _unreadable(table, error) from error

    def _table(self, reader: DataFrameReader, table: str) -> DataFrame:
        return reader.format("jdbc").options(url=self.url, dbtable=table).load()

    def _load(self, table: str, load: Callable[[DataFrameReader], DataFrame], **options: bool) -> DataFrame:
        of_driver = _BINARY_TRANSFER if self.url.startswith(_POSTGRESQL) else {}
        reader = self.spark.read.options(fetchsize=_FETCH_SIZE, **options, **of_driver, **self.credentials)
        try:
            return load(reader)
        except Exception as error:
            raise _unreadable(table, error) from error

    def _without_zone(self, frame: DataFrame, names: Sequence[str]) -> DataFrame:
        """Return some moments as the database's clock showed them: JDBC hands them over in Java's own zone."""
        jvm: Any = self.spark._jvm
        java_zone, zone = jvm.java.util.TimeZone.getDefault().getID(), self.spark.conf.get("spark.sql.session.timeZone")
        shown = {name: column(name).cast("timestamp_ntz") for name in names}
        if java_zone != zone:
            shown = {name: F.convert_timezone(F.lit(zone), F.lit(java_zone), moment) for name, moment in shown.items()}
        return frame.select(*(shown[name].alias(name) if name in shown else column(name) for name in frame.columns))

    def _quoted(self, name: str) -> str:
        """Return a column's name as the database wants it, so that its capitals and blanks count."""
        jvm: Any = self.spark._jvm
        return str(jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(self.url).quoteIdentifier(name))


def retry_transient(
    task: Callable[[], Result],
    *,
    on_retry: Callable[[Exception], None],
    retries: RetryPolicy = DEFAULT_RETRIES,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Do what reads a database, again when it failed for a reason that passes. Each try is on new connections.

    Args:
        task: what to do; Spark connects anew each time it reads.
        on_retry: told the error of each try that another one follows.
        retries: how often, and when.
        sleep: waits a number of seconds.

    Raises:
        Exception: what the task raised: the last time, or at once where that does not pass.
    """

    def report(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Exception):
            on_retry(error)

    retrying = Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_exponential(retries.first_wait, max=retries.longest_wait) + wait_random(0, 1),
        stop=stop_after_attempt(retries.tries) | stop_before_delay(retries.total),
        before_sleep=report,
        sleep=sleep,
        reraise=True,
    )
    return retrying(task)


def is_transient(error: BaseException) -> bool:
    """Say whether a failure passes by itself, by what the JDBC driver says: code, SQLSTATE, kind of exception."""
    causes = java_causes(error)
    untrusted = any(_UNTRUSTED in _class_names(cause) for cause in causes)
    return not untrusted and any(_is_transient(cause) for cause in causes)


def _is_transient(cause: Any) -> bool:
    names = _class_names(cause)
    if "java.sql.SQLException" not in names or cause.getMessage() == _NO_DRIVER:
        return False
    # SQLSTATE is null where a driver has none to give.
    state = cause.getSQLState() or ""
    return (
        not names.isdisjoint(_TRANSIENT_CLASSES)
        or int(cause.getErrorCode()) in _TRANSIENT_CODES
        or bool(_TRANSIENT_STATE.fullmatch(state))
    )


def _class_names(cause: Any) -> set[str]:
    """Return the names of an exception's class and of those above it."""
    names = set()
    java_class = cause.getClass()
    while java_class is not None:
        names.add(str(java_class.getName()))
        java_class = java_class.getSuperclass()
    return names


def _is_whole_number(kind: DataType) -> bool:
    return isinstance(kind, IntegralType) or (isinstance(kind, DecimalType) and kind.scale == 0)


def _unreadable(table: str, error: Exception) -> SourceError:
    return SourceError(f"{table}: cannot be read: {root_cause(error)}")
