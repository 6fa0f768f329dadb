"""The objects of the served factory: what `adf/` holds, under what clients published, deletions included.

What clients publish is kept as files in a folder of its own, laid out as ADF Studio's Git root; it wins over the file
of that name in `adf/` and outlives restarts. An object that no client touched follows its file, also while serving.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bundle.errors import ResourceFileError
from bundle.references import references
from bundle.resources import KINDS, Resource, ResourceKey, read_resource
from local_factory.server.atomic_files import read_json, write_atomically
from local_factory.server.errors import bad_request, not_found
from local_factory.server.service_rules import (
    STARTED,
    STOPPED,
    check_name,
    check_not_started,
    check_precondition,
    check_references,
    check_startable,
    check_unused,
    check_window,
    shown,
)

_MOST_OBJECTS = 5000  # of a factory: https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
# The object that holds the global parameters; Studio's file of it has the factory's name.
FACTORY = "factory"

Signature = tuple[int, int, int]
Check = Callable[[Resource, Mapping[ResourceKey, Resource]], None]


class FactoryObjects:
    """The factory's objects.

    Args:
        adf: the factory's Git root; it is only read.
        folder: where what clients publish is kept.
        check: refuses a document that Azure would not take, given the objects that are there.
        warn: is told of a file that has become unreadable while it is served; the object stays as it was.

    `resources` is always what holds now, and changes in place. `generation` grows with every change.
    """

    def __init__(
        self,
        adf: Path,
        folder: Path,
        check: Check = lambda _resource, _resources: None,
        warn: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self.resources: dict[ResourceKey, Resource] = {}
        self.generation = 0
        self._adf = adf
        self._folder = folder
        self._check = check
        self._warn = warn
        self._files: dict[ResourceKey, Signature] = {}
        self._references: dict[ResourceKey, frozenset[ResourceKey]] = {}
        self._published: set[ResourceKey] = set()
        self._deleted = {_key(name) for name in read_json(self._deletions, [])}
        self._states: dict[str, str] = read_json(self._triggers, {})
        for kind in KINDS:
            for file in sorted((folder / kind).glob("*.json")):
                key = ResourceKey(kind, unquote(file.stem))
                self._published.add(key)
                self._keep(key, _read_published(key, file))
        self._follow(strict=True)

    # What is there

    def refresh(self) -> None:
        """Take up what changed in `adf/`, for the objects that no client touched."""
        self._follow(strict=False)

    def find(self, kind: str, name: str) -> Resource | None:
        """Return an object; names ignore case."""
        return self.resources.get(self._existing(ResourceKey(kind, name)))

    def get(self, kind: str, name: str) -> Resource:
        """Return an object.

        Raises:
            ServiceError: there is none of this name.
        """
        found = self.find(kind, name)
        if found is None:
            raise not_found(f"The {kind} '{name}' was not found.")
        return found

    def of(self, kind: str) -> list[Resource]:
        """Return the objects of a kind, by name."""
        return sorted((resource for key, resource in self.resources.items() if key.kind == kind), key=lambda r: r.name)

    def is_published(self, key: ResourceKey) -> bool:
        """Say whether a client published the object, so that it no longer follows its file."""
        return key in self._published

    def state(self, trigger: str) -> str:
        """Return a trigger's state: what a client made it, else the desired one of its file, else Stopped."""
        if trigger in self._states:
            return self._states[trigger]
        key = ResourceKey("trigger", trigger)
        resource = self.resources.get(key)
        wanted = resource.properties.get("runtimeState") if resource and key not in self._published else None
        return STARTED if wanted == STARTED else STOPPED

    def etag(self, key: ResourceKey) -> str | None:
        """Return an object's ETag: another whenever its content or its state is another."""
        resource = self.resources.get(key)
        if resource is None:
            return None
        state = self.state(key.name) if key.kind == "trigger" else ""
        digest = hashlib.sha256(resource.content + state.encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    def shown(self, factory_id: str, resource: Resource) -> dict[str, Any]:
        """Return an object as a GET does."""
        extra = {"runtimeState": self.state(resource.name)} if resource.key.kind == "trigger" else {}
        if resource.key.kind == "pipeline":
            extra = {"lastPublishTime": _written(resource.path)}
        return shown(factory_id, resource.key, resource.properties, self.etag(resource.key), extra)

    def users(self, key: ResourceKey) -> Iterator[ResourceKey]:
        """Yield the objects that refer to one."""
        return (user for user, targets in self._references.items() if key in targets and user != key)

    def global_parameters(self) -> Mapping[str, Any]:
        """Return the factory's global parameters, `{name: {"type", "value"}}`."""
        return next((r.properties.get("globalParameters") or {} for r in self.of(FACTORY)), {})

    # What clients change

    def put(self, kind: str, name: str, properties: dict[str, Any], if_match: str | None = None) -> Resource:
        """Create or update an object.

        Raises:
            ServiceError: Azure would refuse it.
        """
        key = self._existing(ResourceKey(kind, name))
        before = self.resources.get(key)
        check_precondition(if_match, self.etag(key))
        check_not_started(key, self.state(key.name))
        check_name(key)
        if before is None and len(self.resources) >= _MOST_OBJECTS:
            raise bad_request(f"The factory holds {_MOST_OBJECTS} objects, and takes no more.", code="LimitExceeded")
        check_references(properties, self.resources.__contains__)
        check_window(before.properties if before else None, properties)
        if kind == "trigger":
            properties = {field: value for field, value in properties.items() if field != "runtimeState"}
        if kind == "pipeline":
            properties = {field: value for field, value in properties.items() if field != "lastPublishTime"}
        resource = self._resource(key, properties)
        self._check(resource, self.resources)
        state = self.state(key.name)
        self._write(resource)
        if kind == "trigger":
            self._set_state(key.name, state)
        return resource

    def delete(self, kind: str, name: str) -> bool:
        """Delete an object; say whether there was one.

        Raises:
            ServiceError: Azure would refuse it.
        """
        key = self._existing(ResourceKey(kind, name))
        if key not in self.resources:
            return False
        check_not_started(key, self.state(key.name))
        check_unused(user.name for user in self.users(key))
        if (self._adf / key.kind / f"{key.name}.json").exists():
            self._deleted.add(key)
            self._write_deletions()
        self._published_file(key).unlink(missing_ok=True)
        self._published.discard(key)
        self._states.pop(key.name, None)
        if kind == "trigger":
            self._write_states()
        self._drop(key)
        return True

    def start(self, name: str) -> Resource:
        """Start a trigger.

        Raises:
            ServiceError: there is none, or it starts nothing.
        """
        resource = self.get("trigger", name)
        check_startable(resource.name, resource.properties)
        check_references(resource.properties, self.resources.__contains__)
        self._set_state(resource.name, STARTED)
        return resource

    def stop(self, name: str) -> Resource:
        """Stop a trigger.

        Raises:
            ServiceError: there is none.
        """
        resource = self.get("trigger", name)
        self._set_state(resource.name, STOPPED)
        return resource

    def put_global_parameters(self, factory: str, parameters: Mapping[str, Any]) -> None:
        """Replace the global parameters; without any, as when they are deleted."""
        key = next((resource.key for resource in self.of(FACTORY)), ResourceKey(FACTORY, factory))
        before = self.resources[key].properties if key in self.resources else {}
        self._write(self._resource(key, {**before, "globalParameters": dict(parameters)}))

    # Files

    @property
    def _deletions(self) -> Path:
        return self._folder / "deleted.json"

    @property
    def _triggers(self) -> Path:
        return self._folder / "triggers.json"

    def _published_file(self, key: ResourceKey) -> Path:
        # Names may hold spaces and letters of any language, and be longer than a file's.
        return self._folder / key.kind / f"{quote(key.name, safe=' ()')}.json"

    def _resource(self, key: ResourceKey, properties: Mapping[str, Any]) -> Resource:
        document = {"name": key.name, "properties": properties}
        content = json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return Resource(key, self._published_file(key), content, document)

    def _write(self, resource: Resource) -> None:
        try:
            write_atomically(resource.path, resource.content)
        except (OSError, UnicodeError) as error:
            raise bad_request(f"{resource.key}: cannot be kept: {error}") from error
        if resource.key in self._deleted:
            self._deleted.discard(resource.key)
            self._write_deletions()
        self._published.add(resource.key)
        self._keep(resource.key, resource)

    def _write_deletions(self) -> None:
        write_atomically(self._deletions, json.dumps(sorted(map(str, self._deleted)), indent=2).encode())

    def _set_state(self, trigger: str, state: str) -> None:
        self._states[trigger] = state
        self._write_states()
        self.generation += 1

    def _write_states(self) -> None:
        write_atomically(self._triggers, json.dumps(self._states, indent=2, sort_keys=True).encode())

    def _follow(self, *, strict: bool) -> None:
        seen: set[ResourceKey] = set()
        for kind in KINDS:
            for file in sorted((self._adf / kind).glob("*.json")):
                key = ResourceKey(kind, file.stem)
                seen.add(key)
                if key in self._published or key in self._deleted:
                    continue
                try:
                    stat = file.stat()
                    signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                    if self._files.get(key) == signature:
                        continue
                    self._files[key] = signature
                    self._keep(key, read_resource(kind, file))
                except (OSError, ResourceFileError) as error:
                    if strict:
                        raise
                    self._warn(f"{error} The factory keeps it as it was.")
        for key in self._files.keys() - seen:
            del self._files[key]
            if key not in self._published:
                self._drop(key)

    def _keep(self, key: ResourceKey, resource: Resource) -> None:
        self.resources[key] = resource
        self._references[key] = frozenset(reference.target for reference in references(resource.properties))
        self.generation += 1

    def _drop(self, key: ResourceKey) -> None:
        self.resources.pop(key, None)
        self._references.pop(key, None)
        self.generation += 1

    def _existing(self, key: ResourceKey) -> ResourceKey:
        """Return the key under which an object is there, whatever the case of its name."""
        if key in self.resources:
            return key
        folded = key.name.casefold()
        same = (other for other in self.resources if other.kind == key.kind and other.name.casefold() == folded)
        return next(same, key)


def _read_published(key: ResourceKey, file: Path) -> Resource:
    content = file.read_bytes()
    return Resource(key, file, content, json.loads(content))


def _key(text: str) -> ResourceKey:
    kind, _, name = text.partition("/")
    return ResourceKey(kind, name)


def _written(path: Path) -> str:
    moment = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else datetime.now(UTC)
    return moment.isoformat().replace("+00:00", "Z")
