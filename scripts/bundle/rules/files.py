"""Files: each is well-formed JSON, holds one object of a known kind, and is named as the object is."""

from collections.abc import Iterator
from difflib import get_close_matches

from bundle.bundle import Bundle
from bundle.documents import ROOT
from bundle.errors import (
    MalformedFileError,
    RepeatedKeyError,
    ResourceFileError,
    ResourceNameError,
    ResourceShapeError,
)
from bundle.findings import Problem
from bundle.resources import KINDS


def well_formed(bundle: Bundle) -> Iterator[Problem]:
    """A file is JSON in UTF-8."""
    return _of_type(bundle, MalformedFileError)


def no_repeated_key(bundle: Bundle) -> Iterator[Problem]:
    """No JSON object has the same key twice: readers take one of the two values silently."""
    return _of_type(bundle, RepeatedKeyError)


def object_shape(bundle: Bundle) -> Iterator[Problem]:
    """A document is `{"name": ..., "properties": {...}}`."""
    return _of_type(bundle, ResourceShapeError)


def name_of_file(bundle: Bundle) -> Iterator[Problem]:
    """An object's name is its file's, as Studio keeps it."""
    return _of_type(bundle, ResourceNameError)


def known_kind(bundle: Bundle) -> Iterator[Problem]:
    """Every folder is one that Studio knows; files of another are never deployed."""
    for path in bundle.strangers:
        close = get_close_matches(path.parent.name, KINDS, n=1)
        hint = f"; is {close[0]}/ meant?" if close else f". The folders are {', '.join(KINDS)}."
        yield Problem(path, ROOT, f"{path.parent.name}/ is no kind of factory object{hint}")


def _of_type(bundle: Bundle, error_type: type[ResourceFileError]) -> Iterator[Problem]:
    for error in bundle.unreadable.values():
        if isinstance(error, error_type):
            yield Problem(error.file, error.json_path, error.problem)
