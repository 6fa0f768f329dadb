"""`merge`: each key once, with the values that the source had last."""

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it

from ingestion.lake.delta_sql import Clause, upsert
from ingestion.loads.dispositions.batch import DELETE, INSERT, LEAVE_OUT, NOTHING, UPDATE, Batch, Counts, News
from ingestion.platform.columns import column


def apply(batch: Batch) -> Counts | None:
    """Change the rows that differ; None where none does, and nothing is committed."""
    return _commit(batch, _changed(batch)) if batch.news is News.UNKNOWN else _merge_news(batch)


def remove(batch: Batch) -> Counts | None:
    """Delete the rows whose key the source no longer has."""
    return _commit(batch, batch.aside(_gone(batch, batch.table.read()), "gone"))


def _merge_news(batch: Batch) -> Counts | None:
    """Merge rows of which some are news for certain, and none is a delete: the table is not looked at before."""
    clauses = upsert(batch.columns, only_if_different=batch.news is not News.ALL, cleared=batch.deleted_at)
    rows = batch.rows.select(*map(column, batch.columns))
    changed = batch.table.merge(rows, batch.key, clauses, batch.commit, is_stored=True)
    if changed is None:
        # A killed run's job committed it meanwhile; what that did the table's history tells.
        return Counts()
    counts = Counts(changed.inserted, changed.updated)
    is_committed = counts != Counts() or batch.table.last_commit(batch.commit.application) == batch.commit
    return counts if is_committed else None


def _commit(batch: Batch, changed: DataFrame) -> Counts | None:
    action = batch.own("action")
    found: dict[str, int] = dict(changed.groupBy(action).agg(F.count(F.lit(1))).collect())
    if LEAVE_OUT in found:
        batch.tell_older(found.pop(LEAVE_OUT))
        changed = changed.where(F.col(action) != LEAVE_OUT)
    inserted, updated, deleted = (found.get(action, 0) for action in (INSERT, UPDATE, DELETE))
    if not found:
        return None
    if deleted:
        batch.brake(deleted, _live(batch, batch.table.read()).count())
    if found.keys() == {INSERT}:
        batch.table.append(changed.select(*map(column, batch.columns)), batch.commit)
    else:
        batch.table.merge(changed, batch.key, _clauses(batch, found.keys()), batch.commit)
    return Counts(inserted, updated, deleted, removed=deleted if batch.deletes == "hard" else 0)


def _changed(batch: Batch) -> DataFrame:
    """Return the rows that change the table, and those that are left out, with what happens to each."""
    target = batch.table.read()
    action, moment, live, guard = map(batch.own, ("action", "moment", "live", "guard"))
    is_live = column(batch.deleted_at).isNull() if batch.deleted_at else F.lit(True)
    there = batch.there(target, is_live.alias(live), batch.guard.alias(guard))
    rows = batch.rows.withColumn(moment, batch.moment)
    what = (
        F.when(batch.is_deleted, F.when(F.col(live) & F.lit(batch.deletes != "ignore"), DELETE).otherwise(NOTHING))
        .when(batch.is_older(F.col(guard)), LEAVE_OUT)
        .when(batch.same & F.col(live), NOTHING)
        .otherwise(UPDATE)
    )
    chosen = [*map(column, batch.columns), F.col(moment)]
    met = batch.aside(rows.join(there, batch.on_key).select(*chosen, what.alias(action)), "met")
    new = batch.without_keys_of(rows.where(~batch.is_deleted), met).select(*chosen, F.lit(INSERT).alias(action))
    changed = met.where(F.col(action) != NOTHING).unionByName(new)
    return (
        changed if not batch.changes.whole or batch.deletes == "ignore" else changed.unionByName(_gone(batch, target))
    )


def _gone(batch: Batch, target: DataFrame) -> DataFrame:
    """Return the live rows of the table whose key the source no longer has."""
    gone = batch.without_keys_of(_live(batch, target), batch.present)
    moment = F.lit(batch.begun).cast("timestamp").alias(batch.own("moment"))
    return gone.select(*map(column, batch.columns), moment, F.lit(DELETE).alias(batch.own("action")))


def _live(batch: Batch, target: DataFrame) -> DataFrame:
    return target.where(column(batch.deleted_at).isNull()) if batch.deleted_at else target


def _clauses(batch: Batch, actions: Collection[str]) -> list[Clause]:
    """Return what a MERGE does, and nothing that it has no rows for: without rows to insert Delta shuffles no table."""
    is_deleted = f"source.{batch.own('action')} = '{DELETE}'"
    if batch.deleted_at is None:
        delete = Clause("MATCHED", "DELETE", when=is_deleted)
    else:
        delete = Clause("MATCHED", "UPDATE", {batch.deleted_at: f"source.{batch.own('moment')}"}, when=is_deleted)
    update, insert = upsert(batch.columns, only_if_different=False, cleared=batch.deleted_at)
    clauses = {DELETE: delete, UPDATE: update, INSERT: insert}
    return [clause for action, clause in clauses.items() if action in actions]
