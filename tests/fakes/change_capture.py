"""A stand-in for what SQL Server tells of changes, on PostgreSQL: change tracking, change data capture, rowversion.

`change_capture.sql` behaves as the documents say. The dialect gives the methods its functions in place of SQL Server's;
all else of them is what runs against SQL Server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from fakes.postgres import Postgres
from ingestion.sql.dialects.change_sql import CaptureSql, TrackingSql
from ingestion.sql.dialects.counter_type import CounterType
from ingestion.sql.dialects.postgresql import PostgreSql

_SQL = Path(__file__).with_suffix(".sql")
TABLE = "public.Orders"


class StandIn(PostgreSql):
    """PostgreSQL with the functions of SQL Server that the stand-in has."""

    counters: Mapping[str, CounterType] = {
        "rowversion": CounterType(
            declared=("bigint",),
            lowest="standin.min_active()",
            following="standin.following()",
            text="'0x' || LPAD(UPPER(TO_HEX({})), 16, '0')",
            order="'0x' || LPAD(UPPER(TO_HEX({})), 16, '0')",
            literal="standin.eight_bytes('{}')",
            is_hex=True,
        )
    }
    change_tracking = TrackingSql(
        current="standin.current_version()", min_valid="standin.min_valid()", changes="standin.changes({version})"
    )
    cdc = CaptureSql(
        hex="{}",
        lsn="'{}'",
        object_id="CAST(CAST({} AS REGCLASS) AS OID)",
        utc="TO_CHAR({}, 'YYYY-MM-DD HH24:MI:SS.US')",
        seconds_since="CAST(EXTRACT(EPOCH FROM (CLOCK_TIMESTAMP() AT TIME ZONE 'UTC') - {}) AS INT)",
    )


@dataclass
class ChangeCapture:
    """The stand-in's database, new and empty, with change data capture for `Orders` by the instance `dbo_Orders`.

    Attributes:
        postgres: the server.
    """

    postgres: Postgres

    def __post_init__(self) -> None:
        with self.connect() as connection:
            connection.execute(
                "DROP SCHEMA IF EXISTS standin CASCADE; DROP SCHEMA IF EXISTS cdc CASCADE; "
                'DROP SCHEMA IF EXISTS sys CASCADE; DROP TABLE IF EXISTS public."Orders" CASCADE'
            )
            connection.execute(_SQL.read_text(encoding="utf-8").encode())
            connection.execute("SELECT standin.enable(1, 'dbo_Orders', ARRAY['Region', 'Id', 'Amount', 'Note'])")

    def connect(self) -> psycopg.Connection[Any]:
        """Return a session of its own; each statement is a transaction unless one is begun."""
        server = self.postgres
        address = {"host": "127.0.0.1", "port": server.port, "dbname": server.database}
        return psycopg.connect(**address, user=server.user, password=server.password, autocommit=True)

    def write(self, *statements: str) -> None:
        """Execute statements in one transaction."""
        with self.connect() as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of `Orders`: region, id, amount, note."""
        with self.connect() as connection:
            return list(connection.execute('SELECT "Region", "Id", "Amount", "Note" FROM "Orders" ORDER BY 1, 2'))

    def one(self, query: str) -> Any:
        """Return the one value that a query answers."""
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None
