"""Reads the filters and orders of Data Factory's queries into what the history takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bundle.documents import items, mapping
from local_factory.server.answers import moment
from local_factory.server.errors import bad_request
from local_factory.server.history import Filter, Query

# Operand -> column. Source: the definitions RunQueryFilterOperand and RunQueryOrderByField of Azure's description.
_PIPELINE_RUNS: Mapping[str, str] = {
    "PipelineName": "pipeline",
    "Status": "status",
    "RunStart": "started",
    "RunEnd": "ended",
    "RunGroupId": "group_id",
    "LatestOnly": "is_latest",
}
_TRIGGER_RUNS: Mapping[str, str] = {
    "TriggerName": "trigger_name",
    "Status": "status",
    "TriggerRunTimestamp": "fired",
    "RunGroupId": "group_id",
}
_OPERATORS: Mapping[str, bool] = {"Equals": True, "NotEquals": False, "In": True, "NotIn": False}


def pipeline_run_query(body: Mapping[str, Any]) -> Query:
    """Return what `queryPipelineRuns` asks for.

    Raises:
        ServiceError: names the wrong field.
    """
    return _query(body, _PIPELINE_RUNS, Query(order=(("started", False),)))


def trigger_run_query(body: Mapping[str, Any]) -> Query:
    """Return what `queryTriggerRuns` asks for.

    Raises:
        ServiceError: names the wrong field.
    """
    return _query(body, _TRIGGER_RUNS, Query(order=(("fired", False),)))


def updated_between(body: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the bounds that every query has.

    Raises:
        ServiceError: one is missing or wrong.
    """
    return (
        moment(body.get("lastUpdatedAfter"), "lastUpdatedAfter"),
        moment(body.get("lastUpdatedBefore"), "lastUpdatedBefore"),
    )


def read_filters(body: Mapping[str, Any], columns: Mapping[str, str]) -> list[tuple[str, list[str], bool]]:
    """Return the filters of a query as (column, values, whether the value is to be among them).

    Raises:
        ServiceError: names the wrong field.
    """
    found = []
    for position, entry in enumerate(items(body.get("filters"))):
        place = f"filters[{position}]"
        document = mapping(entry)
        operator = _one_of(document.get("operator"), f"{place}.operator", _OPERATORS)
        column = _column(document.get("operand"), f"{place}.operand", columns)
        found.append((column, _values(document.get("values"), f"{place}.values"), _OPERATORS[operator]))
    return found


def read_order(body: Mapping[str, Any], columns: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Return the order of a query as (column, whether it ascends), the first one first.

    Raises:
        ServiceError: names the wrong field.
    """
    found = []
    for position, entry in enumerate(items(body.get("orderBy"))):
        place = f"orderBy[{position}]"
        document = mapping(entry)
        column = _column(document.get("orderBy"), f"{place}.orderBy", columns)
        found.append((column, _one_of(document.get("order"), f"{place}.order", ("ASC", "DESC")) == "ASC"))
    return found


def _query(body: Mapping[str, Any], columns: Mapping[str, str], query: Query) -> Query:
    after, before = updated_between(body)
    token = body.get("continuationToken")
    if token is not None and not isinstance(token, str):
        raise bad_request("continuationToken: must be a text.")
    filters = [_filter(*found) for found in read_filters(body, columns)]
    return replace(
        query,
        filters=[found for found in filters if found],
        updated_after=after,
        updated_before=before,
        order=read_order(body, columns) or query.order,
        token=token or None,
    )


def _filter(column: str, values: list[str], within: bool) -> Filter | None:
    if column == "is_latest":
        # "LatestOnly" with false asks for all.
        return Filter(column, ["1"]) if [value.lower() for value in values] == ["true"] else None
    return Filter(column, values, within)


def _column(value: object, place: str, columns: Mapping[str, str]) -> str:
    return columns[_one_of(value, place, columns)]


def _one_of(value: object, place: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    for name in known:
        if isinstance(value, str) and value.lower() == name.lower():
            return name
    raise bad_request(f"{place}: is {value!r}; one of {', '.join(known)} is needed.")


def _values(value: object, place: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise bad_request(f"{place}: must be an array of texts, with one or more.")
    return list(value)
