"""`append`: rows are added, each once: those of a known key are left out, and windows without a key never overlap."""

from ingestion.loads.dispositions.batch import Batch, Counts, landing_rows
from ingestion.platform.columns import column


def apply(batch: Batch) -> Counts | None:
    """Add the rows that are new; None where none is, and nothing is committed."""
    rows = landing_rows(batch)
    if batch.key:
        keys = list(map(column, batch.key))
        known = batch.table.read().select(*keys).join(rows.select(*keys), list(batch.key), "left_semi")
        rows = batch.aside(batch.without_keys_of(rows, known), "new")
    count = rows.count()
    if not count:
        return None
    batch.table.append(rows, batch.commit)
    return Counts(inserted=count)
