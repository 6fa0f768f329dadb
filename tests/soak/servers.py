"""Where the cases' tables are: a PostgreSQL, a MariaDB, and an API whose records are a PostgreSQL's rows.

Each makes a case's table and beside it the table of all rows that it ever held, and tells both as texts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pymysql

from fakes.faulty_http import Answer, FaultyServer, Request, json_answer, running
from fakes.mariadb import MariaDb
from fakes.postgres import Postgres
from soak.cases import Case
from soak.promises import Row, Source

COLUMNS = ("id", "name", "amount", "note", "modified")
KEYS_EACH = 40  # of a writer: few, so that keys come back
_NAMES = ", ".join(COLUMNS)
_PAGE = 15

# Of DB-API 2.0: psycopg's, or PyMySQL's.
Connection = Any


def ask(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Execute a statement, and return its rows; none where it selects nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall()) if cursor.description else []


class PostgresTables:
    """The cases' tables in PostgreSQL."""

    name = "postgres"
    _types = "id BIGINT NOT NULL{key}, name TEXT NOT NULL, amount NUMERIC(12,4), note TEXT, modified TIMESTAMP(6)"

    def __init__(self, server: Postgres) -> None:
        self.server = server

    @property
    def secrets(self) -> Mapping[str, str]:
        """User and password, by the names that the source's file gives them."""
        return {f"{self.name}-user": self.server.user, f"{self.name}-password": self.server.password}

    def toml(self, cases: Sequence[Case]) -> str:
        """Return the file of the source, with the cases as feeds."""
        return (
            f'[source]\ntype = "sql"\nurl = "{self.server.url}"\nuser = {{ secret = "{self.name}-user" }}\n'
            f'password = {{ secret = "{self.name}-password" }}\nmax_connections = 4\n'
            + "".join(case.toml for case in cases)
        )

    def connect(self) -> Connection:
        """Return a connection without autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=self.server.user,
            password=self.server.password,
            dbname=self.server.database,
            options="-c lock_timeout=20s -c client_min_messages=warning",
        )

    def make_table(self, case: Case) -> None:
        """Make a case's table anew, with some rows, and beside it the table of all rows that it ever held."""
        table, past = case.name, f"{case.name}_past"
        is_keyless = case.disposition == "append" and "transaction_id" in case.method
        types = self._types.format(key="" if is_keyless else " PRIMARY KEY")
        insert = f"INSERT INTO {table} ({_NAMES}) VALUES (%s, %s, %s, NULL, %s)"
        with closing(self.connect()) as connection:
            for name in (table, past):
                ask(connection, f"DROP TABLE IF EXISTS {name}")
            ask(connection, f"CREATE TABLE {table} ({types})")
            ask(connection, f"CREATE TABLE {past} ({self._types.format(key='')})")
            self._keep_past(connection, case)
            for number in range(0, KEYS_EACH, 2):
                ask(connection, insert, number, f"row {number}", number, datetime(2025, 12, 31, second=number // 7))
            connection.commit()

    def rows_of(self, case: Case) -> Source:
        """Return what a case's table holds, and all that it ever held."""
        with closing(self.connect()) as connection:
            return Source(self._rows(connection, case.name), set(self._rows(connection, f"{case.name}_past")))

    def _keep_past(self, connection: Connection, case: Case) -> None:
        table = case.name
        ask(connection, _KEEP_PAST)
        ask(connection, f"CREATE TRIGGER z_keep AFTER INSERT OR UPDATE ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION keep_past()")  # fmt: skip
        ask(connection, f"CREATE INDEX ON {table} (id)")
        if "transaction_id" in case.method:
            ask(connection, f"ALTER TABLE {table} ADD COLUMN tx XID8 NOT NULL DEFAULT pg_current_xact_id()")
            ask(connection, _STAMP)
            ask(connection, f"CREATE TRIGGER a_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp()")

    def _rows(self, connection: Connection, table: str) -> list[Row]:
        return ask(connection, f"SELECT {', '.join(f'{name}::text' for name in COLUMNS)} FROM {table}")


_KEEP_PAST = f"""
CREATE OR REPLACE FUNCTION keep_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I SELECT {", ".join(f"($1).{name}" for name in COLUMNS)}', TG_TABLE_NAME || '_past')
    USING NEW;
    RETURN NULL;
END $$"""
_STAMP = """
CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tx := pg_current_xact_id();
    RETURN NEW;
END $$"""


class MariaDbTables(PostgresTables):
    """The cases' tables in MariaDB."""

    name = "mariadb"
    _types = (
        "id BIGINT NOT NULL{key}, name VARCHAR(100) NOT NULL, amount DECIMAL(12,4), note VARCHAR(100), "
        "modified DATETIME(6)"
    )

    def __init__(self, server: MariaDb) -> None:
        self.server = server

    def connect(self) -> Connection:
        """Return a connection without autocommit; writers do not wait for each other's gaps between keys."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=self.server.user,
            password=self.server.password,
            database=self.server.database,
            charset="utf8mb4",
            init_command="SET SESSION tx_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = 20",
        )

    def _keep_past(self, connection: Connection, case: Case) -> None:
        new = ", ".join(f"NEW.{name}" for name in COLUMNS)
        for event in ("INSERT", "UPDATE"):
            ask(connection, f"CREATE TRIGGER {case.name}_{event} AFTER {event} ON {case.name} FOR EACH ROW "
                f"INSERT INTO {case.name}_past VALUES ({new})")  # fmt: skip

    def _rows(self, connection: Connection, table: str) -> list[Row]:
        texts = ", ".join(f"CAST({name} AS CHAR)" for name in COLUMNS)
        return [(*row[:-1], _shortened(row[-1])) for row in ask(connection, f"SELECT {texts} FROM {table}")]


class Api(PostgresTables):
    """An API that gives the rows of the cases' tables as records, page by page, as they are when it is asked.

    It says what it has since a moment in the order of changes, and all it has in the order of keys. A page goes on
    after the last record of the one before, so that records which come or go meanwhile move no other.
    """

    name = "api"
    secrets: Mapping[str, str] = {}

    def __init__(self, tables: PostgresTables, http: FaultyServer) -> None:
        super().__init__(tables.server)
        self._http = http
        self.reader = self.connect()
        self.before_page: Callable[[str], None] = lambda _path: None

    def toml(self, cases: Sequence[Case]) -> str:
        """Return the file of the source, with the cases as feeds."""
        return f'[source]\ntype = "rest"\nurl = "{self._http.url}"\nmax_connections = 1\n' + "".join(
            case.toml for case in cases
        )

    def make_table(self, case: Case) -> None:
        super().make_table(case)
        self._http.route(f"/{case.name}", lambda request: self._page(case, request))

    def _page(self, case: Case, request: Request) -> Answer:
        self.before_page(case.name)
        since, after = request.query.get("since"), request.query.get("after")
        order = "id" if since is None else "modified, id"
        conditions, values = ["TRUE"], []
        if since is not None:
            conditions.append("modified >= %s::timestamptz AT TIME ZONE 'UTC'")
            values.append(since)
        if after is not None:
            conditions.append(f"({order}) > (SELECT {order} FROM json_populate_record(NULL::{case.name}, %s::json))")
            values.append(after)
        where = " AND ".join(conditions)
        statement = f"SELECT {_NAMES}, row_to_json(t)::text FROM {case.name} t WHERE {where} ORDER BY {order} LIMIT %s"
        rows = ask(self.reader, statement, *values, _PAGE)
        self.reader.rollback()
        last = rows[-1][-1] if len(rows) == _PAGE else None
        return json_answer({"items": [_record(row[:-1]) for row in rows], "next": last})

    def _rows(self, connection: Connection, table: str) -> list[Row]:
        records = map(_record, ask(connection, f"SELECT {_NAMES} FROM {table}"))
        return [tuple(None if value is None else str(value) for value in record.values()) for record in records]


@contextmanager
def serving(tables: PostgresTables, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Api]:
    """Let an API answer until the block ends.

    Args:
        tables: have its records.
        clock: the API's own.
    """
    http = FaultyServer()
    http.clock = lambda: clock().timestamp()
    with running(http):
        api = Api(tables, http)
        with closing(api.reader):
            yield api


def _record(row: Sequence[Any]) -> dict[str, Any]:
    number, name, amount, note, modified = row
    moment = None if modified is None else f"{modified.isoformat(timespec='microseconds')}Z"
    values = (number, name, None if amount is None else str(amount), note, moment)
    return dict(zip(COLUMNS, values, strict=True))


def _shortened(moment: str | None) -> str | None:
    """Return a moment without the zeros at its end, which others do not write."""
    return moment.rstrip("0").rstrip(".") if moment and "." in moment else moment
