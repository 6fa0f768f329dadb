"""One JSON line a step: what, from where, to where, how many, how long, and why not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.platform.errors import IngestionError, LakeError
from ingestion.platform.log import Line, StepLog

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def ticks() -> Iterator[datetime]:
    """Return a clock's readings, a second and a half apart."""
    moment = START
    while True:
        yield moment
        moment += timedelta(seconds=1.5)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(lines: list[str]) -> StepLog:
    clock = ticks()
    return StepLog(lambda text: text.replace("hunter2", "***"), lambda: next(clock), lines.append, "run-1")


def only(lines: list[str]) -> dict[str, Any]:
    assert len(lines) == 1
    assert "\n" not in lines[0]
    value: dict[str, Any] = json.loads(lines[0])
    return value


def test_a_step_is_one_line(log: StepLog, lines: list[str]) -> None:
    with log.step("land", source="Customers", target="/lake/customer_data") as step:
        step.rows = 601
    assert only(lines) == {
        "timestamp": "2026-07-01T12:00:01.500Z",
        "level": "INFO",
        "step": "land",
        "source": "Customers",
        "target": "/lake/customer_data",
        "rows": 601,
        "seconds": 1.5,
        "run_id": "run-1",
        "error": None,
    }


def test_a_failed_step_says_what_failed_and_fails(log: StepLog, lines: list[str]) -> None:
    with pytest.raises(LakeError), log.step("land", source="x;hunter2"):
        raise LakeError("full, hunter2")
    line = only(lines)
    assert (line["level"], line["error"], line["source"]) == ("ERROR", "LakeError: full, ***", "x;***")


def test_a_failed_run_tells_the_whole_reason(log: StepLog, lines: list[str]) -> None:
    def fail() -> None:
        raise LakeError("cannot be written") from OSError("disk full")

    with pytest.raises(LakeError), log.run("notebook"):
        fail()
    reason = only(lines)["error"]
    for words in ("Traceback", "in fail", "OSError: disk full", "direct cause", "LakeError: cannot be written"):
        assert words in reason


def test_an_error_that_would_show_a_secret_is_replaced(log: StepLog, lines: list[str]) -> None:
    with pytest.raises(IngestionError) as raised, log.run("notebook"):
        raise LakeError("no") from OSError("login hunter2")
    assert raised.value.__suppress_context__
    assert raised.value.__cause__ is None
    assert "hunter2" not in str(raised.value) + lines[0]


def test_a_retry_is_a_warning(log: StepLog, lines: list[str]) -> None:
    log.retry("http://api", LakeError("busy"))
    line = only(lines)
    assert (line["level"], line["step"], line["source"], line["error"]) == (
        "WARNING",
        "retry",
        "http://api",
        "LakeError: busy",
    )


def test_all_lines_are_delivered_once_at_the_end_of_the_run(lines: list[str]) -> None:
    delivered: list[list[Line]] = []
    log = StepLog(str, write=lines.append, deliver=lambda given: delivered.append(list(given)))
    with log.run("notebook"):
        with log.step("land"):
            pass
        assert delivered == []
    assert delivered == [[json.loads(line) for line in lines]]


def test_a_delivery_that_fails_is_one_warning_and_nothing_else(lines: list[str]) -> None:
    def fail(_lines: object) -> None:
        raise OSError("no way, hunter2")

    log = StepLog(lambda text: text.replace("hunter2", "***"), write=lines.append, deliver=fail)
    with log.run("notebook"):
        pass
    with pytest.raises(LakeError), log.run("another"):
        raise LakeError("full")
    shown = [json.loads(line) for line in lines]
    assert [line["level"] for line in shown] == ["INFO", "WARNING", "ERROR", "WARNING"]
    assert shown[1]["error"] == "OSError: no way, ***"


def test_letters_are_written_as_they_are(log: StepLog, lines: list[str]) -> None:
    with log.step("land", source="Zoë 陈"):
        pass
    assert "Zoë 陈" in lines[0]


def test_each_run_has_an_id_of_its_own() -> None:
    assert StepLog(str).run_id != StepLog(str).run_id
