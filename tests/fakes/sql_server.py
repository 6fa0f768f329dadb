"""A server that speaks SQL Server's protocol (TDS, with TLS) over the tables of infra/sql, and fails as it is told to.

`pysqlbridge` reads the packets and answers the SQL; Microsoft's own JDBC driver, which asks, comes with an npm package.
The types that pysqlbridge does not have are encoded here as MS-TDS says, sections 2.2.5.4 and 2.2.5.5:
https://learn.microsoft.com/openspecs/windows_protocols/ms-tds
"""

import datetime
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pysqlbridge.catalog import Catalog
from pysqlbridge.certificate import self_signed
from pysqlbridge.logins import Login, LoginStore
from pysqlbridge.source import Table
from pysqlbridge.tds.connection import Connection, ConnectionState
from pysqlbridge.tds.result import (
    DEFAULT_COLLATION,
    Bit,
    Column,
    ColumnType,
    Integer,
    NVarChar,
    Query,
    QueryError,
    QueryResult,
)
from pysqlbridge.tds.token import done, error_response

from support import node_packages

_PACKAGE = Path(__file__).with_name("mssql_jdbc")
JDBC_DRIVER = _PACKAGE / "node_modules/liquibase/dist/drivers/mssql-jdbc-7.4.1.jre8.jar"


def what_is_missing() -> str | None:
    """Return what this machine needs before it has the driver, None where it has it, or has it now."""
    return node_packages.install(_PACKAGE)


_SIGN_IN_WITH_TOKEN = 0x02  # the feature FEDAUTH
_TOKEN_ACCEPTED = bytes([0xAE, _SIGN_IN_WITH_TOKEN, 0, 0, 0, 0, 0xFF])  # FEATUREEXTACK of FEDAUTH, without data


@dataclass(frozen=True)
class Decimals(ColumnType):
    """DECIMALN: a sign, then the digits as one little-endian number."""

    precision: int
    scale: int

    def type_info(self) -> bytes:
        return bytes([0x6A, 17, self.precision, self.scale])

    def encode(self, value: Any) -> bytes:
        if value is None:
            return b"\x00"
        digits = int(Decimal(value).scaleb(self.scale))
        return bytes([17, digits >= 0]) + abs(digits).to_bytes(16, "little")


@dataclass(frozen=True)
class Dates(ColumnType):
    """DATEN: days since 0001-01-01."""

    def type_info(self) -> bytes:
        return bytes([0x28])

    def encode(self, value: Any) -> bytes:
        return b"\x00" if value is None else b"\x03" + _days(value)


@dataclass(frozen=True)
class Moments(ColumnType):
    """DATETIME2N of three or seven digits: the parts of a second since midnight, then the days."""

    digits: int = 3

    def type_info(self) -> bytes:
        return bytes([0x2A, self.digits])

    def encode(self, value: Any) -> bytes:
        if value is None:
            return b"\x00"
        size = 4 if self.digits == 3 else 5
        parts = _microseconds(value.time()) * 10**self.digits // 10**6
        return bytes([size + 3]) + parts.to_bytes(size, "little") + _days(value)


@dataclass(frozen=True)
class Times(ColumnType):
    """TIMEN of seven digits: the parts of a second since midnight."""

    def type_info(self) -> bytes:
        return bytes([0x29, 7])

    def encode(self, value: Any) -> bytes:
        return b"\x00" if value is None else b"\x05" + (_microseconds(value) * 10).to_bytes(5, "little")


@dataclass(frozen=True)
class Chars(ColumnType):
    """BIGCHAR: text of a fixed length, here of ASCII only."""

    length: int

    def type_info(self) -> bytes:
        return b"\xaf" + struct.pack("<H", self.length) + DEFAULT_COLLATION

    def encode(self, value: Any) -> bytes:
        return b"\xff\xff" if value is None else struct.pack("<H", self.length) + value.ljust(self.length).encode()


def _days(date: datetime.date) -> bytes:
    return (date.toordinal() - 1).to_bytes(3, "little")


def _microseconds(time: datetime.time) -> int:
    return ((time.hour * 60 + time.minute) * 60 + time.second) * 10**6 + time.microsecond


def _moments() -> list[Column]:
    return [Column("CreatedAt", Moments()), Column("UpdatedAt", Moments())]


CUSTOMERS = [
    Column("CustomerId", Integer(4)),
    *(Column(name, NVarChar(100)) for name in ("FirstName", "LastName")),
    Column("Email", NVarChar(320)),
    Column("Phone", NVarChar(32)),
    Column("AddressLine", NVarChar(200)),
    *(Column(name, NVarChar(100)) for name in ("City", "StateProvince")),
    Column("PostalCode", NVarChar(20)),
    Column("CountryCode", Chars(2)),
    Column("DateOfBirth", Dates()),
    Column("CreditLimit", Decimals(12, 2)),
    Column("IsActive", Bit()),
    *_moments(),
]
PRODUCTS = [
    Column("ProductId", Integer(4)),
    Column("Sku", NVarChar(40)),
    Column("Name", NVarChar(200)),
    Column("Category", NVarChar(100)),
    Column("Description", NVarChar(2000)),
    Column("UnitPrice", Decimals(10, 2)),
    Column("CurrencyCode", Chars(3)),
    Column("StockQuantity", Integer(4)),
    Column("WeightKg", Decimals(8, 3)),
    Column("IsDiscontinued", Bit()),
    *_moments(),
]
_CREATED = datetime.datetime(2024, 3, 31, 2, 30, 0, 123000)


def _customer(number: int) -> list[Any]:
    name, email = ("Zoë 陈", "O'Brien"), f"customer{number}@example.com"
    address = (f"{number} Невский проспект", "Łódź", None, "90-001", "PL")
    born = datetime.date(1950, 1, 1) + datetime.timedelta(days=number % 10_000)
    return [number, *name, email, None, *address, born, Decimal(number), number % 2 == 1, _CREATED, _CREATED]


def _product(number: int) -> list[Any]:
    texts, price = (f"SKU-{number:05}", "½-Litre Bottle 🫙", "Kitchen", None), (Decimal("3.99"), "EUR")
    return [number, *texts, *price, number, Decimal("0.125"), False, _CREATED, _CREATED]


_TABLES: dict[str, tuple[list[Column], Callable[[int], list[Any]]]] = {
    "Customers": (CUSTOMERS, _customer),
    "Products": (PRODUCTS, _product),
}


@dataclass(frozen=True)
class SqlError:
    """An error as SQL Server numbers it."""

    number: int
    message: str


@dataclass
class SqlServer:
    """A server, its one login, and the faults that it still has to show, each once and in turn.

    Attributes:
        access_token: of Entra ID, which opens the server too; None where none does.
        refusals: answers to the next logins.
        failures: answers to the next queries.
        cuts: the next answers longer than so many bytes end there, and their connections with them. An answer comes in
            one piece where the session is encrypted.
        queries: every query that was asked.
    """

    user: str = "loader"
    password: str = "hunter2 & more"
    port: int = 0
    access_token: str | None = None
    refusals: deque[SqlError] = field(default_factory=deque)
    failures: deque[SqlError] = field(default_factory=deque)
    cuts: deque[int] = field(default_factory=deque)
    queries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.certificate = self_signed()
        self.logins = LoginStore([Login(self.user, self.password, hashed=False)])
        self._catalog = Catalog()
        self._listener: _Listener | None = None

    @property
    def url(self) -> str:
        """The address for JDBC, without user and password."""
        options = "databaseName=shop;encrypt=true;trustServerCertificate=true;loginTimeout=10"
        return f"jdbc:sqlserver://127.0.0.1:{self.port};{options}"

    def create(self, table: str, rows: int) -> None:
        """Make a table of infra/sql anew, with rows from number 1."""
        columns, row = _TABLES[table]
        self.fill(table, columns, [row(number) for number in range(1, rows + 1)])

    def fill(self, table: str, columns: list[Column], rows: list[list[Any]]) -> None:
        """Make a table of any columns anew."""
        self.drop(table)
        self._catalog.add(Table(table, columns, rows))

    def drop(self, table: str) -> None:
        """Drop a table, if it is there."""
        self._catalog.sources.pop(table.lower(), None)

    def answer(self, query: Query) -> QueryResult:
        """Answer a query, or fail it."""
        self.queries.append(query.sql)
        if self.failures:
            failure = self.failures.popleft()
            raise QueryError(failure.message, number=failure.number)
        return self._catalog.answer(query)

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._listener = _Listener(self)
        self.port = self._listener.server_address[1]
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """End, if it runs, and every connection with it."""
        if self._listener is not None:
            self._listener.end()
            self._listener = None


@contextmanager
def running_sql_server() -> Iterator[SqlServer]:
    """Start a server without tables, and end it in any case."""
    server = SqlServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, server: SqlServer) -> None:
        super().__init__(("127.0.0.1", server.port), _Session)
        self.sql_server = server
        self.connections: set[socket.socket] = set()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Session(socketserver.BaseRequestHandler):
    """One connection: moves bytes between the socket and pysqlbridge, which holds the protocol's state."""

    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        self.server.connections.add(self.request)
        connection = _Connection(self.server.sql_server)
        with suppress(OSError):  # a client that hangs up, or the server that ends
            while connection.state is not ConnectionState.FAILED and (data := self.request.recv(65536)):
                for answer in connection.receive(data):
                    if not self._send(answer):
                        return
        self.server.connections.discard(self.request)

    def _send(self, answer: bytes) -> bool:
        cuts = self.server.sql_server.cuts
        if cuts and len(answer) > cuts[0]:
            self.request.sendall(answer[: cuts.popleft()])
            return False
        self.request.sendall(answer)
        return True


class _Connection(Connection):
    """pysqlbridge's side of a connection; here it also refuses a login on command, and knows Entra ID's tokens."""

    def __init__(self, server: SqlServer) -> None:
        super().__init__(server.certificate, query_handler=server.answer, logins=server.logins)
        self._server = server
        self._login_packet = b""
        self._acknowledgement = b""

    def _step_login(self, responses: list[bytes]) -> bool:
        if self._buffer:
            self._plaintext += self._tunnel.unwrap(bytes(self._buffer))
            self._buffer.clear()
            self._login_packet = bytes(self._plaintext)
        return super()._step_login(responses)

    def _answer_sql_login(self, responses: list[bytes]) -> bool:
        if self._server.refusals:
            self._refuse(self._server.refusals.popleft(), responses)
        elif (token := _access_token(self._login_packet)) is None:
            return super()._answer_sql_login(responses)
        elif token == self._server.access_token:
            self._acknowledgement = _TOKEN_ACCEPTED
            self._finish_login(responses)
        else:
            self._refuse(SqlError(18456, "Login failed for user '<token-identified principal>'."), responses)
        return True

    def _refuse(self, error: SqlError, responses: list[bytes]) -> None:
        self._send(responses, error_response(error.number, error.message, tds_version=self._tds_version))
        self._state = ConnectionState.FAILED

    def _send(self, responses: list[bytes], payload: bytes, packet_id: int = 1) -> None:
        if self._acknowledgement:
            end = done(tds_version=self._tds_version)
            payload = payload.removesuffix(end) + self._acknowledgement + end
            self._acknowledgement = b""
        super()._send(responses, payload, packet_id)


def _access_token(packet: bytes) -> str | None:
    """Return the security token in a LOGIN7 packet, None where it has none: MS-TDS 2.2.6.4, FeatureExt and FEDAUTH."""
    login = packet[8:]
    at = int.from_bytes(login[int.from_bytes(login[56:58], "little") :][:4], "little")
    while login[at] != 0xFF:
        size = int.from_bytes(login[at + 1 : at + 5], "little")
        if login[at] == _SIGN_IN_WITH_TOKEN:
            return login[at + 10 : at + 5 + size].decode("utf-16-le")
        at += 5 + size
    return None
