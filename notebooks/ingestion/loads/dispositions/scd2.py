"""`scd2`: each version of a row, with the time from which and up to which it was the current one."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import DataType, TimestampNTZType, TimestampType

from ingestion.lake.delta_sql import Clause, quoted
from ingestion.loads.dispositions.batch import Batch, Counts
from ingestion.platform.columns import column
from ingestion.platform.names import own_name

# Of a row on its way: the version that the table has now, the time of the change, what it has besides the key.
_THERE, _AT, _GONE, _ORDER, _STATE = "__there__", "__at__", "__gone__", "__order__", "__state__"
_UNTIL, _GOES, _OLDER = "__until__", "__goes__", "__older__"
_ACTION, _END, _OPEN = "__action__", "end", "open"


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
    events = batch.aside(events, "events")
    history = batch.aside(_history(batch, events.unionByName(_last(batch, target, events))), "history")
    ends = F.col(_THERE) & ~F.col(_GONE) & F.col(_UNTIL).isNotNull()
    opens = ~F.col(_THERE) & ~F.col(_GONE)
    found = history.agg(
        F.count_if(opens).alias("opened"),
        F.count_if(ends & ~F.col(_GOES)).alias("ended"),
        F.count_if(ends & F.col(_GOES)).alias("gone"),
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
    _, valid_to, is_current = _names(batch)
    keys = {name: f"__key_{number}__" for number, name in enumerate(batch.key)}
    ends = ended.select(
        *(column(name).alias(key) for name, key in keys.items()),
        F.col(_UNTIL).alias(valid_to),
        F.lit(_END).alias(_ACTION),
        *([F.when(F.col(_GOES), F.col(_UNTIL)).alias(batch.deleted_at)] if batch.deleted_at else []),
    )
    opens = opened.withColumn(_ACTION, F.lit(_OPEN))
    end = {valid_to: f"source.{quoted(valid_to)}", is_current: "false"}
    if batch.deleted_at:
        end[batch.deleted_at] = f"source.{quoted(batch.deleted_at)}"
    is_current_sql = f"target.{quoted(is_current)}"
    clauses = [
        Clause("MATCHED", "UPDATE", end, when=f"{is_current_sql} AND source.{_ACTION} = '{_END}'"),
        Clause(
            "NOT MATCHED",
            "INSERT",
            {name: f"source.{quoted(name)}" for name in opened.columns},
            when=f"source.{_ACTION} = '{_OPEN}'",
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
    order = column(batch.changes.order) if batch.changes.order else F.lit(0)
    begun = F.lit(batch.begun).cast(kind)
    moment = F.coalesce(column(batch.changes.time).cast(kind), begun) if batch.changes.time else begun
    return batch.rows.select(
        *map(column, batch.columns),
        F.lit(False).alias(_THERE),
        moment.alias(_AT),
        batch.is_deleted.alias(_GONE),
        order.cast("string" if batch.changes.order is None else batch.rows.schema[batch.changes.order].dataType).alias(
            _ORDER
        ),
    ).where(~F.col(_GONE) | F.lit(batch.deletes != "ignore"))


def _last(batch: Batch, target: DataFrame, events: DataFrame) -> DataFrame:
    """Return the last versions of the keys that change, in the form of changes that came before all others.

    One that was ended by a delete is that delete: no later version begins before it.
    """
    turn = "__turn__"
    _, valid_to, is_current = _names(batch)
    latest_first = Window.partitionBy(*map(column, batch.key)).orderBy(
        column(is_current).desc(), column(valid_to).desc()
    )
    known = target.join(_keys(batch, events), list(batch.key), "left_semi")
    return _as_changes(batch, known.withColumn(turn, F.row_number().over(latest_first)).where(F.col(turn) == 1))


def _as_changes(batch: Batch, versions: DataFrame) -> DataFrame:
    valid_from, valid_to, is_current = _names(batch)
    order = batch.rows.schema[batch.changes.order].dataType if batch.changes.order else "string"
    return versions.select(
        *map(column, batch.columns),
        F.lit(True).alias(_THERE),
        F.coalesce(column(valid_to), column(valid_from)).alias(_AT),
        (~column(is_current)).alias(_GONE),
        F.lit(None).cast(order).alias(_ORDER),
    )


def _missing(batch: Batch, target: DataFrame) -> DataFrame:
    """Return as deletes the current versions whose key the source no longer has."""
    current = _as_changes(batch, target.where(column(_names(batch)[2])))
    gone = batch.without_keys_of(current, batch.present)
    return gone.withColumns(
        {_THERE: F.lit(False), _AT: F.lit(batch.begun).cast(current.schema[_AT].dataType), _GONE: F.lit(True)}
    )


def _history(batch: Batch, events: DataFrame) -> DataFrame:
    """Return the changes that make a difference, each with the time of the next one, and whether that is a delete.

    What the source wrote again as it was is no version. A time before the version's before it, as after a clock was
    set back, becomes that one's. What the source itself says is older than the current version is left out.
    """
    in_turn = Window.partitionBy(*map(column, batch.key)).orderBy(
        F.col(_THERE).desc(), F.col(_ORDER).asc_nulls_first(), F.col(_AT)
    )
    if batch.changes.guard is not None:
        of_key = Window.partitionBy(*map(column, batch.key))
        newest = F.max(F.when(F.col(_THERE) & ~F.col(_GONE), batch.guard)).over(of_key)
        events = events.withColumn(_OLDER, batch.is_older(newest)).where(~F.col(_OLDER)).drop(_OLDER)
    state = F.struct(F.col(_GONE), *map(column, batch.columns))
    before = F.lag(F.col(_STATE)).over(in_turn)
    goes_again = F.col(_GONE) & F.coalesce(F.lag(F.col(_GONE)).over(in_turn), F.lit(True))
    differs = F.col(_THERE) | (~F.col(_STATE).eqNullSafe(before) & ~goes_again)
    kept = (
        events.withColumn(_STATE, state)
        .withColumn("__kept__", differs)
        .withColumn(_AT, F.max(_AT).over(in_turn))
        .where(F.col("__kept__"))
        .drop("__kept__", _STATE)
    )
    return kept.withColumns({_UNTIL: F.lead(F.col(_AT)).over(in_turn), _GOES: F.lead(F.col(_GONE)).over(in_turn)})


def _versions(batch: Batch, history: DataFrame) -> DataFrame:
    """Return the versions that are opened, as the table has them."""
    valid_from, valid_to, is_current = _names(batch)
    own = [
        F.col(_AT).alias(valid_from),
        F.col(_UNTIL).alias(valid_to),
        F.col(_UNTIL).isNull().alias(is_current),
    ]
    if batch.deleted_at:
        own.append(F.when(F.col(_GOES), F.col(_UNTIL)).cast("timestamp").alias(batch.deleted_at))
    return history.where(~F.col(_THERE) & ~F.col(_GONE)).select(*map(column, batch.columns), *own)


def _keys(batch: Batch, events: DataFrame) -> DataFrame:
    return events.select(*map(column, batch.key)).distinct()
