"""Files: each is well-formed JSON, holds one object of a known kind, and is named as the object is."""

from collections.abc import Iterator
from difflib import get_close_matches

from bundle.bundle import Bundle
from bundle.documents import ROOT
from bundle.errors import (
    MalformedFileError,
    RepeatedKeyError,
    ResourceFileError,
    ResourceShapeError,
)
from bundle.findings import Problem
from bundle.resources import KINDS

_FOLDED_KINDS = {kind.casefold(): kind for kind in KINDS}
_NEARLY = 0.85  # how much of a name must agree: `datasets` does, `dataflows` with `dataset` does not


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
    """A file is named as its object, as Studio keeps it. The service goes by the name inside, whatever its file's."""
    for resource in bundle.resources.values():
        if resource.name != resource.path.stem:
            message = f"is {resource.name!r}, the file is {resource.path.name!r}: Studio would write another file"
            yield Problem(resource.path, "$.name", message)


def known_kind(bundle: Bundle) -> Iterator[Problem]:
    """A folder whose name is nearly that of a kind, as `pipelines/`, is meant to be it: its files are never deployed.

    Other folders may lie beside: a Git root is often the whole repository.
    """
    for path in bundle.strangers:
        close = get_close_matches(path.parent.name.casefold(), _FOLDED_KINDS, n=1, cutoff=_NEARLY)
        if close:
            hint = f"is {_FOLDED_KINDS[close[0]]}/ meant?"
            yield Problem(path, ROOT, f"{path.parent.name}/ is no kind of factory object; {hint}")


def _of_type(bundle: Bundle, error_type: type[ResourceFileError]) -> Iterator[Problem]:
    for error in bundle.unreadable.values():
        if isinstance(error, error_type):
            yield Problem(error.file, error.json_path, error.problem)
