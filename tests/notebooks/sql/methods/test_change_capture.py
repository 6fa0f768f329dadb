"""SQL Server's methods, driven as they are against a stand-in that behaves as the documents say.

No SQL Server is to be had here: none of this was tried on one.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from pyspark.sql import SparkSession

from fakes.change_capture import TABLE, ChangeCapture, StandIn
from fakes.postgres import Postgres
from ingestion.feeds.model import TableIncremental
from ingestion.lake.changes import Changes
from ingestion.lake.journal import Window
from ingestion.loads.method import Method
from ingestion.platform.errors import InvalidSettingError, PositionLostError, SourceError
from ingestion.sql.database import SqlDatabase
from ingestion.sql.methods.cdc import Cdc, following
from ingestion.sql.methods.change_tracking import ChangeTracking
from ingestion.sql.methods.rowversion import Rowversion

BY_ROWVERSION = TableIncremental(method="rowversion", cursor_column="rv")
COLUMNS = ("Region", "Id", "Amount", "Note")
KEY = ("Region", "Id")
INSERT = 'INSERT INTO "Orders" ("Region", "Id", "Amount", "Note") VALUES '
Key = tuple[str, int]


@pytest.fixture
def capture(postgres: Postgres) -> ChangeCapture:
    return ChangeCapture(postgres)


@pytest.fixture
def database(spark: SparkSession, postgres: Postgres, capture: ChangeCapture) -> SqlDatabase:
    made = SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})
    made.dialect = StandIn()
    return made


@dataclass
class Target:
    """What a load keeps: the rows by key, the position, and the source's identity. It applies the newest of a key."""

    make: Callable[[], Method]
    rows: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    position: str | None = None
    identity: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def load(self, between: Callable[[], object] = lambda: None) -> list[tuple[Any, ...]]:
        """Load a window, and return what was applied; `between` happens after its end was told, before it is read."""
        method = self.make()
        if self.position is not None:
            method.check(self.position, self.identity)
        reach = method.now(self.position)
        window = Window(1, self.position, reach.end, method.identity(), pinned=reach.pinned)
        between()
        changes = method.changes(window)
        applied = self.newest(changes)
        if self.position is not None:
            self.make().check(self.position, self.identity)
        self.apply(applied)
        self.position, self.identity, self.notes = reach.end, dict(method.identity()), list(changes.notes)
        return applied

    def newest(self, changes: Changes) -> list[tuple[Any, ...]]:
        rows = [row.asDict() for row in changes.frame.collect()]
        if changes.order:
            rows.sort(key=lambda row: row[changes.order])
        newest = {(row["Region"], row["Id"]): row for row in rows}
        return [
            (*(row[name] for name in COLUMNS), bool(changes.deleted and row[changes.deleted]))
            for row in newest.values()
        ]

    def apply(self, applied: list[tuple[Any, ...]]) -> None:
        for region, number, amount, note, is_deleted in applied:
            self.rows.pop((region, number), None)
            if not is_deleted:
                self.rows[region, number] = (region, number, amount, note)

    def holds(self, capture: ChangeCapture) -> bool:
        return sorted(self.rows.values()) == sorted(capture.rows())


@pytest.fixture
def tracked(database: SqlDatabase) -> Target:
    return Target(lambda: ChangeTracking(database, database.describe(TABLE, columns=COLUMNS), KEY))


@pytest.fixture
def captured(database: SqlDatabase) -> Target:
    return Target(lambda: Cdc(database, database.describe(TABLE, columns=COLUMNS), KEY))


@pytest.fixture
def versioned(database: SqlDatabase) -> Target:
    return Target(
        lambda: Rowversion(database, database.describe(TABLE, columns=COLUMNS), KEY, incremental=BY_ROWVERSION)
    )


@contextmanager
def open_transaction(capture: ChangeCapture, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """Have statements executed and not committed; the block commits, or the connection's end rolls back."""
    with capture.connect() as connection:
        connection.autocommit = False
        for statement in statements:
            connection.execute(statement.encode())
        yield connection


def write_all_kinds(capture: ChangeCapture) -> None:
    """Five updates of one key, a row that comes and goes, one that goes and comes back, a key that changes, a swap."""
    capture.write(*(f'UPDATE "Orders" SET "Amount" = {n} WHERE "Id" = 1' for n in range(5)))
    for amount in range(10, 15):
        capture.write(f'UPDATE "Orders" SET "Amount" = {amount} WHERE "Id" = 1')
    capture.write(INSERT + "('n', 50, 1, 'short')", 'DELETE FROM "Orders" WHERE "Id" = 50')
    capture.write('DELETE FROM "Orders" WHERE "Id" = 2', INSERT + "('n', 2, 22, 'again')")
    capture.write('UPDATE "Orders" SET "Id" = 33 WHERE "Id" = 3')
    capture.write('UPDATE "Orders" SET "Id" = 99 WHERE "Id" = 4', 'UPDATE "Orders" SET "Id" = 4 WHERE "Id" = 5')
    capture.write('DELETE FROM "Orders" WHERE "Id" = 6')
    capture.write(INSERT + "('s', 1, NULL, NULL)")


def fill(capture: ChangeCapture) -> None:
    capture.write(INSERT + ", ".join(f"('n', {n}, {n}.50, 'note {n}')" for n in range(1, 8)))


# --- Change tracking


def test_change_tracking_brings_every_kind_of_change(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    tracked.load()
    assert tracked.holds(capture)
    write_all_kinds(capture)
    applied = tracked.load()
    assert tracked.holds(capture)
    gone = {(row[0], row[1]) for row in applied if row[-1]}
    assert {("n", 3), ("n", 5), ("n", 6), ("n", 50)} == gone
    assert tracked.load() == []


def test_a_deletes_key_comes_from_the_change_for_the_row_is_gone(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    tracked.load()
    capture.write('DELETE FROM "Orders" WHERE "Id" = 7')
    assert tracked.load() == [("n", 7, None, None, True)]


def test_changes_after_the_end_are_read_too_and_come_again(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    tracked.load()
    capture.write('UPDATE "Orders" SET "Amount" = 1 WHERE "Id" = 1')
    # With an upper bound the row, changed again since, would be left out of this window.
    tracked.load(lambda: capture.write('UPDATE "Orders" SET "Amount" = 2 WHERE "Id" = 1'))
    assert tracked.rows["n", 1][2] == Decimal("2.00")
    assert [row[:3] for row in tracked.load()] == [("n", 1, Decimal("2.00"))]


def test_a_row_that_is_deleted_while_it_is_read_is_a_delete_and_one_that_came_back_is_none(
    capture: ChangeCapture, tracked: Target, database: SqlDatabase
) -> None:
    fill(capture)
    tracked.load()
    capture.write('UPDATE "Orders" SET "Amount" = 1 WHERE "Id" IN (1, 2)')
    # The change says U, the row is gone without a change that is told: what is read is the table.
    capture.write('ALTER TABLE "Orders" DISABLE TRIGGER log_row', 'DELETE FROM "Orders" WHERE "Id" = 1')
    capture.write(
        'INSERT INTO standin.log (version, operation, "Region", "Id", pair) '
        "SELECT version, 1, 'n', 2, 0 FROM standin.commits"
    )
    applied = tracked.load()
    assert sorted((row[1], row[-1]) for row in applied) == [(1, True), (2, False)]


def test_a_commit_that_comes_late_is_read_by_the_next_window(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    with open_transaction(capture, 'UPDATE "Orders" SET "Amount" = 0 WHERE "Id" = 1') as late:
        tracked.load()
        capture.write('UPDATE "Orders" SET "Amount" = 7 WHERE "Id" = 2')
        tracked.load()
        assert not [row for row in tracked.rows.values() if row[2] == 0]
        late.commit()
    tracked.load()
    assert tracked.holds(capture)


@pytest.mark.parametrize("when", ["before", "while"])
def test_changes_that_were_cleaned_up_lose_the_position(capture: ChangeCapture, tracked: Target, when: str) -> None:
    fill(capture)
    tracked.load()
    capture.write('DELETE FROM "Orders" WHERE "Id" = 1')

    def clean_up() -> None:
        capture.write("UPDATE standin.tracking SET min_valid = standin.current_version() + 5")

    before = dict(tracked.rows)
    if when == "before":
        clean_up()
    with pytest.raises(PositionLostError, match=r"CHANGE_RETENTION.*mode reload"):
        tracked.load(clean_up)
    assert tracked.rows == before


def test_a_truncated_table_loses_the_position_for_no_delete_is_told(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    tracked.load()
    capture.write('TRUNCATE "Orders"')
    with pytest.raises(PositionLostError, match="the table truncated"):
        tracked.load()


def test_a_database_that_was_restored_loses_the_position(capture: ChangeCapture, tracked: Target) -> None:
    fill(capture)
    write_all_kinds(capture)
    tracked.load()
    capture.write("UPDATE standin.commits SET version = version - 3")
    with pytest.raises(PositionLostError, match="restored"):
        tracked.load()
    with pytest.raises(PositionLostError, match="before the position"):
        tracked.make().now(tracked.position)


def test_a_table_without_tracking_or_without_the_right_says_how(capture: ChangeCapture, tracked: Target) -> None:
    capture.write("UPDATE standin.tracking SET min_valid = NULL")
    with pytest.raises(SourceError, match=r"ENABLE CHANGE_TRACKING in the source, and GRANT VIEW CHANGE TRACKING"):
        tracked.load()


def test_change_tracking_needs_the_tables_own_key(database: SqlDatabase) -> None:
    other = ChangeTracking(database, database.describe(TABLE, columns=COLUMNS), ("Id",))
    with pytest.raises(SourceError, match="primary key, which is Region, Id: leave primary_key out"):
        other.now(None)
    with pytest.raises(InvalidSettingError, match="mode reload reads all"):
        other.at("2026-01-01")


# --- Change data capture


def test_cdc_brings_every_kind_of_change_in_its_order(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.holds(capture)
    write_all_kinds(capture)
    # The order of a transaction's changes is their commands', not their sequence.
    capture.write(*(f'UPDATE "Orders" SET "Note" = \'step {n}\' WHERE "Id" = 7' for n in range(4)))
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.holds(capture)
    assert captured.load() == []


def test_an_update_is_read_once_and_a_changed_key_is_a_delete_and_an_insert(
    capture: ChangeCapture, captured: Target, database: SqlDatabase
) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    capture.write('UPDATE "Orders" SET "Amount" = 0 WHERE "Id" = 1')
    capture.write('UPDATE "Orders" SET "Id" = 70 WHERE "Id" = 7')
    capture.write("SELECT standin.capture()")
    method = captured.make()
    reach = method.now(captured.position)
    changes = method.changes(Window(2, captured.position, reach.end, pinned=reach.pinned))
    assert changes.deleted
    assert changes.time
    rows = sorted((row["Id"], row[changes.deleted]) for row in changes.frame.collect())
    assert rows == [(1, False), (7, True), (70, False)]
    times = [row[0].astimezone(UTC) for row in changes.frame.select(changes.time).collect()]
    assert all(abs(each - datetime.now(UTC)) < timedelta(minutes=5) for each in times)
    assert reach.complete_until
    assert reach.complete_until >= max(times) - timedelta(milliseconds=1)


def test_a_window_ends_at_a_commit_and_no_transaction_is_cut(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    capture.write(*(f'UPDATE "Orders" SET "Amount" = 100 WHERE "Id" = {n}' for n in range(1, 8)))
    capture.write(*(f'UPDATE "Orders" SET "Amount" = 200 WHERE "Id" = {n}' for n in range(1, 8)))
    capture.write(f"SELECT standin.capture({capture.one('SELECT version FROM standin.commits')} - 1)")
    captured.load()
    assert {row[2] for row in captured.rows.values()} == {Decimal(100)}
    # What is copied while a window is read belongs to the next one, whole.
    captured.load(lambda: capture.write("SELECT standin.capture()"))
    assert {row[2] for row in captured.rows.values()} == {Decimal(100)}
    captured.load()
    assert captured.holds(capture)


def test_the_first_load_begins_where_the_instance_does_though_nothing_is_copied_yet(
    capture: ChangeCapture, captured: Target
) -> None:
    fill(capture)
    captured.load()
    assert captured.holds(capture)
    capture.write('DELETE FROM "Orders" WHERE "Id" = 1')
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.holds(capture)


@pytest.mark.parametrize("when", ["before", "while"])
def test_changes_that_were_cleaned_up_lose_the_position_as_error_313_does(
    capture: ChangeCapture, captured: Target, when: str
) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    capture.write('DELETE FROM "Orders" WHERE "Id" = 1')
    capture.write('DELETE FROM "Orders" WHERE "Id" = 2')
    capture.write("SELECT standin.capture()")

    def clean_up() -> None:
        capture.write(f"SELECT standin.clean_up('dbo_Orders', '{capture.one('SELECT sys.fn_cdc_get_max_lsn()')}')")

    if when == "before":
        clean_up()
    with pytest.raises(PositionLostError, match=r"changes are known from .* mode reload"):
        captured.load(clean_up)


def test_a_clean_up_to_just_after_the_position_loses_nothing(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.position
    capture.write(f"SELECT standin.clean_up('dbo_Orders', '{following(captured.position)}')")
    capture.write('DELETE FROM "Orders" WHERE "Id" = 1')
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.holds(capture)


def test_a_low_endpoint_of_zero_is_no_right_and_not_all_changes(capture: ChangeCapture, captured: Target) -> None:
    capture.write("UPDATE standin.rights SET may_read = FALSE")
    with pytest.raises(SourceError, match=r"tells this reader of no change.*GRANT SELECT ON SCHEMA::cdc"):
        captured.load()


def test_a_table_that_is_not_captured_says_how(capture: ChangeCapture, captured: Target) -> None:
    capture.write("DELETE FROM cdc.change_tables")
    with pytest.raises(SourceError, match=r"sp_cdc_enable_table"):
        captured.load()
    capture.write("DROP SCHEMA cdc CASCADE")
    with pytest.raises(SourceError, match=r"If its changes are not captured: .*sp_cdc_enable_table"):
        captured.load()


def test_a_capture_job_that_stopped_is_told(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    assert captured.notes == []
    capture.write("UPDATE cdc.lsn_time_mapping SET tran_end_time = tran_end_time - INTERVAL '20 minutes'")
    captured.load()
    assert captured.notes == ["the capture job copied nothing for 20 minutes: if it has stopped, changes are late"]


def test_a_log_that_is_behind_the_position_loses_it(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    write_all_kinds(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    capture.write(
        "DELETE FROM cdc.lsn_time_mapping WHERE start_lsn > (SELECT MIN(start_lsn) FROM cdc.lsn_time_mapping)"
    )
    with pytest.raises(PositionLostError, match="restored"):
        captured.load()


def test_a_second_instance_takes_over_where_it_begins(capture: ChangeCapture, captured: Target) -> None:
    fill(capture)
    capture.write("SELECT standin.capture()")
    captured.load()
    capture.write('UPDATE "Orders" SET "Amount" = 1 WHERE "Id" = 1')
    capture.write("SELECT standin.enable(2, 'dbo_Orders_2', ARRAY['Region', 'Id', 'Amount', 'Note'])")
    capture.write('UPDATE "Orders" SET "Amount" = 2 WHERE "Id" = 2')
    capture.write("SELECT standin.capture()")
    first = captured.make().now(captured.position).pinned["instance"]
    captured.load()
    second = captured.make().now(captured.position).pinned["instance"]
    captured.load()
    assert (first, second) == ("dbo_Orders", "dbo_Orders_2")
    assert captured.holds(capture)


def test_columns_that_are_not_captured_or_computed_are_left_out_and_told(
    capture: ChangeCapture, database: SqlDatabase
) -> None:
    capture.write("DELETE FROM cdc.captured_columns WHERE column_name = 'Note'")
    fill(capture)
    method = Cdc(database, database.describe(TABLE), KEY)
    reach = method.now(None)
    changes = method.changes(Window(1, None, reach.end, pinned=reach.pinned))
    assert changes.columns == ["Region", "Id", "Amount"]
    assert "columns Note, Twice, rv are not captured by dbo_Orders, and left out" in changes.notes[0]


# --- rowversion


def test_rowversion_reads_what_is_committed_late_with_the_next_window(
    capture: ChangeCapture, versioned: Target
) -> None:
    fill(capture)
    versioned.load()
    assert versioned.holds(capture)
    with open_transaction(capture, 'UPDATE "Orders" SET "Amount" = 0 WHERE "Id" = 1') as late:
        capture.write('UPDATE "Orders" SET "Amount" = 7 WHERE "Id" = 2')
        assert versioned.make().now(versioned.position).complete_until is None
        assert versioned.load() == []
        late.commit()
    assert sorted(row[1] for row in versioned.load()) == [1, 2]
    assert versioned.holds(capture)
    assert versioned.make().now(versioned.position).complete_until is not None
    assert versioned.load() == []


def test_a_row_that_is_written_while_it_is_read_comes_with_the_next_window(
    capture: ChangeCapture, versioned: Target
) -> None:
    fill(capture)
    versioned.load()
    capture.write('UPDATE "Orders" SET "Amount" = 1 WHERE "Id" = 1')
    versioned.load(lambda: capture.write('UPDATE "Orders" SET "Amount" = 2 WHERE "Id" = 1'))
    versioned.load()
    assert versioned.holds(capture)


def test_a_counter_that_is_behind_the_position_loses_it(capture: ChangeCapture, versioned: Target) -> None:
    fill(capture)
    versioned.load()
    capture.write("SELECT setval('standin.rowversions', 2001)")
    with pytest.raises(PositionLostError, match=r"counter is at 0x00000000000007D2, before the position"):
        versioned.load()


# --- All of them, at random


@pytest.mark.parametrize("method", ["tracked", "captured"])
def test_whatever_is_written_in_whatever_order_the_target_is_the_source_once_it_is_quiet(
    capture: ChangeCapture, request: pytest.FixtureRequest, method: str
) -> None:
    target: Target = request.getfixturevalue(method)
    chance = random.Random(17)  # noqa: S311 - the same steps each time
    fill(capture)
    capture.write("SELECT standin.capture()")
    target.load()
    for _ in range(6):
        for _ in range(chance.randint(1, 6)):
            capture.write(*(statement(chance) for _ in range(chance.randint(1, 4))))
        capture.write(f"SELECT standin.capture((SELECT version FROM standin.commits) - {chance.randint(0, 3)})")
        target.load(lambda: capture.write(statement(chance)))
    capture.write("SELECT standin.capture()")
    target.load()
    assert target.holds(capture)


def statement(chance: random.Random) -> str:
    key, other = chance.randint(1, 9), chance.randint(1, 9)
    return chance.choice(
        [
            f"{INSERT}('n', {key}, {other}, 'new') ON CONFLICT DO NOTHING",
            f'UPDATE "Orders" SET "Amount" = {other} WHERE "Id" = {key}',
            f'DELETE FROM "Orders" WHERE "Id" = {key}',
            f'UPDATE "Orders" SET "Id" = {other} WHERE "Id" = {key} '
            f'AND NOT EXISTS (SELECT 1 FROM "Orders" WHERE "Id" = {other})',
        ]
    )
