"""The properties of a JDBC address: `jdbc:sqlserver://HOST:1433;databaseName=x;encrypt=true`. Pure: no I/O."""

import re

# Text up to a semicolon, those within a braced value not counted. Source:
# https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url
_PART = re.compile(r"(?:=\s*\{(?:[^}]|\}\})*\}|[^;])+")


def take_property(url: str, name: str) -> tuple[str, str | None]:
    """Return an address without a property, and the property's value, None where it has none. Names ignore case."""
    address, *properties = _PART.findall(url)
    kept, value = [address], None
    for part in properties:
        key, _, text = part.partition("=")
        if key.strip().lower() == name.lower():
            value = text.strip().removeprefix("{").removesuffix("}")
        else:
            kept.append(part)
    return (url, None) if value is None else (";".join(kept), value)
