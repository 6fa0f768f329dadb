"""The brake on deletes: what deletes too much of a target at once is more likely a mistake than a wish. Pure."""

from ingestion.platform.errors import DeletesRefusedError


def check_deletes(deleted: int, live: int, limit: float, target: str) -> None:
    """Refuse to delete too many rows.

    Args:
        deleted: rows that would be.
        live: rows of the target that are not deleted yet.
        limit: the share of them that may be. All of them may not, whatever the limit: a source that is empty all at
            once was emptied, restored, or asked in the wrong way.
        target: for people.

    Raises:
        DeletesRefusedError: they are too many.
    """
    if not deleted or (deleted <= limit * live and deleted < live):
        return
    share = "all" if deleted >= live else f"{deleted / live:.2%} of the"
    way_out = "" if deleted >= live else f"allow more with the feed's delete_limit, now {limit:g}, or "
    raise DeletesRefusedError(
        f"{target}: {deleted} rows are gone from the source, {share} {live} rows. Nothing was changed. If that is "
        f"meant, {way_out}load the feed anew: mode reload."
    )
