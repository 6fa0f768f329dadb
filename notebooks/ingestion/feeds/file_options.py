"""The options of Spark's readers of files: https://spark.apache.org/docs/latest/sql-data-sources.html

Spark passes over an option that it does not know. A cluster may know more than stand here, so only one that is all but
spelled like another is taken for a mistake.
"""

from collections.abc import Mapping
from difflib import get_close_matches

_TEXT = (
    *("encoding", "charset", "lineSep", "multiLine", "compression", "dateFormat", "timestampFormat"),
    *("timestampNTZFormat", "locale", "timeZone", "enableDateTimeParsingFallback"),
)
_KNOWN: Mapping[str, tuple[str, ...]] = {
    "csv": (
        *("sep", "delimiter", "quote", "escape", "comment", "header", "inferSchema", "preferDate", "enforceSchema"),
        *("ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace", "nullValue", "nanValue", "positiveInf", "negativeInf"),
        *("maxColumns", "maxCharsPerColumn", "charToEscapeQuoteEscaping", "emptyValue", "unescapedQuoteHandling"),
        *_TEXT,
    ),
    "json": (
        *("primitivesAsString", "prefersDecimal", "allowComments", "allowUnquotedFieldNames", "allowSingleQuotes"),
        *("allowNumericLeadingZeros", "allowBackslashEscapingAnyCharacter", "allowUnquotedControlChars"),
        *("allowNonNumericNumbers", "dropFieldIfAllNull"),
        *_TEXT,
    ),
    "parquet": ("mergeSchema", "datetimeRebaseMode", "int96RebaseMode"),
}
_ALIKE = 0.8


def meant(name: str, file_format: str) -> str | None:
    """Return the option that a misspelled one of a format means; None for one that is right, or like no other."""
    known = {each.lower(): each for each in _KNOWN.get(file_format, ())}
    if name.lower() in known:
        return None
    close = get_close_matches(name.lower(), known, n=1, cutoff=_ALIKE)
    return known[close[0]] if close else None
