"""`scd2`: each version of a row, with the time from which and up to which it was the current one."""

from dataclasses import dataclass, fields

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DataType, TimestampNTZType, TimestampType

from ingestion.lake.delta_sql import Clause
from ingestion.loads.dispositions.batch import Batch, Counts
from ingestion.platform.columns import column, quoted
from ingestion.platform.names import own_name, own_prefix

_END, _OPEN = "end", "open"


@dataclass(frozen=True)
class _Own:
    """The names of our columns in rows on their way, which no column of the source has.

    Attributes:
        there: whether it is the version that the table has.
        at: the time of the change.
        gone: whether the change is a delete.
        order: what says which of two changes of a key is later.
        state: what a version has in it.
        until: the time of the change after it.
        goes: whether that one is a delete.
        is_older: whether the source itself says that it is older than what is there.
        is_kept: whether it makes a difference.
        action: what a MERGE does with it.
    """

    there: str
    at: str
    gone: str
    order: str
    state: str
    until: str
    goes: str
    is_older: str
    is_kept: str
    action: str

    @classmethod
    def of(cls, batch: Batch) -> "_Own":
        return cls(*(batch.own(each.name) for each in fields(cls)))


def whole(batch: Batch) -> DataFrame:
    """Return the table that a load of all rows makes."""
    return _versions(batch, _history(batch, _events(batch, _kind_of_time(batch))))


def apply(batch: Batch) -> Counts | None:
    """End the versions that changed, and open the new ones; None where there is none, and nothing is committed."""
    target = batch.table.read()
    events = _events(batch, target.schema[_names(batch)[0]].dataType)
    if batch.changes.whole and batch.deletes != "ignore":
        events = events.unionByName(_missing(batch, target))
    return _commit(batch, target, events)


def remove(batch: Batch) -> Counts | None:
    """End the versions of keys that the source no longer has."""
    target = batch.table.read()
    return _commit(batch, target, _missing(batch, target))


def _commit(batch: Batch, target: DataFrame, events: DataFrame) -> Counts | None:
    own = _Own.of(batch)
    events = batch.aside(events, "events")
    events = _without_older(batch, events.unionByName(_last(batch, target, events)))
    history = batch.aside(_history(batch, events), "history")
    ends = F.col(own.there) & ~F.col(own.gone) & F.col(own.until).isNotNull()
    opens = ~F.col(own.there) & ~F.col(own.gone)
    found = history.agg(
        F.count_if(opens).alias("opened"),
        F.count_if(ends & ~F.col(own.goes)).alias("ended"),
        F.count_if(ends & F.col(own.goes)).alias("gone"),
    ).collect()[0]
    counts = Counts(inserted=found["opened"], updated=found["ended"], deleted=found["gone"])
    if counts == Counts():
        return None
    if counts.deleted:
        batch.brake(counts.deleted, target.where(column(_names(batch)[2])).count())
    opened = _versions(batch, history)
    if not counts.updated and not counts.deleted:
        batch.table.append(opened, batch.commit)
    else:
        _merge(batch, history.where(ends), opened)
    return counts


def _merge(batch: Batch, ended: DataFrame, opened: DataFrame) -> None:
    """End versions by key and open others, in one commit."""
    own = _Own.of(batch)
    _, valid_to, is_current = _names(batch)
    prefix = own_prefix("_key_", opened.columns)
    keys = {name: f"{prefix}{number}" for number, name in enumerate(batch.key)}
    ends = ended.select(
        *(column(name).alias(key) for name, key in keys.items()),
        F.col(own.until).alias(valid_to),
        F.lit(_END).alias(own.action),
        *([F.when(F.col(own.goes), F.col(own.until)).alias(batch.deleted_at)] if batch.deleted_at else []),
    )
    opens = opened.withColumn(own.action, F.lit(_OPEN))
    end = {valid_to: f"source.{quoted(valid_to)}", is_current: "false"}
    if batch.deleted_at:
        end[batch.deleted_at] = f"source.{quoted(batch.deleted_at)}"
    is_current_sql = f"target.{quoted(is_current)}"
    clauses = [
        Clause("MATCHED", "UPDATE", end, when=f"{is_current_sql} AND source.{own.action} = '{_END}'"),
        Clause(
            "NOT MATCHED",
            "INSERT",
            {name: f"source.{quoted(name)}" for name in opened.columns},
            when=f"source.{own.action} = '{_OPEN}'",
        ),
    ]
    source = ends.unionByName(opens, allowMissingColumns=True)
    batch.table.merge(source, {name: f"source.{key}" for name, key in keys.items()}, clauses, batch.commit)


def _names(batch: Batch) -> tuple[str, str, str]:
    """Return the columns of ours: from when, until when, whether a version is the current one."""
    valid_from, valid_to, is_current = (
        own_name(name, batch.columns) for name in ("_valid_from", "_valid_to", "_is_current")
    )
    return valid_from, valid_to, is_current


def _kind_of_time(batch: Batch) -> DataType:
    """Return the type of the times: the source's own, where it is one of moments."""
    kind = batch.rows.schema[batch.changes.time].dataType if batch.changes.time else None
    return kind if isinstance(kind, TimestampType | TimestampNTZType) else TimestampType()


def _events(batch: Batch, kind: DataType) -> DataFrame:
    """Return the changes that the batch brings, each with its time."""
    own = _Own.of(batch)
    order = column(batch.changes.order) if batch.changes.order else F.lit(0)
    begun = F.lit(batch.begun).cast(kind)
    moment = F.coalesce(column(batch.changes.time).cast(kind), begun) if batch.changes.time else begun
    return batch.rows.select(
        *map(column, batch.columns),
        F.lit(False).alias(own.there),
        moment.alias(own.at),
        batch.is_deleted.alias(own.gone),
        order.cast("string" if batch.changes.order is None else batch.rows.schema[batch.changes.order].dataType).alias(
            own.order
        ),
    ).where(~F.col(own.gone) | F.lit(batch.deletes != "ignore"))


def _last(batch: Batch, target: DataFrame, events: DataFrame) -> DataFrame:
    """Return the last versions of the keys that change, in the form of changes that came before all others.

    One that was ended by a delete is that delete: no later version begins before it.
    """
    turn = batch.own("turn")
    _, valid_to, is_current = _names(batch)
    latest_first = Window.partitionBy(*map(column, batch.key)).orderBy(
        column(is_current).desc(), column(valid_to).desc()
    )
    known = target.join(_keys(batch, events), list(batch.key), "left_semi")
    return _as_changes(batch, known.withColumn(turn, F.row_number().over(latest_first)).where(F.col(turn) == 1))


def _as_changes(batch: Batch, versions: DataFrame) -> DataFrame:
    own = _Own.of(batch)
    valid_from, valid_to, is_current = _names(batch)
    order = batch.rows.schema[batch.changes.order].dataType if batch.changes.order else "string"
    return versions.select(
        *map(column, batch.columns),
        F.lit(True).alias(own.there),
        F.coalesce(column(valid_to), column(valid_from)).alias(own.at),
        (~column(is_current)).alias(own.gone),
        F.lit(None).cast(order).alias(own.order),
    )


def _missing(batch: Batch, target: DataFrame) -> DataFrame:
    """Return as deletes the current versions whose key the source no longer has."""
    own = _Own.of(batch)
    current = _as_changes(batch, target.where(column(_names(batch)[2])))
    gone = batch.without_keys_of(current, batch.present)
    return gone.withColumns(
        {
            own.there: F.lit(False),
            own.at: F.lit(batch.begun).cast(current.schema[own.at].dataType),
            own.gone: F.lit(True),
        }
    )


def _without_older(batch: Batch, events: DataFrame) -> DataFrame:
    """Return the changes without those that the source itself says are older than the current version."""
    if batch.changes.guard is None:
        return events
    own = _Own.of(batch)
    of_key = Window.partitionBy(*map(column, batch.key))
    newest = F.max(F.when(F.col(own.there) & ~F.col(own.gone), batch.guard)).over(of_key)
    marked = batch.aside(events.withColumn(own.is_older, batch.is_older(newest)), "marked")
    batch.tell_older(marked.where(F.col(own.is_older)).count())
    return marked.where(~F.col(own.is_older)).drop(own.is_older)


def _history(batch: Batch, events: DataFrame) -> DataFrame:
    """Return the changes that make a difference, each with the time of the next one, and whether that is a delete.

    What the source wrote again as it was is no version. A time before the version's before it, as after a clock was
    set back, becomes that one's.
    """
    own = _Own.of(batch)
    in_turn = Window.partitionBy(*map(column, batch.key)).orderBy(
        F.col(own.there).desc(), F.col(own.order).asc_nulls_first(), F.col(own.at)
    )
    state = F.struct(F.col(own.gone), *map(column, batch.columns))
    before = F.lag(F.col(own.state)).over(in_turn)
    goes_again = F.col(own.gone) & F.coalesce(F.lag(F.col(own.gone)).over(in_turn), F.lit(True))
    differs = F.col(own.there) | (~F.col(own.state).eqNullSafe(before) & ~goes_again)
    kept = (
        events.withColumn(own.state, state)
        .withColumn(own.is_kept, differs)
        .withColumn(own.at, F.max(own.at).over(in_turn))
        .where(F.col(own.is_kept))
        .drop(own.is_kept, own.state)
    )
    return kept.withColumns(
        {own.until: F.lead(F.col(own.at)).over(in_turn), own.goes: F.lead(F.col(own.gone)).over(in_turn)}
    )


def _versions(batch: Batch, history: DataFrame) -> DataFrame:
    """Return the versions that are opened, as the table has them."""
    own = _Own.of(batch)
    valid_from, valid_to, is_current = _names(batch)
    added = [
        F.col(own.at).alias(valid_from),
        F.col(own.until).alias(valid_to),
        F.col(own.until).isNull().alias(is_current),
    ]
    if batch.deleted_at:
        added.append(F.when(F.col(own.goes), F.col(own.until)).cast("timestamp").alias(batch.deleted_at))
    return history.where(~F.col(own.there) & ~F.col(own.gone)).select(*map(column, batch.columns), *added)


def _keys(batch: Batch, events: DataFrame) -> DataFrame:
    return events.select(*map(column, batch.key)).distinct()
