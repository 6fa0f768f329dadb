"""Data Factory's interim types, and how values go from one to another: as SQL of DuckDB, which moves the data.

Types are those of https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# ADF's interim types and what DuckDB calls them.
DUCKDB_TYPES: Mapping[str, str] = {
    "Boolean": "BOOLEAN",
    "SByte": "TINYINT",
    "Byte": "UTINYINT",
    "Int16": "SMALLINT",
    "UInt16": "USMALLINT",
    "Int32": "INTEGER",
    "UInt32": "UINTEGER",
    "Int64": "BIGINT",
    "UInt64": "UBIGINT",
    "Single": "FLOAT",
    "Double": "DOUBLE",
    "Decimal": "DECIMAL(38,18)",
    "String": "VARCHAR",
    "Char": "VARCHAR",
    "Guid": "UUID",
    "Date": "DATE",
    "DateTime": "TIMESTAMP",
    "DateTimeOffset": "TIMESTAMP WITH TIME ZONE",
    "TimeSpan": "INTERVAL",
    "Byte[]": "BLOB",
    "ByteArray": "BLOB",
}
_FOLDED = {name.casefold(): name for name in DUCKDB_TYPES}
_SYNONYMS = {
    "bool": "Boolean",
    "int": "Int32",
    "integer": "Int32",
    "long": "Int64",
    "short": "Int16",
    "float": "Single",
}

_INTEGERS = {"TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}


@dataclass(frozen=True)
class Column:
    """A column of rows on their way: its name, and DuckDB's name of its type."""

    name: str
    type: str = "VARCHAR"

    @property
    def adf_type(self) -> str:
        """The type as Data Factory names it."""
        return adf_type(self.type)


@dataclass(frozen=True)
class Conversion:
    """Settings of a conversion: `typeConversionSettings` of a translator, in .NET's format words."""

    allow_truncation: bool = True
    boolean_as_number: bool = False
    date_format: str | None = None
    culture: str = "en-us"


def adf_type(duckdb_type: str) -> str:
    """Return Data Factory's name of a DuckDB type; String for what it has none of."""
    kind = duckdb_type.upper()
    if kind.startswith("DECIMAL"):
        return "Decimal"
    if kind in ("HUGEINT", "UHUGEINT"):
        return "Decimal"
    if kind.startswith("TIMESTAMP") and "ZONE" not in kind:
        return "DateTime"
    if kind == "TIME":
        return "TimeSpan"
    return next((name for name, known in DUCKDB_TYPES.items() if known == kind), "String")


def duckdb_type(adf: str) -> str | None:
    """Return DuckDB's type for an interim type's name, in any case; None when there is no such type."""
    text = adf.strip().casefold()
    name = _FOLDED.get(text) or _SYNONYMS.get(text)
    return DUCKDB_TYPES[name] if name else None


def converted(expression: str, source: str, target: str, settings: Conversion) -> str:
    """Return SQL that converts a value, and gives null where it does not fit.

    Args:
        expression: SQL of the value.
        source: its DuckDB type.
        target: the DuckDB type that is wanted.
        settings: how.
    """
    source, target = _family(source), target.upper()
    if source == _family(target) and not target.startswith("DECIMAL"):
        return expression
    if target == "VARCHAR":
        return _as_text(expression, source, settings)
    if source == "VARCHAR":
        return _from_text(expression, target, settings)
    if _family(target) == "BOOLEAN" and source in _INTEGERS | _FLOATS | {"DECIMAL"}:
        return f"({expression}) <> 0" if settings.boolean_as_number else "cast(null as boolean)"
    if source == "BOOLEAN" and not settings.boolean_as_number and _family(target) != "BOOLEAN":
        return f"cast(null as {target})"
    if target in _INTEGERS and source in _FLOATS | {"DECIMAL"} and not settings.allow_truncation:
        return f"case when ({expression}) = trunc({expression}) then try_cast({expression} as {target}) end"
    if target in _INTEGERS and source in _FLOATS | {"DECIMAL"}:
        return f"try_cast(round({expression}) as {target})"
    return f"try_cast({expression} as {target})"


def _family(kind: str) -> str:
    return "DECIMAL" if kind.upper().startswith("DECIMAL") else kind.upper()


def _as_text(expression: str, source: str, settings: Conversion) -> str:
    if source == "BOOLEAN":
        return f"case when ({expression}) then 'True' when not ({expression}) then 'False' end"
    if source in _TIMES and settings.date_format:
        return f"strftime({expression}, {literal(strftime_format(settings.date_format))})"
    if source == "TIMESTAMP":
        return f"strftime({expression}, '%Y-%m-%d %H:%M:%S.%f') || '0'"
    if source == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({expression} at time zone 'UTC', '%Y-%m-%d %H:%M:%S.%f') || '0 +00:00'"
    if source == "BLOB":
        return f"to_base64({expression})"
    if source == "DECIMAL":
        # 1.500 of DECIMAL(38,18) is no text that anyone means.
        return f"regexp_replace(regexp_replace(cast({expression} as varchar), '(\\.\\d*?)0+$', '\\1'), '\\.$', '')"
    if source in _FLOATS:
        return f"regexp_replace(cast({expression} as varchar), '\\.0$', '')"
    return f"cast({expression} as varchar)"


# What .NET reads of dates in the culture en-US besides ISO 8601.
_DATES = ("%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%Y%m%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")
_MONTH_FIRST_CULTURES = ("en-us", "")


def _from_text(expression: str, target: str, settings: Conversion) -> str:
    text = f"trim({expression})"
    if target in _INTEGERS:
        plain = f"replace({text}, ',', '')"
        return (
            f"case when regexp_full_match({text}, '[+-]?[0-9][0-9,]*(\\.0*)?') then try_cast({plain} as {target}) end"
        )
    if target in _FLOATS or target.startswith("DECIMAL"):
        plain = f"replace({text}, ',', '')"
        number = "'[+-]?([0-9][0-9,]*\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?'"
        return f"case when regexp_full_match({text}, {number}) then try_cast({plain} as {target}) end"
    if target == "BOOLEAN":
        numbers = " when '1' then true when '0' then false" if settings.boolean_as_number else ""
        return f"case lower({text}) when 'true' then true when 'false' then false{numbers} end"
    if target in _TIMES:
        if settings.date_format:
            return f"try_cast(try_strptime({text}, {literal(strftime_format(settings.date_format))}) as {target})"
        dates = _DATES if settings.culture.casefold() in _MONTH_FIRST_CULTURES else (*_DAY_FIRST, *_DATES[2:])
        formats = ", ".join(literal(date + clock) for date in dates for clock in _CLOCKS)
        # The session's zone is UTC: what names no offset is taken as it stands, what names one becomes UTC.
        iso = f"try_cast({text} as TIMESTAMP WITH TIME ZONE)"
        return f"try_cast(coalesce({iso}, try_strptime({text}, [{formats}])) as {target})"
    if target == "BLOB":
        return f"try(from_base64({expression}))"
    return f"try_cast({text} as {target})"


_DOTNET = re.compile(
    r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|F{1,7}|tt|zzz|zz|z|K|'[^']*'|\\.|."
)
_STRFTIME: Mapping[str, str] = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dddd": "%A", "ddd": "%a",
    "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S",
    "s": "%-S", "tt": "%p", "zzz": "%z", "zz": "%z", "z": "%z", "K": "%z",
}  # fmt: skip


def strftime_format(dotnet: str) -> str:
    """Return DuckDB's format for one of .NET's, such as `yyyy-MM-dd HH:mm:ss`."""
    parts = []
    for token in _DOTNET.findall(dotnet):
        if token[0] in "fF" and set(token) <= {"f", "F"}:
            parts.append("%g" if len(token) == 3 else "%f")  # noqa: PLR2004 - three digits are milliseconds
        elif token[0] == "'":
            parts.append(token[1:-1].replace("%", "%%"))
        elif token[0] == "\\":
            parts.append(token[1:])
        else:
            parts.append(_STRFTIME.get(token, token.replace("%", "%%")))
    return "".join(parts)


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a name as a quoted identifier of DuckDB."""
    return '"' + name.replace('"', '""') + '"'
