"""The modes that look at a feed as it stands: reconcile, repair, status. With a real PostgreSQL."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.postgres import Postgres
from fakes.workspace import Settings
from ingestion.lake.journal import journal_path
from ingestion.loads.run import run_feeds
from support.lakes import table_rows

FEED = """\
[[tables]]
name = "public.stock"
destination = "stock"
write_disposition = "merge"
deletes = "hard"
delete_detection = "key_scan"
key_scan_every = "30 days"
delete_limit = 0.5
incremental = { method = "cursor", cursor_column = "at", lookback = "1 hour" }
checks = [{ not_null = "name" }]
"""
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(spark: SparkSession, postgres: Postgres, lake: Path, tmp_path: Path) -> Run:
    """Return a function that runs a mode over the one feed of a table of 200 rows, and returns its row of the exit."""
    postgres.drop("stock")
    postgres.execute(
        "CREATE TABLE stock (id INT PRIMARY KEY, name TEXT, at TIMESTAMP)",
        "INSERT INTO stock SELECT n, 'n' || n, TIMESTAMP '2026-03-01' + n * INTERVAL '1 minute' "
        "FROM generate_series(1, 200) n",
    )
    folder = tmp_path / "sources"
    folder.mkdir()
    source = (
        f'[source]\ntype = "sql"\nurl = "{postgres.url}"\n'
        'user = { secret = "pg-user" }\npassword = { secret = "pg-password" }\n'
    )

    def run(mode: str = "load", text: str = FEED, **widgets: str) -> dict[str, Any]:
        (folder / "shop.toml").write_text(source + text, encoding="utf-8")
        settings = Settings(
            widgets={"sources": str(folder), "mode": mode, **widgets},
            environment={"LAKE_ROOT": str(lake)},
            secrets={"pg-user": postgres.user, "pg-password": postgres.password},
        )
        (row,) = json.loads(run_feeds(spark, settings.configuration(), sleep=lambda _seconds: None))["feeds"]
        return dict(row)

    return run


def landed(lake: Path, name: str = "stock") -> dict[int, str]:
    rows = table_rows(lake / name, "id", "name")
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def spoil(postgres: Postgres) -> None:
    """Change what no cursor tells: a row that was lost, one that was changed silently, one that was deleted."""
    postgres.execute(
        "INSERT INTO stock VALUES (0, 'late', '2026-03-01')",
        "UPDATE stock SET name = 'silent' WHERE id = 77",
        "DELETE FROM stock WHERE id = 150",
    )


def test_reconcile_tells_what_differs_by_ranges_of_keys_and_changes_nothing_and_repair_mends_just_that(
    run: Run, postgres: Postgres, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run()["inserted"] == 200
    alike = run("reconcile")
    assert (alike["status"], alike["differences"], alike["notes"]) == ("Succeeded", 0, ["200 rows are alike"])
    postgres.execute("INSERT INTO stock VALUES (0, 'late', '2026-03-01')")
    assert run()["inserted"] == 0
    postgres.execute("UPDATE stock SET name = 'silent' WHERE id = 77", "DELETE FROM stock WHERE id = 150")
    before, journal = landed(lake), (lake / journal_path("stock")).read_bytes()
    capsys.readouterr()
    found = run("reconcile")
    assert (found["status"], found["differences"], found["rows_read"]) == ("Failed", 3, 200)
    assert "3 rows differ from the source: id below 14: 14 rows in the source" in found["error"]
    assert "id = 0: missing; id = 77: different; id = 150: extra" in found["error"]
    assert "shop.public.stock: id from 76 to 88" in capsys.readouterr().out
    assert landed(lake) == before
    assert (lake / journal_path("stock")).read_bytes() == journal
    mended = run("repair")
    assert (mended["status"], mended["inserted"], mended["updated"], mended["deleted"]) == ("Succeeded", 1, 1, 1)
    kept = landed(lake)
    assert kept == {n: f"n{n}" for n in range(1, 201) if n not in {77, 150}} | {0: "late", 77: "silent"}
    assert run("reconcile")["differences"] == 0
    postgres.execute("INSERT INTO stock VALUES (300, 'next', '2026-03-02')")
    assert run()["inserted"] == 1
    assert run("repair")["status"] == "Succeeded"
    assert landed(lake)[300] == "next"


def test_rows_that_a_check_refuses_are_no_difference_and_repair_does_not_land_them(
    run: Run, postgres: Postgres, lake: Path
) -> None:
    postgres.execute("UPDATE stock SET name = NULL WHERE id = 5")
    assert run()["quarantined"] == 1
    assert run("reconcile")["differences"] == 0
    assert run("repair")["status"] == "Succeeded"
    assert 5 not in landed(lake)


def test_a_repair_that_was_killed_is_forgotten_by_the_next_load(
    run: Run, postgres: Postgres, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    spoil(postgres)
    with monkeypatch.context() as patch:

        def kill(*_arguments: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("ingestion.loads.window_load.paired", kill)
        with pytest.raises(KeyboardInterrupt):
            run("repair")
    assert json.loads((lake / journal_path("stock")).read_bytes())["window"]["pinned"]["repair"] is True
    assert run()["status"] == "Succeeded"
    assert 0 not in landed(lake)
    assert run("repair")["status"] == "Succeeded"
    assert landed(lake)[0] == "late"


def test_of_versions_and_soft_deletes_what_is_there_now_is_compared(run: Run, postgres: Postgres, lake: Path) -> None:
    versions = FEED.replace('"merge"', '"scd2"').replace('"hard"', '"soft"')
    run(text=versions)
    spoil(postgres)
    assert run("reconcile", versions)["differences"] == 3
    mended = run("repair", versions)
    assert mended["status"] == "Succeeded", mended["error"]
    assert run("reconcile", versions)["differences"] == 0
    rows = table_rows(lake / "stock", "id", "_is_current", "_deleted_at")
    assert len([row for row in rows if row[1]]) == 200
    assert len([row for row in rows if row[0] == 77]) == 2
    assert len([row for row in rows if row[0] == 150 and row[2]]) == 1


def test_a_feed_that_keeps_what_is_gone_or_was_is_not_blamed_for_it(run: Run, postgres: Postgres) -> None:
    keeping = FEED[: FEED.index("deletes")] + FEED[FEED.index("incremental") :]
    run(text=keeping)
    spoil(postgres)
    assert run("reconcile", keeping)["differences"] == 2
    appending = keeping.replace('"merge"', '"append"').replace('destination = "stock"', 'destination = "log"')
    run(text=appending)
    postgres.execute("UPDATE stock SET name = 'again' WHERE id = 8", "DELETE FROM stock WHERE id = 9")
    assert run("reconcile", appending)["differences"] == 0


def test_a_table_that_is_replaced_whole_is_reconciled_too_and_repaired_by_a_load(
    run: Run, postgres: Postgres, lake: Path
) -> None:
    whole = '[[tables]]\nname = "public.stock"\ndestination = "stock"\nformat = "parquet"\n'
    assert run("reconcile", whole)["error"].endswith("was not loaded yet: start it with mode load first.")
    run(text=whole)
    assert run("reconcile", whole)["differences"] == 0
    spoil(postgres)
    assert run("reconcile", whole)["differences"] == 3
    run("repair", whole)
    assert run("reconcile", whole)["differences"] == 0


def test_status_tells_the_position_the_lag_and_up_to_when_the_target_is_whole(run: Run, postgres: Postgres) -> None:
    assert run("status")["notes"] == ["it was not loaded yet"]
    loaded = run()
    row = run("status")
    assert (row["status"], row["mode"]) == ("Succeeded", "status")
    assert (row["rows_in_target"], row["position_after"]) == (200, loaded["position_after"])
    assert (row["lag_rows"], 3600 <= row["lag_seconds"] < 7200) == (0, True)
    assert row["complete_until"].endswith("+00:00")
    postgres.execute("INSERT INTO stock SELECT n, 'new', '2026-03-02' FROM generate_series(301, 303) n")
    assert run("status")["lag_rows"] == 3
    run()
    assert run("status")["lag_rows"] == 0
    postgres.drop("stock")
    assert "how many rows it is behind is not known" in run("status")["notes"][-1]


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ", "DATE"])
def test_a_window_that_is_replaced_holds_what_the_source_has_of_it(
    run: Run, postgres: Postgres, lake: Path, kind: str
) -> None:
    step = "1 day" if kind == "DATE" else "1 hour"
    postgres.drop("stock")
    postgres.execute(
        f"CREATE TABLE stock (id INT, name TEXT, at {kind})",
        "INSERT INTO stock SELECT n, 'n' || n, TIMESTAMP '2026-03-01 00:00:00.123456' "  # noqa: S608 - our own values
        f"+ n * INTERVAL '{step}' FROM generate_series(0, 5) n",
        "INSERT INTO stock VALUES (9, 'none', NULL)",
    )
    replacing = FEED[: FEED.index("write_disposition")] + (
        'write_disposition = "replace_window"\n'
        f'incremental = {{ method = "cursor", cursor_column = "at", lookback = "{step}" }}\n'
    )
    first = run(text=replacing)
    assert (first["status"], first["inserted"]) == ("Succeeded", 7), first["error"]
    postgres.execute(
        "DELETE FROM stock WHERE id IN (1, 4)",
        "UPDATE stock SET name = 'changed' WHERE id IN (0, 5, 9)",
        f"INSERT INTO stock SELECT 6, 'new', MAX(at) + INTERVAL '{step}' FROM stock",  # noqa: S608 - our own values
    )
    second = run(text=replacing)
    assert second["status"] == "Succeeded", second["error"]
    expected = {0: "n0", 1: "n1", 2: "n2", 3: "n3", 5: "changed", 6: "new", 9: "changed"}
    assert landed(lake) == expected
