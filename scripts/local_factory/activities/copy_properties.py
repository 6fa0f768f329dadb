"""What of a Copy is done here, what is ignored with a warning, and what is refused: nothing passes in silence."""
# ruff: noqa: SIM905 - long lists of bare words read better without a quote around each

from collections.abc import Mapping
from typing import Any

from bundle.documents import mapping

_ACTIVITY = frozenset(
    "source sink translator enableSkipIncompatibleRow redirectIncompatibleRowSettings logSettings logStorageSettings "
    "dataIntegrationUnits parallelCopies".split()
)
_SOURCE = frozenset(
    "type storeSettings formatSettings additionalColumns recursive skipLineCount sqlReaderQuery query "
    "oracleReaderQuery sqlReaderStoredProcedureName storedProcedureParameters partitionOption partitionSettings "
    "requestMethod requestBody additionalHeaders paginationRules requestInterval httpRequestTimeout "
    "requestTimeout".split()
)
_SINK = frozenset(
    "type storeSettings formatSettings preCopyScript tableOption writeBehavior upsertSettings "
    "sqlWriterStoredProcedureName sqlWriterTableType writeBatchSize copyBehavior".split()
)
_STORE = frozenset(
    "type recursive wildcardFolderPath wildcardFileName fileListPath modifiedDatetimeStart modifiedDatetimeEnd "
    "deleteFilesAfterCompletion prefix copyBehavior requestMethod requestBody additionalHeaders requestTimeout".split()
)
_FORMAT = frozenset(
    "type skipLineCount compressionProperties quoteAllText fileExtension filePattern maxRowsPerFile "
    "fileNamePrefix".split()
)


def check(properties: Mapping[str, Any]) -> list[str]:
    """Return what of a Copy's properties has no effect here, one line each."""
    source, sink = mapping(properties.get("source")), mapping(properties.get("sink"))
    places: tuple[tuple[str, Mapping[str, Any], frozenset[str]], ...] = (
        ("", properties, _ACTIVITY),
        ("source.", source, _SOURCE),
        ("sink.", sink, _SINK),
        ("source.storeSettings.", mapping(source.get("storeSettings")), _STORE),
        ("sink.storeSettings.", mapping(sink.get("storeSettings")), _STORE),
        ("source.formatSettings.", mapping(source.get("formatSettings")), _FORMAT),
        ("sink.formatSettings.", mapping(sink.get("formatSettings")), _FORMAT),
    )
    return [
        f"{prefix}{key} has no effect on this machine"
        for prefix, found, known in places
        for key, value in found.items()
        if key not in known and value not in (None, "", False, [], {}, "None")
    ]
