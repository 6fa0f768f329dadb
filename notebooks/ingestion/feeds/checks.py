"""The checks of a feed, by name: `{ matches = "Email", pattern = "..." }`. Pure: no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ingestion.feeds.durations import parse_duration
from ingestion.feeds.model import CheckSpec
from ingestion.feeds.toml_lines import Path
from ingestion.platform.names import nearest

Report = Callable[[Path, str], None]


@dataclass(frozen=True)
class CheckForm:
    """How a kind of check is written.

    Attributes:
        columns: whether it takes one column, or one or more; None where it is about no column.
        arguments: by key, the kind of the value: `text`, `bound`, `list`, `duration`, `share`.
        needed: whether all arguments are, or one of them is enough.
    """

    columns: str | None
    arguments: Mapping[str, str]
    needed: str = "all"


FORMS: Mapping[str, CheckForm] = {
    "not_null": CheckForm("one", {}),
    "unique": CheckForm("several", {}),
    "matches": CheckForm("one", {"pattern": "text"}),
    "in_range": CheckForm("one", {"at_least": "bound", "at_most": "bound"}, needed="one"),
    "in_set": CheckForm("one", {"values": "list"}),
    "not_before": CheckForm("one", {"column": "text"}),
    "fresh": CheckForm("one", {"within": "duration"}),
    "row_count": CheckForm(None, {"at_least_share": "share"}),
}
SEVERITIES = ("error", "warning")


def read_check(value: Any, path: Path, report: Report) -> CheckSpec | None:
    """Return a check, or None when something about it was reported."""
    if not isinstance(value, Mapping):
        report(path, 'is no check; write a table, as { not_null = "OrderId" }')
        return None
    kinds = [key for key in value if key in FORMS]
    if len(kinds) != 1:
        _report_kind(value, kinds, path, report)
        return None
    [kind] = kinds
    form = FORMS[kind]
    known = (kind, *form.arguments, "severity")
    problems = [((*path, key), f"no such key of {kind}. {nearest(key, known)}") for key in value if key not in known]
    columns = _columns(form, value[kind])
    if columns is None:
        problems.append(((*path, kind), _columns_wanted(form)))
    given = {key: item for key, item in value.items() if key in form.arguments}
    missing = [key for key in form.arguments if key not in given]
    if missing and (form.needed == "all" or not given):
        problems.append(
            (path, f"{kind} needs {' or '.join(missing) if form.needed == 'one' else ' and '.join(missing)}")
        )
    arguments: dict[str, Any] = {}
    for key, item in given.items():
        try:
            arguments[key] = _argument(form.arguments[key], item)
        except ValueError as error:
            problems.append(((*path, key), str(error)))
    severity = value.get("severity", "error")
    if severity not in SEVERITIES:
        problems.append(((*path, "severity"), f"it is {severity!r}. {nearest(str(severity), SEVERITIES)}"))
    for place, message in problems:
        report(place, message)
    return None if problems else CheckSpec(kind, columns or (), arguments, severity)


def _report_kind(value: Mapping[str, Any], kinds: list[str], path: Path, report: Report) -> None:
    if kinds:
        report(path, f"says {' and '.join(kinds)}; write one check a table")
        return
    known = {key for form in FORMS.values() for key in form.arguments} | {"severity"}
    strange = next((key for key in value if key not in known), None)
    if strange is None:
        report(path, f"says no check. {nearest('', FORMS)}")
    else:
        report((*path, strange), f"no such check. {nearest(strange, FORMS)}")


def _columns(form: CheckForm, value: Any) -> tuple[str, ...] | None:
    if form.columns is None:
        return () if value is True else None
    if isinstance(value, str) and value:
        return (value,)
    is_list = isinstance(value, list) and value and all(isinstance(item, str) and item for item in value)
    return tuple(value) if is_list and form.columns == "several" else None


def _columns_wanted(form: CheckForm) -> str:
    if form.columns is None:
        return "is about no column; write row_count = true, and at_least_share beside it"
    if form.columns == "several":
        return 'write a column, or a list of columns: "OrderId" or ["OrderId", "Line"]'
    return 'write the name of one column, as "OrderId"'


def _argument(kind: str, value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "text" if isinstance(value, str) and value:
            return value
        case "bound" if is_number or isinstance(value, date | datetime):
            return value
        case "list" if isinstance(value, list) and value and not any(isinstance(item, list | dict) for item in value):
            return tuple(value)
        case "share" if is_number and 0 <= value <= 1:
            return float(value)
        case "duration" if isinstance(value, str):
            return parse_duration(value)
    raise ValueError(_WANTED[kind])


_WANTED = {
    "text": "write a text",
    "bound": "write a number or a date, without quotes",
    "list": "write a list of values: [...]",
    "share": "write a number from 0 to 1",
    "duration": 'write a text, as "30 days"',
}
