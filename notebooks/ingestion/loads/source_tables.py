"""The tables that are ingested, and what their rows have to be like: the place to add a table's check or change it.

A row that breaks a check goes to the quarantine instead of the table; a check with `severity=WARNING` is only told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.quality.checks import Check, Fresh, InRange, Matches, NotBefore, NotNull, RowCount, Severity, Unique


@dataclass(frozen=True)
class SourceTable:
    """A table of the database, and where it lands.

    Attributes:
        name: in the database.
        folder: in the lake.
        key: a column by which it may be read over several connections, if it is there and has whole numbers.
        checks: what its rows have to be like.
    """

    name: str
    folder: str
    key: str
    checks: Sequence[Check]


# One @ with something before it and a domain with a dot after it. Only a letter that arrives proves an address.
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_MONTH = timedelta(days=30)

CUSTOMERS = SourceTable(
    name="Customers",
    folder="customer_data",
    key="CustomerId",
    checks=(
        NotNull("CustomerId"),
        Unique(("CustomerId",)),
        NotNull("Email"),
        Matches("Email", _EMAIL),
        NotNull("CountryCode"),
        Matches("CountryCode", "[A-Z]{2}"),
        InRange("DateOfBirth", at_least=date(1900, 1, 1)),
        InRange("CreditLimit", at_least=0),
        NotBefore("UpdatedAt", "CreatedAt"),
        Fresh("UpdatedAt", _MONTH, severity=Severity.WARNING),
        RowCount(0.5, severity=Severity.WARNING),
    ),
)

PRODUCTS = SourceTable(
    name="Products",
    folder="product_data",
    key="ProductId",
    checks=(
        NotNull("ProductId"),
        Unique(("ProductId",)),
        NotNull("Sku"),
        Unique(("Sku",)),
        NotNull("UnitPrice"),
        InRange("UnitPrice", at_least=0),
        Matches("CurrencyCode", "[A-Z]{3}"),
        InRange("StockQuantity", at_least=0),
        NotBefore("UpdatedAt", "CreatedAt"),
        Fresh("UpdatedAt", _MONTH, severity=Severity.WARNING),
        RowCount(0.5, severity=Severity.WARNING),
    ),
)
