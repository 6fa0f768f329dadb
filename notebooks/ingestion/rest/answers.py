"""What an answer holds: its records, or the error that it tells although its status is 200. Pure: no I/O."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.feeds.json_path import JsonPath
from ingestion.feeds.model import Endpoint, Expectation, ForEachValue
from ingestion.feeds.rules import PLACEHOLDER
from ingestion.platform.errors import (
    AmbiguousAnswerError,
    EmptyAnswerError,
    ErrorAnswerError,
    NotFoundError,
    UnexpectedAnswerError,
)
from ingestion.platform.excerpt import excerpt

Record = Mapping[str, Any]
Values = Mapping[str, ForEachValue]
_LONGEST_MESSAGE = 300
# What an answer is made of that holds no record: a name beside these is data.
_ENVELOPE = frozenset(
    {"success", "ok", "data", "result", "error", "errors", "error_code", "error_description", "message", "status"}
    | {"status_code", "statusCode", "code", "detail", "details", "documentation_url", "meta", "request_id", "timestamp"}
    | {"path", "title", "type", "instance", "trace_id", "traceId"}
)


def records_of(answer: Any, endpoint: Endpoint) -> list[Record]:
    """Return the records of an answer with status 200.

    Args:
        answer: the parsed JSON.
        endpoint: says where the records are, and how an error is told.

    Raises:
        ErrorAnswerError: it tells an error.
        UnexpectedAnswerError: it is not of the shape that the endpoint promises.
    """
    _raise_if_error(answer, endpoint.error_path)
    records = _selected(answer, endpoint.data_selector)
    strange = [record for record in records if not isinstance(record, dict)]
    if strange:
        raise UnexpectedAnswerError(f"the records hold something other than objects: {_kind(strange[0])}.")
    return records


def the_one(records: Sequence[Record], endpoint: Endpoint, values: Values) -> list[Record]:
    """Return the record that `select` means, of all that were read for one value; without it, all of them.

    Raises:
        EmptyAnswerError: there is none at all.
        NotFoundError: none of them is it.
        AmbiguousAnswerError: several are it.
    """
    if endpoint.select is None:
        return list(records)
    path, meant = endpoint.select.path, filled(endpoint.select.equals, values)
    if not records:
        raise EmptyAnswerError(f"the answer holds no record at all, and none whose {path} is {meant!r}.")
    found = [record for record in records if _same(path.first(record), meant)]
    if not found:
        theirs = excerpt(", ".join(str(path.first(record)) for record in records[:20]), 300)
        raise NotFoundError(f"none of the {len(records)} records has {meant!r} for {path} (they have: {theirs}).")
    if len(found) > 1:
        raise AmbiguousAnswerError(f"{len(found)} of the {len(records)} records have {meant!r} for {path}.")
    return found


def check_expectations(record: Record, endpoint: Endpoint, values: Values) -> None:
    """Make sure that a record is what was asked for.

    Raises:
        UnexpectedAnswerError: it is not.
    """
    for expectation in endpoint.expect:
        _check(record, expectation, values)


def filled(value: Any, values: Values) -> Any:
    """Return a value with `{NAME}` and `{NAME.KEY}` in place; one that is only a name keeps its type."""
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole:
        return _value(values[whole[1]], whole[2])
    return PLACEHOLDER.sub(lambda found: _text(_value(values[found[1]], found[2])), value)


def error_message(answer: Any) -> str | None:
    """Return the beginning of an error answer's message, in the forms that are in use; None where it is none."""
    if not isinstance(answer, dict):
        return None
    told = answer.get("errors") or answer.get("error")
    is_envelope = _ENVELOPE.issuperset(answer)
    is_failed = answer.get("success") is False or answer.get("ok") is False
    if is_failed or (told and (is_envelope or (isinstance(told, list) and not answer.get("data")))):
        listed = told if told and isinstance(told, list) else [told or answer.get("message") or "no reason given"]
        return excerpt("; ".join(map(_reason, listed)), _LONGEST_MESSAGE)
    for key in ("message", "detail", "title"):
        if answer.get(key) and is_envelope and "data" not in answer and "result" not in answer:
            return excerpt(str(answer[key]), _LONGEST_MESSAGE)
    return None


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(next((error[key] for key in ("message", "detail", "title", "code") if error.get(key)), error))


def _raise_if_error(answer: Any, error_path: JsonPath | None) -> None:
    if error_path is not None:
        told = next((value for value in error_path.find(answer) if value), None)
        if told is not None:
            text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
            raise ErrorAnswerError(f"the API answered with an error at {error_path}: {excerpt(text, _LONGEST_MESSAGE)}")
        return
    message = error_message(answer)
    if message is not None:
        raise ErrorAnswerError(f"the API answered with an error: {message}")


def _selected(answer: Any, selector: JsonPath | None) -> list[Any]:
    if selector is None or not selector.steps:
        if isinstance(answer, list):
            return answer
        if isinstance(answer, dict):
            return [answer]
        raise UnexpectedAnswerError(f"the answer is no list of records and no record: {_kind(answer)}.")
    values = [answer]
    for number, step in enumerate(selector.steps):
        path = JsonPath("", (step,))
        if step is None and not all(isinstance(value, list) for value in values):
            raise _broken(selector, answer, "a list of records")
        children = [child for value in values for child in path.find(value)]
        # Within a list each record may lack a part; what leads to the list may not.
        if not children and step is not None and None not in selector.steps[:number]:
            raise _broken(selector, answer, "it")
        values = children
    if selector.steps[-1] is None:
        return values
    if None in selector.steps:
        return [record for value in values for record in (value if isinstance(value, list) else [value])]
    [value] = values
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise UnexpectedAnswerError(f"{selector} leads to no list of records and no record: {_kind(value)}.")


def _broken(selector: JsonPath, answer: Any, what: str) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(
        f"data_selector {selector} promises {what}, which is not there: this is {_kind(answer)}."
    )


def _check(record: Record, expectation: Expectation, values: Values) -> None:
    found = expectation.path.first(record)
    if expectation.matches is not None:
        if not isinstance(found, str) or not re.search(expectation.matches, found):
            raise UnexpectedAnswerError(
                f"the record has {_shown(found)} for {expectation.path}, which does not match {expectation.matches}."
            )
        return
    meant = filled(expectation.equals, values)
    if not _same(found, meant):
        raise UnexpectedAnswerError(
            f"the record has {_shown(found)} for {expectation.path}, in place of {meant!r}: it is another one."
        )


def _same(found: Any, meant: Any) -> bool:
    return found == meant and isinstance(found, bool) == isinstance(meant, bool)


def _value(value: ForEachValue, key: str | None) -> Any:
    return value.fields[key] if key else value.value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    return excerpt(repr(value), 80)


def _kind(answer: Any) -> str:
    if isinstance(answer, dict):
        return "an object with the keys " + (excerpt(", ".join(list(answer)[:10]), 300) or "(none)")
    return f"a {type(answer).__name__}"
