"""Datasets as an activity meets them: every expression evaluated, with what stands in for their linked service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bundle.documents import mapping, text
from bundle.resources import Resource, ResourceKey
from local_factory.data.stand_ins import KIND_OF_TYPE, Kind, StandIn
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.parameters import WrongTypeError, convert

_INVALID = "InvalidTemplate"


@dataclass(frozen=True)
class LinkedService:
    """A linked service with its parameters put in: its name, type, `typeProperties`, and what stands in for it."""

    name: str
    type: str
    properties: Mapping[str, Any] = field(repr=False)
    stand_in: StandIn | None = field(repr=False)

    def of_kind(self, kind: Kind) -> StandIn:
        """Return the stand-in, which must be of this kind.

        Raises:
            ActivityError: nothing stands in, or something else does.
        """
        if self.stand_in is None or self.stand_in.kind is not kind:
            raise ActivityError(
                _INVALID,
                f"Linked service {self.name!r} ({self.type}): nothing on this machine stands in for it as {kind}.",
            )
        return self.stand_in


@dataclass(frozen=True)
class Dataset:
    """A dataset with its parameters put in: its name, type, `typeProperties`, declared columns, linked service."""

    name: str
    type: str
    properties: Mapping[str, Any]
    schema: Any
    linked_service: LinkedService

    @property
    def is_database(self) -> bool:
        """Whether the dataset is a table of a database."""
        return KIND_OF_TYPE.get(self.linked_service.type) is Kind.DATABASE

    @property
    def is_address(self) -> bool:
        """Whether the dataset is behind an address: REST, HTTP, OData."""
        return KIND_OF_TYPE.get(self.linked_service.type) is Kind.ADDRESS


def open_dataset(reference: Mapping[str, Any], frame: Frame, engine: Engine) -> Dataset:
    """Return the dataset that a reference of an activity names.

    Its expressions see `dataset()`, and what the activity's see.

    Raises:
        ActivityError: there is no such dataset, or its parameters do not fit.
        ExpressionError: an expression cannot be evaluated.
    """
    resource = _resource(engine, "dataset", text(reference.get("referenceName")))
    scope = _arguments(resource, frame.evaluate(reference.get("parameters") or {}))
    properties = frame.evaluate(resource.properties.get("typeProperties") or {}, dataset=scope)
    service = open_linked_service(mapping(resource.properties.get("linkedServiceName")), frame, engine, dataset=scope)
    schema = frame.evaluate(resource.properties.get("schema") or resource.properties.get("structure"), dataset=scope)
    return Dataset(resource.name, text(resource.properties.get("type")), properties, schema, service)


def open_linked_service(
    reference: Mapping[str, Any], frame: Frame, engine: Engine, **scopes: Mapping[str, Any]
) -> LinkedService:
    """Return the linked service that a reference names; its expressions see `linkedService()`.

    Raises:
        ActivityError: there is no such linked service, or its parameters do not fit.
        ExpressionError: an expression cannot be evaluated.
    """
    resource = _resource(engine, "linkedService", text(reference.get("referenceName")))
    scope = _arguments(resource, frame.evaluate(reference.get("parameters") or {}, **scopes))
    properties = frame.evaluate(resource.properties.get("typeProperties") or {}, linkedService=scope)
    stand_in = engine.stand_ins.get(resource.name.casefold())
    return LinkedService(resource.name, text(resource.properties.get("type")), properties, stand_in)


def _resource(engine: Engine, kind: str, name: str) -> Resource:
    found = engine.resources.get(ResourceKey(kind, name))
    if not found:
        raise ActivityError(_INVALID, f"The factory has no {kind} {name!r}.")
    return found


def _arguments(resource: Resource, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the value of every declared parameter. One that nobody gives is null; types are not insisted on."""
    values = {name.casefold(): value for name, value in given.items()}
    declared = mapping(resource.properties.get("parameters"))
    return {
        name: _converted(values.get(name.casefold(), mapping(declaration).get("defaultValue")), declaration)
        for name, declaration in declared.items()
    }


def _converted(value: Any, declaration: Mapping[str, Any]) -> Any:
    try:
        return convert(value, text(declaration.get("type")))
    except WrongTypeError:
        return value
