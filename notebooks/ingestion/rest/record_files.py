"""The file of a record: where `format = "json"` lands it. Pure: no I/O."""

import re

from ingestion.feeds.model import Endpoint
from ingestion.feeds.rules import PLACEHOLDER
from ingestion.platform.errors import UnexpectedAnswerError
from ingestion.platform.excerpt import excerpt
from ingestion.rest.answers import Record, Values

_UNFIT = re.compile(r"[^\w .@+-]")
_LONGEST = 150


def record_file(endpoint: Endpoint, values: Values, record: Record) -> str:
    """Return the path in the lake of a record's file: as `file_name` says, else by `for_each` values and key.

    Raises:
        UnexpectedAnswerError: the record lacks what names it, or that is no file's name.
    """
    parts = [f"{{{name}}}" for name in (*values, *endpoint.primary_key)]
    template = endpoint.file_name or "_".join(parts)

    def text(found: re.Match[str]) -> str:
        name, key = found[1], found[2]
        if name in values:
            return str(values[name].fields[key] if key else values[name])
        value = record.get(name)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise UnexpectedAnswerError(
                f"a record has {excerpt(repr(value), 80)} for {name}, which names its file: set file_name in "
                f"{endpoint.name} to what each record has."
            )
        return str(value)

    name = PLACEHOLDER.sub(text, template)
    if not name.strip(" .") or name.startswith(("_", ".")) or _UNFIT.search(name) or len(name) > _LONGEST:
        raise UnexpectedAnswerError(f"{excerpt(repr(name), 80)} is no file's name: set file_name in {endpoint.name}.")
    return f"{endpoint.destination}/{name}.json"
