"""The collection functions, on texts, arrays and objects."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from local_factory.functions.signature import (
    ANY,
    ARRAY,
    ARRAY_OR_OBJECT,
    COLLECTION,
    INTEGER,
    SEQUENCE,
    TEXT,
    Function,
    Kind,
)
from local_factory.functions.values import (
    Json,
    describe,
    find_key,
    identity,
    join_surrogates,
    to_text,
    utf16_length,
    utf16_slice,
)

_COLLECTION_OR_NULL = Kind("a text, an array, an object or null", frozenset({str, list, dict, type(None)}))


def _contains(collection: str | list[Any] | dict[str, Any], value: Json) -> bool:
    if isinstance(collection, list):
        sought = identity(value)
        return any(identity(item) == sought for item in collection)
    if isinstance(value, str):
        return value in collection if isinstance(collection, str) else find_key(collection, value) is not None
    raise ValueError(f"only an array can contain {describe(value)}; in a text or an object, a text is looked for")


def _empty(collection: Json) -> bool:
    return not collection


def _first(collection: str | list[Any]) -> Json:
    if isinstance(collection, str):
        return utf16_slice(collection, 0, 1)
    return collection[0] if collection else None


def _last(collection: str | list[Any]) -> Json:
    if isinstance(collection, str):
        size = utf16_length(collection)
        return utf16_slice(collection, max(size - 1, 0), size)
    return collection[-1] if collection else None


def _intersection(*collections: list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
    arrays, objects = _of_one_kind(collections)
    if objects:
        last, others = objects[-1], objects[:-1]
        return {
            key: value
            for key, value in last.items()
            if all(key in other and identity(other[key]) == identity(value) for other in others)
        }
    first, *others = map(_distinct, arrays)
    return [item for key, item in first.items() if all(key in other for other in others)]


def _union(*collections: list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
    arrays, objects = _of_one_kind(collections)
    if objects:
        return {key: value for item in objects for key, value in item.items()}
    return list(_distinct(chain.from_iterable(arrays)).values())


def _distinct(items: Iterable[Any]) -> dict[str, Any]:
    """Return the different items by their identity, in the order in which each came first."""
    return {identity(item): item for item in items}


def _of_one_kind(
    collections: tuple[list[Any] | dict[str, Any], ...],
) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    arrays = [item for item in collections if isinstance(item, list)]
    objects = [item for item in collections if isinstance(item, dict)]
    if arrays and objects:
        raise ValueError("arrays and objects cannot be mixed")
    return arrays, objects


def _join(array: list[Any], delimiter: str) -> str:
    return join_surrogates(delimiter.join(map(to_text, array)))


def _length(collection: str | list[Any]) -> int:
    return utf16_length(collection) if isinstance(collection, str) else len(collection)


def _skip(collection: str | list[Any], count: int) -> str | list[Any]:
    if isinstance(collection, str):
        return utf16_slice(collection, _not_negative(count), utf16_length(collection))
    return collection[_not_negative(count) :]


def _take(collection: str | list[Any], count: int) -> str | list[Any]:
    if isinstance(collection, str):
        return utf16_slice(collection, 0, _not_negative(count))
    return collection[: _not_negative(count)]


def _not_negative(count: int) -> int:
    if count < 0:
        raise ValueError(f"the count {count} is negative")
    return count


FUNCTIONS = {
    "contains": Function(_contains, COLLECTION, ANY),
    "empty": Function(_empty, _COLLECTION_OR_NULL),
    "first": Function(_first, SEQUENCE),
    "intersection": Function(_intersection, ARRAY_OR_OBJECT),
    "join": Function(_join, ARRAY, TEXT),
    "last": Function(_last, SEQUENCE),
    "length": Function(_length, SEQUENCE),
    "skip": Function(_skip, SEQUENCE, INTEGER),
    "take": Function(_take, SEQUENCE, INTEGER),
    "union": Function(_union, ARRAY_OR_OBJECT),
}
