"""Factory objects as ADF Studio's Git integration keeps them: one folder a kind, one JSON file an object."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.errors import ResourceError

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


@dataclass(frozen=True, order=True)
class ResourceKey:
    """What names an object in a factory: kinds may share a name, so the name alone is not enough."""

    kind: str
    name: str

    def __str__(self) -> str:
        """`pipeline/PL_Copy`: the file's path without `.json`."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Resource:
    """One factory object: its key, where it lies, its bytes as checked in, and what they say."""

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


Resources = Mapping[ResourceKey, Resource]


def resource_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (kind, file) of every object file under a factory's Git root, in a stable order.

    Raises:
        ResourceError: `root` is not a folder, or holds no object of any known kind.
    """
    if not root.is_dir():
        raise ResourceError(f"{root}: no such folder. Point --adf at a factory's Git root.")
    files = [(kind, file) for kind in KINDS for file in sorted((root / kind).glob("*.json"))]
    if not files:
        raise ResourceError(
            f"{root}: holds no factory objects. A factory's Git root has folders such as pipeline/ and trigger/."
        )
    yield from files


def read_resource(kind: str, path: Path) -> Resource:
    """Read one object file.

    Raises:
        ResourceError: the file is not UTF-8 JSON, repeats a key, or its `name` is not the file's.
    """
    content = path.read_bytes()
    try:
        document = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object_without_repeats)
    except UnicodeDecodeError as error:
        raise ResourceError(f"{path}: not UTF-8 ({error}). Save the file as UTF-8.") from error
    except ValueError as error:
        raise ResourceError(f"{path}: not well-formed JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("properties"), dict):
        raise ResourceError(f'{path}: a factory object is {{"name": ..., "properties": {{...}}}}.')
    name = document.get("name")
    if name != path.stem:
        raise ResourceError(f"{path}: name: is {name!r}, the file is {path.name!r}. Make them equal.")
    return Resource(ResourceKey(kind, name), path, content, document)


def load_resources(root: Path) -> dict[ResourceKey, Resource]:
    """Read every object under a factory's Git root.

    Raises:
        ResourceError: one line for every file that cannot be read.
    """
    resources: dict[ResourceKey, Resource] = {}
    errors: list[str] = []
    for kind, path in resource_files(root):
        try:
            resource = read_resource(kind, path)
        except ResourceError as error:
            errors.append(str(error))
        else:
            resources[resource.key] = resource
    if errors:
        raise ResourceError("\n".join(errors))
    return resources


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"key {key!r} appears twice in one object")
        document[key] = value
    return document
