"""How many rows of a target one run may delete."""

import pytest

from ingestion.loads.brake import check_deletes
from ingestion.platform.errors import DeletesRefusedError


@pytest.mark.parametrize(("deleted", "live", "limit"), [(0, 0, 0.0), (0, 9, 0.0), (1, 10, 0.1), (9, 10, 1.0)])
def test_up_to_the_limit_rows_are_deleted(deleted: int, live: int, limit: float) -> None:
    check_deletes(deleted, live, limit, "orders")


@pytest.mark.parametrize(
    ("deleted", "live", "limit", "words"),
    [
        (2, 10, 0.1, "2 rows are gone from the source, 20.00% of the 10 rows"),
        (1, 10, 0.0, "allow more with the feed's delete_limit, now 0,"),
        (10, 10, 1.0, "10 rows are gone from the source, all 10 rows"),
        (1, 1, 1.0, "If that is meant, load the feed anew: mode reload"),
    ],
)
def test_above_it_and_for_all_rows_at_once_nothing_is(deleted: int, live: int, limit: float, words: str) -> None:
    with pytest.raises(DeletesRefusedError) as refused:
        check_deletes(deleted, live, limit, "orders")
    assert words in str(refused.value)
