"""Factory objects as ADF Studio's Git integration keeps them: one folder a kind, one JSON file an object."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bundle.documents import child_path, walk
from bundle.errors import (
    MalformedFileError,
    NamesakeError,
    RepeatedKeyError,
    ResourceError,
    ResourceFileError,
    ResourceShapeError,
)

# Folder names of ADF Studio's Git root, which are also the kinds' names in references and environment files.
KINDS = (
    "integrationRuntime",
    "credential",
    "linkedService",
    "dataset",
    "dataflow",
    "pipeline",
    "trigger",
    "managedVirtualNetwork",
    "factory",
)

# Studio writes these without `properties` when there is nothing to say.
_MAY_LACK_PROPERTIES = frozenset({"factory", "managedVirtualNetwork"})


@dataclass(frozen=True, order=True)
class ResourceKey:
    """What names an object in a factory: kinds may share a name, so the name alone is not enough.

    Keys whose names differ in case only are equal, as to the service.
    Source: https://learn.microsoft.com/azure/data-factory/naming-rules.
    """

    kind: str
    name: str = field(compare=False)
    folded: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Fold the name, by which keys are compared."""
        object.__setattr__(self, "folded", self.name.casefold())

    def __str__(self) -> str:
        """`pipeline/PL_Copy`: the file's path without `.json`."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Resource:
    """One factory object: its key, where it lies, its bytes as checked in, and what they say.

    Its name is what the document says; Studio names the file so, but the service never sees the file.
    """

    key: ResourceKey
    path: Path
    content: bytes
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The object's name."""
        return self.key.name

    @property
    def properties(self) -> Mapping[str, Any]:
        """The object's `properties`, empty when it has none."""
        properties = self.document.get("properties")
        return properties if isinstance(properties, Mapping) else {}

    @cached_property
    def places(self) -> tuple[tuple[str, Any], ...]:
        """(JSON path, value) of every object and array in the document, parents first."""
        return tuple(walk(self.document))


Resources = Mapping[ResourceKey, Resource]

_SHAPE = 'a factory object is {"name": ..., "properties": {...}}'


def resource_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (kind, file) of every object file under a factory's Git root, in a stable order.

    Raises:
        ResourceError: `root` is not a folder, or holds no object of any known kind.
    """
    if not root.is_dir():
        raise ResourceError(f"{root}: no such folder. Point --adf at a factory's Git root.")
    files = [(kind, file) for kind in KINDS for file in sorted((root / kind).glob("*.json"))]
    if not files:
        below = sorted({file.parents[1].as_posix() for kind in KINDS for file in root.glob(f"*/{kind}/*.json")})
        hint = f" Is {' or '.join(below)} meant?" if below else ""
        raise ResourceError(
            f"{root}: holds no factory objects. A factory's Git root has folders such as pipeline/ and trigger/.{hint}"
        )
    yield from files


def read_resource(kind: str, path: Path) -> Resource:
    """Read one object file.

    Raises:
        MalformedFileError: the file cannot be read, or is not JSON in UTF-8.
        RepeatedKeyError: an object in it has the same key twice.
        ResourceShapeError: the document is no factory object.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_JsonObject, parse_constant=_refuse_constant)
    except OSError as error:
        raise MalformedFileError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MalformedFileError(path, f"not UTF-8 ({error}). Save the file as UTF-8.") from error
    except RecursionError as error:
        raise MalformedFileError(path, "nested too deeply to be read") from error
    except ValueError as error:
        raise MalformedFileError(path, f"not well-formed JSON: {error}") from error
    for json_path, value in walk(document):
        if isinstance(value, _JsonObject) and value.repeated is not None:
            raise RepeatedKeyError(path, "this key appears twice in one object", child_path(json_path, value.repeated))
    if not isinstance(document, dict):
        raise ResourceShapeError(path, _SHAPE)
    properties = document.get("properties")
    if not isinstance(properties, dict) and not (properties is None and kind in _MAY_LACK_PROPERTIES):
        raise ResourceShapeError(path, _SHAPE)
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise ResourceShapeError(path, f"{_SHAPE}: this name is {name!r}", "$.name")
    return Resource(ResourceKey(kind, name), path, content, document)


def read_resources(root: Path) -> tuple[dict[ResourceKey, Resource], dict[Path, ResourceFileError]]:
    """Read every object under a factory's Git root: those that can be read, and for each other file why not.

    Raises:
        ResourceError: `root` is no folder, or holds no factory objects.
    """
    resources: dict[ResourceKey, Resource] = {}
    errors: dict[Path, ResourceFileError] = {}
    for kind, path in resource_files(root):
        try:
            resource = read_resource(kind, path)
        except ResourceFileError as error:
            errors[path] = error
            continue
        other = resources.setdefault(resource.key, resource)
        if other is not resource:
            message = f"{resource.name!r} is also the name of {other.path}: names ignore case. Rename one of the two."
            errors[path] = NamesakeError(path, message, "$.name")
    return resources, errors


def load_resources(root: Path) -> dict[ResourceKey, Resource]:
    """Read every object under a factory's Git root.

    Raises:
        ResourceError: one line for every file that cannot be read.
    """
    resources, errors = read_resources(root)
    if errors:
        raise ResourceError("\n".join(str(error) for error in errors.values()))
    return resources


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


class _JsonObject(dict[str, Any]):
    """A JSON object that remembers the first key that it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: str | None = None
        if len(self) < len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated = next(key for number, key in enumerate(keys) if key in keys[:number])
