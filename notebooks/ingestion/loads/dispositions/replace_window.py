"""`replace_window`: the rows of a cursor's window take the place of those that the table has of it, whole."""

from ingestion.loads.dispositions.batch import Batch, Counts, landing_rows
from ingestion.loads.staging import overlap_of
from ingestion.platform.errors import SourceError


def apply(batch: Batch) -> Counts | None:
    """Replace the rows of the window; None where they are the same, and nothing is committed.

    Raises:
        SourceError: the method does not tell which rows of the table its window takes the place of.
    """
    covers = batch.changes.covers
    if covers is None:
        raise SourceError(f"{batch.table}: its method has no window that could be replaced.")
    rows = landing_rows(batch)
    new = overlap_of(rows, batch.columns)
    old = overlap_of(batch.table.read().where(covers), batch.columns)
    if new == old:
        return None
    batch.table.overwrite(rows, batch.commit, replace_where=covers)
    return Counts(inserted=new.rows, deleted=old.rows, removed=old.rows)
