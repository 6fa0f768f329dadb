"""The ways of loading that are tried: what a feed says, what writers may do to its table, what its target promises."""

from dataclasses import dataclass

from soak.promises import (
    Promise,
    each_version_once,
    equal,
    keeps_deleted,
    marks_deleted,
    versions,
)

# Longer than a writer's transaction lasts and its clock is behind: see `writers`.
LOOKBACK_SECONDS = 90
_ALL = ("insert", "update", "delete", "rekey")
_CURSOR = f'method = "cursor", cursor_column = "modified", lookback = "{LOOKBACK_SECONDS} seconds"'
_API_CURSOR = f'method = "cursor", cursor_path = "modified", param = "since", lookback = "{LOOKBACK_SECONDS} seconds"'
_TRANSACTION = 'method = "transaction_id", cursor_column = "tx"'
# A small table loses a large share of its rows, and is right to.
_SCAN = 'delete_detection = "key_scan"\ndelete_limit = 1.0'
_PAGES = """\
data_selector = "items"
paginator = { type = "cursor", cursor_path = "next", cursor_param = "after" }
primary_key = ["id"]"""


@dataclass(frozen=True)
class Case:
    """One way of loading.

    Attributes:
        method: of the feed's TOML, with what belongs to it.
        disposition: what a load does with the rows of its window.
        promise: how the target has to stand to the source after a quiet run.
        more: further lines of the feed.
        habits: what writers do to the table's rows.
        nulls: whether they leave the cursor out at times.
        ahead: whether their clocks go ahead at times.
        server: where its table is, by the name in `servers`.
        is_control: it has to lose rows, or the oracle could not tell.
    """

    method: str
    disposition: str
    promise: Promise
    more: str = ""
    habits: tuple[str, ...] = _ALL
    nulls: bool = False
    ahead: bool = False
    server: str = "postgres"
    is_control: bool = False
    name: str = ""

    @property
    def toml(self) -> str:
        """The feed's lines."""
        kind = "endpoints" if self.server == "api" else "tables"
        own = f'path = "{self.name}"\n{_PAGES}\n' if self.server == "api" else ""
        return (
            f'[[{kind}]]\nname = "{self.name}"\ndestination = "{self.name}"\n{own}'
            f'write_disposition = "{self.disposition}"\nincremental = {{ {self.method} }}\n{self.more}\n'
        )

    @property
    def stamps_go_on(self) -> bool:
        """Whether no change sets a record's cursor back: an API's earlier record of a key is an older one."""
        return self.server == "api"


def _named(**cases: Case) -> dict[str, Case]:
    return {name: Case(**{**case.__dict__, "name": name}) for name, case in cases.items()}


CASES = _named(
    full_replace=Case('method = "full"', "replace", equal),
    full_merge=Case('method = "full"', "merge", keeps_deleted),
    full_merge_hard=Case('method = "full"', "merge", equal, f'deletes = "hard"\n{_SCAN}'),
    full_scd2_hard=Case('method = "full"', "scd2", versions, f'deletes = "hard"\n{_SCAN}'),
    cursor_append=Case(_CURSOR, "append", equal, habits=("insert",)),
    cursor_merge=Case(_CURSOR, "merge", keeps_deleted),
    cursor_merge_hard=Case(_CURSOR, "merge", equal, f'deletes = "hard"\n{_SCAN}'),
    cursor_merge_soft=Case(_CURSOR, "merge", marks_deleted, f'deletes = "soft"\n{_SCAN}'),
    cursor_merge_nulls=Case(
        f'{_CURSOR}, on_null = "include"', "merge", equal, f'deletes = "hard"\n{_SCAN}', nulls=True
    ),
    cursor_merge_ahead=Case(
        f'{_CURSOR}, on_future = "include"', "merge", equal, f'deletes = "hard"\n{_SCAN}', ahead=True
    ),
    cursor_scd2_hard=Case(_CURSOR, "scd2", versions, f'deletes = "hard"\n{_SCAN}'),
    cursor_replace_window=Case(_CURSOR, "replace_window", equal, habits=("insert", "amend", "withdraw")),
    transaction_id_append=Case(_TRANSACTION, "append", each_version_once, "primary_key = []"),
    transaction_id_merge=Case(_TRANSACTION, "merge", keeps_deleted),
    transaction_id_merge_hard=Case(_TRANSACTION, "merge", equal, f'deletes = "hard"\n{_SCAN}'),
    transaction_id_scd2_hard=Case(_TRANSACTION, "scd2", versions, f'deletes = "hard"\n{_SCAN}'),
    mariadb_full_merge_hard=Case('method = "full"', "merge", equal, f'deletes = "hard"\n{_SCAN}', server="mariadb"),
    mariadb_cursor_append=Case(_CURSOR, "append", equal, habits=("insert",), server="mariadb"),
    mariadb_cursor_merge_hard=Case(_CURSOR, "merge", equal, f'deletes = "hard"\n{_SCAN}', server="mariadb"),
    mariadb_cursor_scd2_hard=Case(_CURSOR, "scd2", versions, f'deletes = "hard"\n{_SCAN}', server="mariadb"),
    api_full_replace=Case('method = "full"', "replace", equal, server="api"),
    api_full_merge_hard=Case('method = "full"', "merge", equal, f'deletes = "hard"\n{_SCAN}', server="api"),
    api_cursor_append=Case(_API_CURSOR, "append", equal, habits=("insert",), server="api"),
    api_cursor_merge=Case(_API_CURSOR, "merge", keeps_deleted, server="api"),
    api_cursor_merge_hard=Case(_API_CURSOR, "merge", equal, f'deletes = "hard"\n{_SCAN}', server="api"),
    api_cursor_scd2_hard=Case(_API_CURSOR, "scd2", versions, f'deletes = "hard"\n{_SCAN}', server="api"),
    cursor_merge_no_lookback=Case(
        'method = "cursor", cursor_column = "modified"', "merge", keeps_deleted, is_control=True
    ),
)
