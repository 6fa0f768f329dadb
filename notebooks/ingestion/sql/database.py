"""A database over JDBC: its tables, how large they are, their rows. All of it through Spark's public reader."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

from pyspark.sql import DataFrame, DataFrameReader, Row, SparkSession
from pyspark.sql.types import DataType, DecimalType, IntegralType, StructType

from ingestion.platform.columns import quoted
from ingestion.platform.errors import SourceError
from ingestion.platform.key_range import KeyRange
from ingestion.platform.names import nearest, twins
from ingestion.platform.spark_errors import root_cause
from ingestion.sql.catalogue import Answer, Catalogue
from ingestion.sql.column_reading import ColumnReading, Conversion, converted
from ingestion.sql.dialects import Dialect, TableName, dialect_of
from ingestion.sql.failures import is_transient, way_out
from ingestion.sql.partitioning import (
    bucket_bounds,
    crowded,
    equal_bounds,
    hash_predicates,
    partition_count,
    quantile_bounds,
    range_predicates,
)

# How often it is looked into where keys crowd: each look divides the crowd by up to 16.
_LOOKS = 8
# Rows a driver fetches at a time. Its own default is a handful on several databases: 10,000 measured as good.
_FETCH_SIZE = 10_000


@dataclass(frozen=True)
class SourceTable:
    """A table, and how each of its columns is read.

    Attributes:
        name: as it was asked for, for messages.
        sql: its name in SQL.
        columns: those that are read, in the table's order.
        types: of the columns as they arrive, by name.
        most_rows: about as many as it has at most, as the catalog says; None where it does not.
    """

    name: str
    sql: str
    columns: tuple[ColumnReading, ...]
    types: Mapping[str, DataType] = field(repr=False)
    most_rows: int | None = None

    @property
    def notes(self) -> list[str]:
        """Which columns are landed as text, and why."""
        return [f"column {each.name} is landed as text: {each.note}" for each in self.columns if each.note]

    def column(self, name: str) -> str | None:
        """Return the exact name of a column that may be spelled in any case; None where there is no such."""
        names = [each.name for each in self.columns]
        return name if name in names else next((each for each in names if each.lower() == name.lower()), None)


@dataclass(frozen=True)
class Extent:
    """How large a table is: by which column it may be divided, if any, its rows, and the ends of a whole number."""

    key: str | None
    keys: KeyRange

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.keys.rows


@dataclass
class SqlDatabase:
    """A database to read over JDBC. Neither its address nor its credentials are part of the repr.

    Args:
        spark: the session.
        url: the JDBC address.
        credentials: returns the options that the driver signs in with: `user` and `password`, or `accessToken`, or
            none. Asked anew for each try, since a token ends.
    """

    spark: SparkSession = field(repr=False)
    url: str = field(repr=False)
    credentials: Callable[[], Mapping[str, str]] = field(repr=False)
    _options: dict[str, str] = field(init=False, repr=False)
    _signed_in: Mapping[str, str] | None = field(init=False, repr=False, default=None)
    _listed: Sequence[tuple[TableName, bool, int | None]] | None = field(init=False, repr=False, default=None)
    _asking: Lock = field(init=False, repr=False, default_factory=Lock)

    def __post_init__(self) -> None:
        self.dialect: Dialect = dialect_of(self.url)
        self._options = dict(self.dialect.options)
        self._catalogue = Catalogue(self.ask)

    def expect(self, names: Sequence[str]) -> None:
        """Tell which tables will be asked about, so that one question to the catalogue does for many of them."""
        self._catalogue.expect(names)

    @property
    def tables(self) -> Sequence[tuple[TableName, bool]]:
        """All tables and views that may be read, and whether a name without a schema means them."""
        return [(name, is_default) for name, is_default, _ in self._listing]

    def find(self, name: str) -> TableName:
        """Return the table of a name as the database spells it, or in any case where only one is meant.

        Args:
            name: `Orders` or `dbo.Orders`; a name may itself have dots in it.

        A name that is not listed is handed to the database as it is, which may know it all the same, as a synonym.

        Raises:
            SourceError: there is no such table, or the name may mean several.
        """
        known = [table for table, _ in self.tables]
        default = [table for table, is_default in self.tables if is_default]
        for matches in (
            [table for table in known if str(table) == name],
            [table for table in default if table.name == name],
            [table for table in known if str(table).lower() == name.lower()],
            [table for table in default if table.name.lower() == name.lower()],
            [table for table in known if table.name == name],
        ):
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise SourceError(f"{name}: may be {' or '.join(map(str, matches))}: write the one that is meant.")
        self._ask_for(name)
        return TableName("", name)

    def describe(self, name: str, *, columns: Sequence[str] = (), exclude_columns: Sequence[str] = ()) -> SourceTable:
        """Return how a table's columns are read, all or some.

        Raises:
            SourceError: the database cannot be reached, has no such table, or the table no such column.
        """
        table = self.find(name)
        sql = self.dialect.table(table)
        texts: Mapping[str, str] = {}
        try:
            found = self._schema(sql, name)
            names = found.names
        except SourceError:
            # Of several databases and types, each has words of its own for what Spark cannot read.
            texts = self._texts(name)
            names = [str(row["column_name"]) for row in self._columns(name)]
            if not names:
                raise
            chosen = _chosen(name, names, columns, exclude_columns)
            if not texts and len(chosen) == len(names):
                raise
            query = self.dialect.select(sql, [(each, texts.get(each)) for each in names if each in chosen])
            found = self._schema(f"({query}) typed", name)
        chosen = _chosen(name, names, columns, exclude_columns)
        most_rows = next((rows for listed, _, rows in self._listing if listed == table), None)
        readings = [
            ColumnReading(each.name, texts[each.name], note="of a type that Spark does not know")
            if each.name in texts
            else self.dialect.reading(each)
            for each in found
            if each.name in chosen
        ]
        return SourceTable(name, sql, tuple(readings), {each.name: each.dataType for each in found}, most_rows)

    def check_columns(self, table: SourceTable) -> None:
        """Make sure that a table's columns are still those that were described, now that it was read.

        Parts of it are read one after the other. A driver may read a column whose type changed meanwhile all the same:
        PostgreSQL's cuts a decimal off where it expects a whole number.

        Raises:
            SourceError: one changed or is gone; what was read is not to be used.
        """
        names = [each.name for each in table.columns]
        now = self.describe(table.name, columns=names).types
        other = [
            f"{each} was {table.types[each].simpleString()}, is {now[each].simpleString()}"
            for each in names
            if now[each] != table.types[each]
        ]
        if other:
            raise SourceError(
                f"{table.name}: columns changed while they were read: {'; '.join(other)}. Nothing was changed. Start "
                "the run again."
            )

    def primary_key(self, name: str) -> tuple[str, ...]:
        """Return the columns of the primary key that a table declares, in its order; none where it declares none."""
        rows = self._in_order("primary key", name, lambda each: self.dialect.primary_key(self.find(each)))
        return tuple(str(row["column_name"]) for row in rows)

    def declared(self, name: str) -> dict[str, str]:
        """Return the declared types of a table's columns, by name.

        Raises:
            SourceError: the database cannot be reached.
        """
        rows = self._columns(name)
        return {str(row["column_name"]): str(row["data_type"]) for row in rows}

    def identity(self, name: str) -> dict[str, str]:
        """Return what the database is, and a table in it, as far as the reader may ask: facts by name.

        Raises:
            SourceError: the database cannot be reached.
        """
        *others, last = range(len(self.dialect.identity(self.find(name))))
        for number in others:
            try:
                facts = self._facts(number, name)
            except SourceError as error:
                if is_transient(error):
                    raise
                continue
            if facts:
                return facts
        return self._facts(last, name)

    def measure(self, table: SourceTable, key: str | None = None, where: str | None = None) -> Extent:
        """Return how large a table is. The database counts: no row crosses the wire.

        Args:
            table: which.
            key: the column by which it may be divided, in any case, if it is there.
            where: which rows count; None for all.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        name = table.column(key) if key else None
        ends = name if name and _is_whole_number(table.types[name]) else None
        (found,) = self.ask(self.dialect.extent(table.sql, ends, where), table.name)
        least, greatest = (None if end is None else int(end) for end in found[1:] or (None, None))
        return Extent(name, KeyRange(int(found[0]), least, greatest))

    def read(self, table: SourceTable, extent: Extent, connections: int = 1, where: str | None = None) -> DataFrame:
        """Return a table, to be read when it is used, over so many connections if its key allows. Names are its own.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        query = self.dialect.select(table.sql, [(each.name, each.sql) for each in table.columns], where)
        source = f"({query}) chosen"
        texts = ", ".join(f"{quoted(each.name)} STRING" for each in table.columns if each.as_text)
        options = {"customSchema": texts} if texts else {}
        # Asked of the table itself, not of what is chosen from it: the key may be read as something else.
        parts = self._parts(table, extent, connections, where)
        if len(parts) > 1:
            frames = self._load(
                table.name,
                lambda reader: reader.jdbc(self._address, source, predicates=parts, properties={}),
                **options,
            )
        else:
            # One partition, which Spark is told: what counts its rows has nothing to exchange.
            frames = self._load(table.name, lambda reader: self._table(reader, source), **options).coalesce(1)
        return self._converted(frames, table.columns)

    def ask(self, query: str, name: str) -> list[Row]:
        """Return the few rows of a query's answer.

        Args:
            query: SQL.
            name: of the table that it is about, for messages.

        Raises:
            SourceError: the database cannot be reached, or refuses.
        """
        answer = self._load(name, lambda reader: reader.format("jdbc").options(url=self._address, query=query).load())
        try:
            return answer.collect()
        except Exception as error:
            raise _unreadable(name, error) from error

    def read_part(
        self, table: SourceTable, where: str | None, key: Sequence[str], connections: int, rows: int | None = None
    ) -> DataFrame:
        """Return some rows of a table, over as many connections as they are worth.

        Args:
            table: which.
            where: its rows; None for all.
            key: the column by which they may be divided, or none.
            connections: the most at a time.
            rows: about how many they are; None where they are to be counted first.

        Raises:
            SourceError: the database cannot be reached, or has no such table.
        """
        if rows is not None and partition_count(rows, connections, connections) == 1:
            return self.read(table, Extent(None, KeyRange(rows, None, None)), 1, where)
        extent = self.measure(table, key[0] if key else None, where)
        return self.read(table, extent, partition_count(extent.rows, connections, connections), where)

    def adapt(self, error: BaseException) -> None:
        """Learn from a failure that another try follows: sign in anew, and ask for no statement by name.

        A token may have ended; a pool may not keep a driver's named statements.
        """
        self._signed_in = None
        if "prepared statement" in root_cause(error):
            self._options["prepareThreshold"] = "0"

    @property
    def _listing(self) -> Sequence[tuple[TableName, bool, int | None]]:
        """What the database lists: tables, whether a name without a schema means them, about their most rows.

        It is asked once, whoever comes first: feeds of one source are loaded side by side.
        """
        with self._asking:
            if self._listed is None:
                rows = self.ask(self.dialect.tables(), "the list of tables")
                self._listed = [
                    (
                        TableName(str(row[0]), str(row[1])),
                        bool(row[2]),
                        None if not row[3:] or row[3] is None else int(row[3]),
                    )
                    for row in rows
                ]
            return self._listed

    def _parts(self, table: SourceTable, extent: Extent, parts: int, where: str | None) -> list[str]:
        """Return the WHERE clauses by which a table is divided; none where it is read in one."""
        if extent.key is None or parts == 1:
            return []
        reading = next(each for each in table.columns if each.name == extent.key)
        if reading.sql is not None and reading.conversion is not Conversion.NONE:
            return []
        quoted = self.dialect.quote(extent.key)
        if extent.keys.least is not None:
            bounds = self._bounds(table, extent.key, extent.keys, parts, where)
            return range_predicates(quoted, bounds) if bounds else []
        key_hash = self.dialect.hash(quoted)
        return hash_predicates(quoted, key_hash, parts) if key_hash else []

    def _bounds(self, table: SourceTable, key: str, keys: KeyRange, parts: int, where: str | None) -> list[int]:
        """Return where to divide a table so that each part has about as many rows.

        Keys that leave out few numbers are divided by number alone. Where they may crowd, the database counts them in
        buckets, and again within a bucket that holds too many.
        """
        if not keys.may_be_skewed:
            return equal_bounds(keys, parts)
        buckets = self._buckets(table, key, keys, where)
        for _ in range(_LOOKS):
            crowd = crowded(buckets, parts)
            if crowd is None:
                break
            position = buckets.index(crowd)
            buckets[position : position + 1] = self._buckets(table, key, crowd, where)
        return quantile_bounds(buckets, parts)

    def _buckets(self, table: SourceTable, key: str, keys: KeyRange, where: str | None) -> list[KeyRange]:
        ends = (keys.least or 0, keys.greatest or 0)
        found = self.ask(self.dialect.buckets(table.sql, key, bucket_bounds(keys), ends, where), table.name)
        return sorted((KeyRange(*map(int, row)) for row in found), key=lambda bucket: bucket.least or 0)

    def _facts(self, number: int, name: str) -> dict[str, str]:
        """Return the facts that one of the queries of a table's identity tells; none where it has no row."""
        rows = self._catalogue.answer(
            f"identity {number}", name, lambda each: self.dialect.identity(self.find(each))[number]
        )
        return {key: str(value) for row in rows for key, value in row.items() if value is not None}

    def _ask_for(self, name: str) -> None:
        """Make sure that the database knows a name that it does not list.

        Raises:
            SourceError: it does not, in its own words, with the nearest name that it lists.
        """
        try:
            self._schema(name, name)
        except SourceError as error:
            with_schema = "." in name
            spelled = [str(table) if with_schema or not is_default else table.name for table, is_default in self.tables]
            raise SourceError(f"{str(error).rstrip('.')}. {nearest(name, spelled)}") from error

    def _schema(self, source: str, name: str) -> StructType:
        return self._load(name, lambda reader: self._table(reader, source), preferTimestampNTZ=True).schema

    def _texts(self, name: str) -> dict[str, str]:
        """Return the SQL that stands for the columns of types that Spark does not know."""
        kinds = self.dialect.text_types
        return {
            str(row["column_name"]): kinds[row["data_type"]].format(self.dialect.quote(row["column_name"]))
            for row in self._columns(name)
            if row["data_type"] in kinds
        }

    def _columns(self, name: str) -> Answer:
        """Return the names and declared types of a table's columns."""
        return self._in_order("columns", name, lambda each: self.dialect.columns(self.find(each)))

    def _in_order(self, question: str, name: str, query: Callable[[str], str]) -> Answer:
        """Return the rows of a catalog's answer in their `place`: not every database sorts what it is asked within."""
        return sorted(self._catalogue.answer(question, name, query), key=lambda row: row["place"])

    def _table(self, reader: DataFrameReader, source: str) -> DataFrame:
        return reader.format("jdbc").options(url=self._address, dbtable=source).load()

    @property
    def _address(self) -> str:
        """The address, with what the driver has to be told.

        As options Spark Connect would hand it over in lower case, and drivers that mind it would not notice.
        """
        told = [f"{name}={value}" for name, value in self._options.items() if f"{name}=" not in self.url]
        return self.url + ("&" if "?" in self.url else "?") + "&".join(told) if told else self.url

    def _load(self, name: str, load: Callable[[DataFrameReader], DataFrame], **options: bool | str) -> DataFrame:
        if self._signed_in is None:
            self._signed_in = self.credentials()
        reader = self.spark.read.options(fetchsize=_FETCH_SIZE, **options, **self._signed_in)
        try:
            frame = load(reader)
            # Over Connect nothing is asked before the columns are.
            frame.schema  # noqa: B018
        except Exception as error:
            raise _unreadable(name, error) from error
        return frame

    def _converted(self, frame: DataFrame, readings: Iterable[ColumnReading]) -> DataFrame:
        readings = list(readings)
        if all(reading.conversion is Conversion.NONE for reading in readings):
            return frame
        zone = str(self.spark.conf.get("spark.sql.session.timeZone"))
        return frame.selectExpr(
            *(f"{converted(each, zone, self._java_zone)} AS {quoted(each.name)}" for each in readings)
        )

    @cached_property
    def _java_zone(self) -> str:
        """The time zone of the Java that reads; UTC where it is not told, as on Databricks' shared compute."""
        try:
            # Of rows that are given Spark knows the answer without a job.
            zone = self.spark.sql("SELECT reflect('java.time.ZoneId', 'systemDefault') FROM VALUES (1)")
            return str(zone.collect()[0][0])
        except Exception:  # noqa: BLE001 - refused in whatever words
            return "UTC"


def _chosen(table: str, names: Sequence[str], columns: Sequence[str], exclude: Sequence[str]) -> set[str]:
    for name in (*columns, *exclude):
        if name not in names:
            raise SourceError(f"{table}: has no column {name}. {nearest(name, names)}")
    chosen = (set(columns) or set(names)) - set(exclude)
    alike = twins(name for name in names if name in chosen)
    if alike:
        raise SourceError(
            f"{table}: columns {alike[0]!r} and {alike[1]!r} differ only in upper and lower case: one name to Spark. "
            "Leave one of them out with exclude_columns, or read a view that renames it."
        )
    return chosen


def _is_whole_number(kind: DataType) -> bool:
    return isinstance(kind, IntegralType) or (isinstance(kind, DecimalType) and kind.scale == 0)


def _unreadable(table: str, error: Exception) -> SourceError:
    cause = root_cause(error)
    return SourceError(f"{table}: cannot be read: {cause}{way_out(cause)}")
