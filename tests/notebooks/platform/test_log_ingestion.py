"""The lines of a run reach Log Analytics by its API, against real servers; when they do not, that is one warning."""

import json
import re
from collections.abc import Callable
from functools import partial

import pytest

from fakes.entra_service import CLIENT_SECRET, EntraService
from fakes.http_service import Fault
from fakes.log_ingestion_service import LogIngestionService
from fakes.workspace import Settings
from ingestion.platform.errors import LakeError
from ingestion.platform.identity import MONITOR_SCOPE
from ingestion.platform.log import StepLog
from ingestion.platform.log_ingestion import post_lines


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(workspace: Settings, lines: list[str]) -> StepLog:
    configuration = workspace.configuration()
    return StepLog(configuration.secrets.redact, write=lines.append, deliver=partial(post_lines, configuration))


@pytest.fixture
def workspace(principal: Settings, monitor: LogIngestionService) -> Settings:
    principal.environment["LOG_INGESTION_URL"] = monitor.ingestion_url
    return principal


def land(log: StepLog) -> None:
    """Do what a notebook does, as far as the log sees it."""
    with log.run("notebook") as run:
        with log.step("count", source="jdbc:x#Customers 陈") as step:
            step.rows = 601
        run.rows = 601


def test_all_lines_of_a_run_are_posted_at_its_end_as_they_were_printed(
    log: StepLog, lines: list[str], monitor: LogIngestionService
) -> None:
    land(log)
    assert [line["step"] for line in monitor.rows] == ["count", "notebook"]
    assert monitor.rows == [json.loads(line) for line in lines]
    assert len(monitor.requests) == 1


def test_a_failed_run_posts_its_reason_and_fails_as_it_would(log: StepLog, monitor: LogIngestionService) -> None:
    with pytest.raises(LakeError, match="full"), log.run("notebook"), log.step("land"):
        raise LakeError("full")
    assert [(line["step"], line["level"]) for line in monitor.rows] == [("land", "ERROR"), ("notebook", "ERROR")]
    assert "Traceback" in monitor.rows[1]["error"]


def test_without_an_address_nobody_is_asked(
    log: StepLog, workspace: Settings, monitor: LogIngestionService, entra: EntraService, lines: list[str]
) -> None:
    workspace.environment["LOG_INGESTION_URL"] = ""
    land(log)
    assert (monitor.requests, entra.requests, len(lines)) == ([], [], 2)


Change = Callable[[Settings, EntraService, LogIngestionService], object]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda settings, _e, _m: settings.secrets.clear(), "MissingSettingError: secret ingestion/sql-user"),
        (lambda settings, _e, _m: settings.secrets.update({"sql-password": "old"}), "AADSTS7000215"),
        (lambda settings, _e, _m: settings.secrets.update({"sql-user": "reader"}), "application id"),
        (lambda settings, _e, _m: settings.environment.pop("AZURE_TENANT_ID"), "AZURE_TENANT_ID is not set"),
        (lambda settings, _e, _m: settings.environment.update(LOG_INGESTION_URL="http://logs.example"), "https"),
        (lambda settings, _e, _m: settings.environment.update(LOG_INGESTION_URL="logs"), "LOG_INGESTION_URL"),
        (lambda _s, entra, _m: entra.faults.orders.update({1: Fault.HANG}), "none after 4 s"),
        (lambda _s, _e, monitor: monitor.faults.orders.update({1: Fault.HANG}), "no answer after 4 s"),
        (lambda _s, _e, monitor: monitor.faults.orders.update({1: Fault.DROP}), "cannot be reached"),
        (lambda _s, _e, monitor: monitor.faults.orders.update({1: Fault.FAIL_AFTER}), "status 500"),
        (lambda _s, _e, monitor: monitor.faults.orders.update({1: Fault.REFUSE}), "status 400: BadRequest"),
        (lambda _s, _e, monitor: setattr(monitor, "throttle_next", 9), "status 429"),
        (lambda _s, _e, monitor: setattr(monitor, "_token", "other"), r"status 401: InvalidToken.*\[REDACTED\]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_post_that_fails_is_one_warning_soon_and_no_failure_of_the_run(
    change: Change,
    reason: str,
    workspace: Settings,
    entra: EntraService,
    monitor: LogIngestionService,
    *,
    lines: list[str],
) -> None:
    change(workspace, entra, monitor)
    configuration = workspace.configuration()
    log = StepLog(configuration.secrets.redact, write=lines.append, deliver=partial(post_lines, configuration))
    land(log)
    warning = json.loads(lines[-1])
    assert [json.loads(line)["level"] for line in lines] == ["INFO", "INFO", "WARNING"]
    assert warning["step"] == "deliver log"
    assert re.search(reason, warning["error"])


def test_a_post_is_never_sent_twice(log: StepLog, monitor: LogIngestionService) -> None:
    monitor.faults.orders[1] = Fault.DROP_AFTER
    land(log)
    assert len(monitor.rows) == 2


def test_neither_secret_nor_token_is_in_any_output(
    log: StepLog, monitor: LogIngestionService, entra: EntraService, lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def use() -> None:
        raise LakeError(f"it is {CLIENT_SECRET}")

    land(log)
    with pytest.raises(Exception, match="it is") as raised, log.run("again"):
        use()
    shown = str([lines, monitor.rows, repr(raised.value), *capfd.readouterr()])
    for secret in (CLIENT_SECRET, entra.token(MONITOR_SCOPE)):
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown
