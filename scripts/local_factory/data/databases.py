"""Databases that stand in for linked services, by their JDBC address: through native drivers, without a JVM.

What differs between databases is a `Dialect`; connecting, querying and writing go through Python's DB-API for all.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local_factory.data.errors import copy_error
from local_factory.data.rows import BATCH
from local_factory.data.stand_ins import StandIn
from local_factory.data.types import Column
from local_factory.data.work import Work
from local_factory.errors import ActivityError

Row = Sequence[Any]
_CONNECT_SECONDS = 30


@dataclass(frozen=True)
class Dialect:
    """What differs between databases: quoting, placeholders, types, how a table is looked up and rows are merged."""

    name: str
    quotes: str = '""'
    placeholder: str = "%s"
    types: Mapping[str, str] = field(default_factory=dict)
    has_schemas: bool = True
    update_join: bool = False
    # `exec name @p = ?`; elsewhere `call name(p => ?)`, and rows come of `select * from name(p => ?)`.
    exec_procedures: bool = False
    named_arguments: bool = True
    primary_key_sql: str | None = None
    current_schema: str | None = None
    # `merge into` of standard SQL; elsewhere an update and an insert.
    merges: bool = False
    # How `create table ... as select` makes an empty one.
    empty_copy: str = " where 1 = 0"

    def quote(self, name: str) -> str:
        """Return a name as an identifier."""
        opening, closing = self.quotes[0], self.quotes[1]
        return opening + name.replace(closing, closing * 2) + closing

    def table(self, schema: str | None, name: str) -> str:
        """Return a table's name, with its schema where the database has such."""
        parts = [schema, name] if schema and self.has_schemas else [name]
        return ".".join(self.quote(part) for part in parts if part)

    def type_of(self, duckdb_type: str) -> str:
        """Return the type of a column that is made for values of a DuckDB type."""
        kind = duckdb_type.upper()
        if kind.startswith("DECIMAL"):
            return self.types.get("DECIMAL", kind)
        return self.types.get(kind, self.types["VARCHAR"])


_ANSI_TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean", "TINYINT": "smallint", "UTINYINT": "smallint", "SMALLINT": "smallint",
    "USMALLINT": "integer", "INTEGER": "integer", "UINTEGER": "bigint", "BIGINT": "bigint",
    "UBIGINT": "decimal(20)", "HUGEINT": "decimal(38)", "FLOAT": "real", "DOUBLE": "double precision",
    "VARCHAR": "text", "UUID": "uuid", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "INTERVAL": "interval", "BLOB": "bytea",
}  # fmt: skip

_ANSI_KEY = (
    "select k.column_name from information_schema.table_constraints t join information_schema.key_column_usage k "
    "on k.constraint_name = t.constraint_name and k.table_schema = t.table_schema and k.table_name = t.table_name "
    "where t.constraint_type = 'PRIMARY KEY' and t.table_name = {0} and ({1} is null or t.table_schema = {1}) "
    "order by k.ordinal_position"
)

POSTGRESQL = Dialect(
    "postgresql",
    types=_ANSI_TYPES,
    current_schema="current_schema()",
    primary_key_sql=_ANSI_KEY.replace("{1} is", "cast({1} as text) is"),
)
MYSQL = Dialect(
    "mysql",
    quotes="``",
    types={
        **_ANSI_TYPES, "DOUBLE": "double", "FLOAT": "float", "VARCHAR": "longtext", "UUID": "char(36)",
        "TIMESTAMP": "datetime(6)", "TIMESTAMP WITH TIME ZONE": "datetime(6)", "INTERVAL": "time(6)",
        "BLOB": "longblob", "DECIMAL": "decimal(38,18)",
    },
    update_join=True,
    named_arguments=False,
    current_schema="database()",
    primary_key_sql=_ANSI_KEY,
)  # fmt: skip
SQLSERVER = Dialect(
    "sqlserver",
    quotes="[]",
    types={
        **_ANSI_TYPES, "BOOLEAN": "bit", "INTEGER": "int", "FLOAT": "real", "DOUBLE": "float",
        "VARCHAR": "nvarchar(max)", "UUID": "uniqueidentifier", "TIMESTAMP": "datetime2",
        "TIMESTAMP WITH TIME ZONE": "datetimeoffset", "INTERVAL": "time", "BLOB": "varbinary(max)",
    },
    current_schema="schema_name()",
    exec_procedures=True,
    primary_key_sql=_ANSI_KEY,
)  # fmt: skip
SQLITE = Dialect(
    "sqlite",
    placeholder="?",
    types={**_ANSI_TYPES, "BLOB": "blob", "DECIMAL": "numeric"},
    has_schemas=False,
    primary_key_sql="select name from pragma_table_info({0}) where pk > 0 and ({1} is null or 1 = 1) order by pk",
)
DUCKDB = Dialect(
    "duckdb",
    placeholder="?",
    types={**_ANSI_TYPES, "VARCHAR": "varchar", "BLOB": "blob", "DOUBLE": "double"},
    current_schema="current_schema()",
    primary_key_sql="select unnest(constraint_column_names) from duckdb_constraints() where constraint_type = "
    "'PRIMARY KEY' and table_name = {0} and ({1} is null or schema_name = {1})",
)

_JDBC_TYPES: Mapping[str, str] = {
    **_ANSI_TYPES, "VARCHAR": "varchar(4000)", "DOUBLE": "double", "UUID": "char(36)", "BLOB": "blob",
    "TIMESTAMP WITH TIME ZONE": "timestamp", "INTERVAL": "varchar(40)", "HUGEINT": "decimal(31)",
    "DECIMAL": "decimal(31,10)",
}  # fmt: skip
JDBC = Dialect("jdbc", placeholder="?", types=_JDBC_TYPES, named_arguments=False, merges=True)
DERBY = replace(JDBC, name="derby", empty_copy=" with no data")


@dataclass(frozen=True)
class ResultSet:
    """The answer to a query: its columns, and its rows some thousands at a time."""

    columns: tuple[Column, ...]
    batches: Iterator[list[Row]]


@dataclass(frozen=True)
class Outcome:
    """What one statement of a script came to: rows with their columns' names, or how many rows it changed."""

    names: tuple[str, ...] | None
    rows: Sequence[Row]
    affected: int


class Database:
    """A connection, and what is done with it. Errors of the database become failures of the activity."""

    def __init__(self, connection: Any, dialect: Dialect, work: Work, side: str) -> None:
        self.connection = connection
        self.dialect = dialect
        self._work = work
        self._side = side

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> ResultSet:
        """Send a query that must give exactly one set of rows.

        Raises:
            ActivityError: the database refuses it, or it gives no rows.
        """
        with self._told():
            cursor = self._cursor()
            _execute(cursor, sql, parameters)
            while cursor.description is None:
                if not _next_set(cursor):
                    raise copy_error(
                        "SqlOperationFailed", f"The query gave no set of rows: {_shortened(sql)}", self._side
                    )
            first = list(cursor.fetchmany(BATCH))
            columns = _columns(cursor, self.dialect, first)
        return ResultSet(columns, self._rest(cursor, first))

    def run_script(self, sql: str, parameters: Sequence[Any] = ()) -> list[Outcome]:
        """Send statements and return what each came to.

        Raises:
            ActivityError: the database refuses one.
        """
        outcomes: list[Outcome] = []
        with self._told():
            for statement in self._statements(sql):
                cursor = self._cursor()
                _execute(cursor, statement, parameters)
                while True:
                    if cursor.description is not None and self._has_rows(statement):
                        names = tuple(column[0] for column in cursor.description)
                        outcomes.append(Outcome(names, cursor.fetchall(), 0))
                    else:
                        outcomes.append(Outcome(None, (), max(cursor.rowcount, 0)))
                    if not _next_set(cursor):
                        break
                cursor.close()
            self.connection.commit()
        return outcomes

    def _statements(self, sql: str) -> list[str]:
        """Return the statements that this driver wants one by one."""
        if self.dialect is SQLITE:
            import sqlite3

            statements, buffer = [], ""
            for part in re.split(r"(;)", sql):
                buffer += part
                if part == ";" and sqlite3.complete_statement(buffer):
                    statements.append(buffer)
                    buffer = ""
            return [statement for statement in [*statements, buffer] if statement.strip(" \r\n\t;")]
        if self.dialect is DUCKDB:
            return [statement.query for statement in self.connection.extract_statements(sql)]
        return [sql]

    def _has_rows(self, statement: str) -> bool:
        # DuckDB answers everything with rows: a change with their number.
        first = statement.lstrip("( \r\n\t").split(None, 1)[:1]
        changes = {"insert", "update", "delete", "create", "drop", "alter", "copy", "begin", "commit", "set", "call"}
        return self.dialect is not DUCKDB or not first or first[0].lower() not in changes - {"call"}

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Send statements whose answers are of no interest."""
        self.run_script(sql, parameters)

    def locate(self, schema: str | None, table: str) -> tuple[str | None, str]:
        """Return (schema, table) as the database spells them.

        Names are looked for without regard to case, since SQL Server has none; where `dbo` is no schema, it means the
        one that names without a schema mean. What is not found comes back as it was.
        """
        tables, current = self._tables(table)
        if schema and schema.casefold() == "dbo" and not any(name.casefold() == "dbo" for name, _ in tables):
            schema = current
        found = [pair for pair in tables if not schema or pair[0].casefold() == schema.casefold()]
        best = sorted(found, key=lambda pair: (pair[0] != (schema or current), pair[1] != table))
        return best[0] if best else (schema, table)

    def _tables(self, table: str) -> tuple[list[tuple[str, str]], str | None]:
        """Return (schema, table) of all tables of a name, in any case, and the schema that is meant without one."""
        if hasattr(self.connection, "tables"):
            with self._told():
                return self.connection.tables(table), self.connection.schema()
        if not self.dialect.current_schema:
            return [], None
        sql = (
            f"select table_schema, table_name, {self.dialect.current_schema} from information_schema.tables "
            f"where lower(table_name) = lower({self.dialect.placeholder})"
        )
        rows = [row for batch in self.query(sql, [table]).batches for row in batch]
        current = rows[0][2] if rows else None
        return [(str(row[0]), str(row[1])) for row in rows], current

    def table_columns(self, schema: str | None, table: str) -> tuple[Column, ...] | None:
        """Return a table's columns; None when there is no such table."""
        name = self.dialect.table(schema, table)
        try:
            answer = self.query(f"select * from {name} where 1 = 0")
        except ActivityError:
            self.connection.rollback()
            return None
        return answer.columns

    def primary_key(self, schema: str | None, table: str) -> list[str]:
        """Return the columns of a table's primary key, in its order."""
        if hasattr(self.connection, "primary_key"):
            with self._told():
                found: list[str] = self.connection.primary_key(schema, table)
            return found
        sql = self.dialect.primary_key_sql
        if not sql:
            return []
        mark = self.dialect.placeholder
        arguments = [schema if part == "{1}" else table for part in re.findall(r"\{[01]\}", sql)]
        answer = self.query(re.sub(r"\{[01]\}", mark, sql), arguments)
        return [row[0] for batch in answer.batches for row in batch]

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Put rows into a table, all or none.

        Raises:
            ActivityError: the database refuses one.
        """
        names = ", ".join(self.dialect.quote(column) for column in columns)
        try:
            with self._told():
                if self.dialect is POSTGRESQL:
                    cursor = self._cursor()
                    with cursor.copy(f"copy {table} ({names}) from stdin") as copying:
                        for row in rows:
                            copying.write_row(row)
                else:
                    marks = ", ".join([self.dialect.placeholder] * len(columns))
                    self._cursor().executemany(
                        f"insert into {table} ({names}) values ({marks})",
                        [tuple(self._bound(value) for value in row) for row in rows],
                    )
                self.connection.commit()
        except ActivityError:
            self.connection.rollback()
            raise

    def _bound(self, value: Any) -> Any:
        from datetime import date, datetime, time, timedelta
        from decimal import Decimal
        from uuid import UUID

        if isinstance(value, UUID):
            return str(value)
        if self.dialect is SQLITE:
            if isinstance(value, Decimal):
                return str(value)
            if isinstance(value, datetime | date | time):
                return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
            if isinstance(value, timedelta):
                return str(value)
        return value

    def _rest(self, cursor: Any, first: list[Row]) -> Iterator[list[Row]]:
        batch = first
        while batch:
            yield batch
            self._work.check()
            with self._told():
                batch = list(cursor.fetchmany(BATCH))
        cursor.close()

    def _cursor(self) -> Any:
        return self.connection.cursor()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the driver raises into the failure of an activity."""
        try:
            yield
        except ActivityError:
            raise
        except Exception as error:
            self._work.check()
            if not _is_database_error(error):
                raise
            raise copy_error(
                "SqlOperationFailed",
                f"A database operation failed with the following error: '{_reason(error)}'",
                self._side,
            ) from None


@contextmanager
def connect(stand_in: StandIn, work: Work, side: str = "Source") -> Iterator[Database]:
    """Connect to the database that stands in.

    Raises:
        ActivityError: it cannot be reached, or refuses the user; or no driver for it is here.
    """
    try:
        connection, dialect, stop = _OPENERS.get(scheme_of(stand_in.place), _open_java)(stand_in)
    except Exception as error:
        if not _is_database_error(error):
            raise
        reason = _reason(error)
        hint = "Check that it is there, and the user and password that --linked-services names"
        if "No suitable driver" in reason:
            hint = f"Without Java there are drivers for {', '.join(sorted(_OPENERS))}; another is named with --jar FILE"
        message = f"Cannot connect to {_shown(stand_in.place)}: '{reason}'. {hint}"
        raise copy_error("SqlFailedToConnect", message, side) from None
    try:
        with work.stopping(stop):
            yield Database(connection, dialect, work, side)
    finally:
        connection.close()


def scheme_of(jdbc: str) -> str:
    """Return what a JDBC address names its driver by, such as `postgresql`."""
    return jdbc.split(":")[1].lower() if jdbc.count(":") > 1 else ""


def needs_java(jdbc: str) -> bool:
    """Say whether a database has no native driver here."""
    return scheme_of(jdbc) not in _OPENERS


def _open_java(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    from local_factory.data import java_databases

    connection = java_databases.connect(stand_in.place, stand_in.user, stand_in.password)
    return connection, DERBY if scheme_of(stand_in.place) == "derby" else JDBC, connection.cancel


def _open_postgresql(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    import psycopg

    address = _network_address(stand_in, 5432)
    settings: dict[str, Any] = {}
    if "sslmode" in address.options:
        settings["sslmode"] = address.options["sslmode"]
    if "currentSchema" in address.options:
        settings["options"] = f"-c search_path={address.options['currentSchema']}"
    connection = psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=address.database or None,
        user=address.user,
        password=address.password,
        connect_timeout=_CONNECT_SECONDS,
        **settings,
    )
    return connection, POSTGRESQL, connection.cancel


def _open_mysql(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    import pymysql
    from pymysql.constants import CLIENT

    address = _network_address(stand_in, 3306)

    def opened() -> Any:
        return pymysql.connect(
            host=address.host,
            port=address.port,
            database=address.database or None,
            user=address.user,
            password=address.password or "",
            charset="utf8mb4",
            connect_timeout=_CONNECT_SECONDS,
            client_flag=CLIENT.MULTI_STATEMENTS,
            local_infile=False,
        )

    def stop() -> None:
        with opened() as other:  # MySQL stops a query for another connection only
            other.kill(connection.thread_id())

    connection = opened()
    return connection, MYSQL, stop


def _open_sqlserver(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    import pymssql

    address = _sqlserver_address(stand_in)
    connection = pymssql.connect(
        server=address.host,
        port=str(address.port),
        user=address.user,
        password=address.password,
        database=address.database,
        login_timeout=_CONNECT_SECONDS,
        tds_version="7.4",
    )
    return connection, SQLSERVER, connection.close


def _open_sqlite(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    import sqlite3

    connection = sqlite3.connect(_file_of(stand_in), check_same_thread=False, timeout=_CONNECT_SECONDS)
    return connection, SQLITE, connection.interrupt


def _open_duckdb(stand_in: StandIn) -> tuple[Any, Dialect, Callable[[], object]]:
    import duckdb

    connection = duckdb.connect(_file_of(stand_in))
    return _AutoCommitted(connection), DUCKDB, connection.interrupt


class _AutoCommitted:
    """A DuckDB connection as DB-API has it: what it does is committed at once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Do nothing: it is committed."""

    def rollback(self) -> None:
        """Do nothing: there is nothing open."""


_OPENERS: Mapping[str, Callable[[StandIn], tuple[Any, Dialect, Callable[[], object]]]] = {
    "postgresql": _open_postgresql,
    "mysql": _open_mysql,
    "mariadb": _open_mysql,
    "sqlserver": _open_sqlserver,
    "sqlite": _open_sqlite,
    "duckdb": _open_duckdb,
}


@dataclass(frozen=True)
class _Address:
    host: str
    port: int
    database: str
    user: str | None
    password: str | None = field(repr=False)
    options: Mapping[str, str] = field(repr=False)


def _network_address(stand_in: StandIn, default_port: int) -> _Address:
    parts = urlsplit(stand_in.place.removeprefix("jdbc:"))
    options = dict(parse_qsl(parts.query))
    return _Address(
        parts.hostname or "127.0.0.1",
        parts.port or default_port,
        unquote(parts.path.lstrip("/")),
        stand_in.user or options.get("user") or parts.username,
        stand_in.password or options.get("password") or parts.password,
        options,
    )


def _sqlserver_address(stand_in: StandIn) -> _Address:
    server, *pairs = stand_in.place.removeprefix("jdbc:sqlserver://").split(";")
    options = {
        name.strip().lower(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs) if name
    }
    host, _, port = server.partition(":")
    return _Address(
        host or options.get("servername", "127.0.0.1"),
        int(port or options.get("portnumber") or 1433),
        options.get("databasename") or options.get("database", ""),
        stand_in.user or options.get("user"),
        stand_in.password or options.get("password"),
        options,
    )


def _file_of(stand_in: StandIn) -> str:
    return stand_in.place.split(":", 2)[2].partition("?")[0]


def _shown(jdbc: str) -> str:
    address = re.split("[;?]", jdbc, maxsplit=1)[0]
    return re.sub(r"//[^/@]*@", "//", address)


def _execute(cursor: Any, sql: str, parameters: Sequence[Any]) -> None:
    if parameters:
        cursor.execute(sql, tuple(parameters))
    else:
        cursor.execute(sql)


def _next_set(cursor: Any) -> bool:
    return bool(getattr(cursor, "nextset", lambda: None)())


def _is_database_error(error: Exception) -> bool:
    module = type(error).__module__.split(".")[0]
    known = ("psycopg", "pymysql", "pymssql", "sqlite3", "duckdb", "_duckdb")
    return module in known or type(error).__name__ == "JavaError" or isinstance(error, OSError)


def _reason(error: Exception) -> str:
    """Return what a driver's error says, on one line."""
    detail = error.args[-1] if error.args and not isinstance(error.args[-1], Exception) else error
    if isinstance(detail, bytes):
        detail = detail.decode("utf-8", "replace")
    return " ".join(str(detail if isinstance(detail, str) else error).split())


def _shortened(sql: str) -> str:
    return sql if len(sql) <= 200 else f"{sql[:200]}..."  # noqa: PLR2004


# PostgreSQL's and MySQL's own names of types, as DuckDB has them.
_POSTGRES_TYPES: Mapping[str, str] = {
    "bool": "BOOLEAN", "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "oid": "BIGINT", "float4": "FLOAT",
    "float8": "DOUBLE", "uuid": "UUID", "bytea": "BLOB", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE", "interval": "INTERVAL", "numeric": "DECIMAL",
}  # fmt: skip
_MYSQL_TYPES: Mapping[int, str] = {
    1: "TINYINT", 2: "SMALLINT", 3: "INTEGER", 4: "FLOAT", 5: "DOUBLE", 7: "TIMESTAMP", 8: "BIGINT", 9: "INTEGER",
    10: "DATE", 11: "INTERVAL", 12: "TIMESTAMP", 13: "INTEGER", 0: "DECIMAL", 246: "DECIMAL",
}  # fmt: skip
_WIDEST = 38


def _columns(cursor: Any, dialect: Dialect, first: Sequence[Row]) -> tuple[Column, ...]:
    columns = []
    for index, description in enumerate(cursor.description):
        kind = _declared_type(description, dialect)
        if kind in (None, "DECIMAL"):
            kind = _type_of_values([row[index] for row in first], kind)
        columns.append(Column(str(description[0]), kind))
    return tuple(columns)


def _declared_type(description: Any, dialect: Dialect) -> str | None:
    if dialect in (JDBC, DERBY):
        from local_factory.data import java_databases

        return java_databases.type_of(description)
    if dialect is POSTGRESQL:
        import psycopg

        known = psycopg.adapters.types.get(description.type_code)
        name = known.name if known else ""
        if name == "numeric" and description.precision and description.precision <= _WIDEST:
            return f"DECIMAL({description.precision},{description.scale or 0})"
        return _POSTGRES_TYPES.get(name, "VARCHAR")
    if dialect is MYSQL:
        code = description[1]
        if code in (249, 250, 251, 252):  # blobs and texts share their codes: the values tell
            return None
        if code in (0, 246) and description[4] and description[5] is not None:
            return f"DECIMAL({min(max(description[4] - 2, description[5] + 1), _WIDEST)},{description[5]})"
        if code == 1 and description[3] == 1:  # TINYINT(1), which BOOLEAN is another name for
            return "BOOLEAN"
        return _MYSQL_TYPES.get(code, "VARCHAR")
    if dialect is DUCKDB:
        kind = str(description[1]).upper()
        return kind if kind.startswith("DECIMAL(") or kind in _KNOWN else {"NUMBER": None}.get(kind, "VARCHAR")
    return None


_KNOWN = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "UTINYINT",
        "SMALLINT",
        "USMALLINT",
        "INTEGER",
        "UINTEGER",
        "BIGINT",
        "UBIGINT",
        "HUGEINT",
        "FLOAT",
        "DOUBLE",
        "UUID",
        "BLOB",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "INTERVAL",
    ]
) | {"TIMESTAMP WITH TIME ZONE"}


def _type_of_values(values: Sequence[Any], declared: str | None) -> str:
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal
    from uuid import UUID

    present = [value for value in values if value is not None]
    if declared == "DECIMAL" or (present and all(isinstance(value, Decimal) for value in present)):
        return "DECIMAL(38,18)"
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "BOOLEAN"),
        (int, "BIGINT"),
        (float, "DOUBLE"),
        (datetime, "TIMESTAMP"),
        (date, "DATE"),
        (time, "TIME"),
        (timedelta, "INTERVAL"),
        (UUID, "UUID"),
        (bytes, "BLOB"),
    )
    for kind, name in kinds:
        if present and all(isinstance(value, kind) for value in present):
            if name == "TIMESTAMP" and present[0].tzinfo:
                return "TIMESTAMP WITH TIME ZONE"
            return name
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return "DOUBLE"
    return "VARCHAR"
