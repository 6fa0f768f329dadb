"""Which datasets and linked services data activities work on here: those of other formats and connectors need stubs."""

from collections.abc import Iterator, Mapping

from bundle.activities import Activity
from bundle.bundle import Bundle
from bundle.documents import items, mapping, text
from bundle.resources import Resource, ResourceKey
from local_factory.data import formats
from local_factory.data.stand_ins import KIND_OF_TYPE, Kind

_READ_BY_ADDRESS = frozenset({"RestResource", "ODataResource", "HttpFile"})


def unsupported_reason(bundle: Bundle, activity: Activity) -> str:
    """Return why an activity of a type that runs here cannot run here all the same; empty when it can."""
    return next(_reasons(bundle, activity), "")


def _reasons(bundle: Bundle, activity: Activity) -> Iterator[str]:
    for role, dataset in _datasets(bundle, activity):
        service_name = text(mapping(dataset.properties.get("linkedServiceName")).get("referenceName"))
        service = bundle.resources.get(ResourceKey("linkedService", service_name))
        if service:
            yield from _of_service(service, f"dataset {dataset.name!r}")
            yield from _of_dataset(dataset, KIND_OF_TYPE.get(text(service.properties.get("type"))), role)
    if activity.type in ("Script", "SqlServerStoredProcedure", "AzureFunctionActivity"):
        name = text(mapping(activity.document.get("linkedServiceName")).get("referenceName"))
        service = bundle.resources.get(ResourceKey("linkedService", name))
        if service:
            yield from _of_service(service, "its linked service")
    sink = mapping(activity.type_properties.get("sink"))
    if activity.type == "Copy" and sink.get("sqlWriterStoredProcedureName"):
        yield "sink.sqlWriterStoredProcedureName takes a table-valued parameter, which only SQL Server has"


def _of_service(service: Resource, what: str) -> Iterator[str]:
    kind = text(service.properties.get("type"))
    if kind not in KIND_OF_TYPE:
        yield f"{what} is of linked service {service.name!r}, and type {kind} has no stand-in on this machine"


def _of_dataset(dataset: Resource, kind: Kind | None, role: str) -> Iterator[str]:
    dataset_type = text(dataset.properties.get("type"))
    properties: Mapping[str, object] = mapping(dataset.properties.get("typeProperties"))
    is_file = dataset_type in formats.FILE_FORMATS | formats.LEGACY_FILES
    file_format = formats.format_of(dataset_type, properties)
    if is_file and file_format not in formats.RUN_HERE:
        yield f"dataset {dataset.name!r} is of format {file_format}, which does not run on this machine"
    if kind is Kind.ADDRESS and role == "outputs":
        yield f"dataset {dataset.name!r} of type {dataset_type} is a sink that does not run on this machine"
    if kind is Kind.ADDRESS and not is_file and dataset_type not in _READ_BY_ADDRESS:
        yield f"dataset {dataset.name!r} is of type {dataset_type}, which does not run on this machine"


def _datasets(bundle: Bundle, activity: Activity) -> Iterator[tuple[str, Resource]]:
    """Yield (where it is named, dataset) of an activity."""
    named = [(role, entry) for role in ("inputs", "outputs") for entry in items(activity.document.get(role))]
    named.append(("dataset", activity.type_properties.get("dataset")))
    for role, entry in named:
        dataset = bundle.resources.get(ResourceKey("dataset", text(mapping(entry).get("referenceName"))))
        if dataset:
            yield role, dataset
