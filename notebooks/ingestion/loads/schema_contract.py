"""What a source's columns may become: a feed's `schema_contract`, held against the columns of the load before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql.types import StructField, StructType

from ingestion.lake.manifest import compare
from ingestion.platform.errors import SchemaChangedError

Contract = Literal["evolve", "freeze", "discard_columns"]
_FILL = "rows that were loaded before have NULL there until they change; mode reload fills them"


@dataclass(frozen=True)
class Agreed:
    """What lands of a source's columns.

    Attributes:
        columns: those that land.
        evolves: the target lacks some of them, or their wider types.
        notes: what is to be told.
    """

    columns: StructType
    evolves: bool
    notes: tuple[str, ...] = ()


def agree(contract: Contract, before: Mapping[str, Any] | None, now: StructType, target: str) -> Agreed:
    """Return what lands of a source's columns.

    Args:
        contract: the feed's.
        before: the columns that landed the last time, in Spark's JSON form; None: nothing did.
        now: the columns that the source has.
        target: for people.

    Raises:
        SchemaChangedError: a column is gone or no longer fits, or the contract takes no such change.
    """
    if before is None:
        return Agreed(now, evolves=False)
    known = StructType.fromJson(dict(before))
    change = compare(known, now)
    if not change:
        return Agreed(now, evolves=False)
    if change.breaking:
        raise SchemaChangedError(
            f"{target}: since the load before, {'; '.join(change.breaking)}. Nothing was changed. Bring it back, or "
            "load the feed anew: mode reload."
        )
    new = [field for field in now if field.name not in known.names]
    wider = [field for field in now if field.name in known.names and field.dataType != known[field.name].dataType]
    if contract == "freeze" or (contract == "discard_columns" and wider):
        raise SchemaChangedError(
            f"{target}: since the load before, {'; '.join(change.added)}, and schema_contract is {contract!r}. Nothing "
            'was changed. Write schema_contract = "evolve", or name the columns to be read in columns.'
        )
    if contract == "discard_columns":
        left_out = tuple(f"{_word(field)} is left out, as schema_contract says" for field in new)
        return Agreed(StructType([field for field in now if field.name in known.names]), evolves=False, notes=left_out)
    notes = tuple(f"{_word(field)}: {_FILL}" for field in new)
    return Agreed(now, evolves=True, notes=(*notes, *(f"column {each.name} got a wider type" for each in wider)))


def _word(field: StructField) -> str:
    return f"new column {field.name} ({field.dataType.simpleString()})"
