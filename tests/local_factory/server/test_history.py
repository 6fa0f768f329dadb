"""The history: pages without gaps or repeats in any order, also while runs come; a list of many runs sorts nothing."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_factory.runs import ActivityRun, PipelineRun, Status
from local_factory.server.errors import ServerError, ServiceError
from local_factory.server.history import Filter, History, Query

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(number: int, *, pipeline: str = "PL", status: Status = Status.SUCCEEDED, second: int = 0) -> PipelineRun:
    start = START + timedelta(seconds=second)
    end = start if status is not Status.IN_PROGRESS else None
    identity = f"run-{number}"
    found = PipelineRun(identity, pipeline, {}, {"invokedByType": "Manual"}, start, status, end=end)
    found.group_id = identity
    return found


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    kept = History(tmp_path / "history.sqlite")
    yield kept
    kept.close()


def pages(history: History, query: Query) -> list[str]:
    found: list[str] = []
    token = query.token
    while True:
        page, token = history.pipeline_runs(
            Query(query.filters, text=query.text, order=query.order, limit=query.limit, token=token)
        )
        found += [kept.run.run_id for kept in page]
        if token is None:
            return found


runs_of = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from([Status.SUCCEEDED, Status.IN_PROGRESS]), st.integers(0, 3)),
    max_size=25,
)
orders = st.lists(
    st.tuples(st.sampled_from(["started", "ended", "pipeline", "status"]), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry[0],
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs_of, orders, st.integers(1, 7))
def test_pages_hold_every_run_once_in_the_order_asked_for(tmp_path, runs, order, limit):
    file = tmp_path / "history.sqlite"
    file.unlink(missing_ok=True)
    history = History(file)
    for number, (pipeline, status, second) in enumerate(runs):
        history.keep(run(number, pipeline=pipeline, status=status, second=second), {}, [])
    found = pages(history, Query(order=order, limit=limit))
    whole = pages(history, Query(order=order, limit=1000))
    history.close()
    assert found == whole
    assert sorted(found) == sorted(f"run-{number}" for number in range(len(runs)))


def test_runs_that_come_meanwhile_shift_no_page(history):
    for number in range(10):
        history.keep(run(number, second=number), {}, [])
    first, token = history.pipeline_runs(Query(limit=4))
    history.keep(run(99, second=99), {}, [])
    second, _ = history.pipeline_runs(Query(limit=4, token=token))
    assert [kept.run.run_id for kept in (*first, *second)] == [f"run-{number}" for number in range(9, 1, -1)]


def test_text_is_looked_for_as_it_is(history):
    for number, name in enumerate(["PL_100%", "PL_100x", "PLx100%"]):
        history.keep(run(number, pipeline=name), {}, [])
    assert pages(history, Query(text="pl_100%")) == ["run-0"]


@pytest.mark.parametrize("token", ["x", "bnVsbA==", "WzEsMiwzLDRd", "W3siYSI6MX0sMV0=", "\udcff"])
def test_a_token_of_no_page_is_refused(history, token):
    with pytest.raises(ServiceError, match="continuationToken"):
        history.pipeline_runs(Query(token=token))


@pytest.mark.parametrize(
    "filters", [[], [Filter("pipeline", ["PL"])], [Filter("status", ["Failed"])]], ids=["all", "pipeline", "status"]
)
def test_a_list_of_any_number_of_runs_is_read_from_an_index_and_sorts_nothing(history, filters):
    seen: list[str] = []
    history._database.set_trace_callback(seen.append)
    history.pipeline_runs(Query(filters=filters))
    history._database.set_trace_callback(None)
    steps = [row["detail"] for row in history._database.execute(f"explain query plan {seen[-1]}")]
    assert any("INDEX" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


def test_activities_come_back_as_they_were_with_their_containers(history):
    kept = run(1)
    loop = ActivityRun("Each", "ForEach", "a-1", "PL", kept.run_id, Status.SUCCEEDED, START, START, input={"n": 1})
    inner = ActivityRun(
        "In", "Wait", "a-2", "PL", kept.run_id, Status.FAILED, START, START, error={"message": "\ud800"}, container=loop
    )
    inner.scope, inner.retry_attempt, inner.retried = "Each[0]", 2, True
    history.keep(kept, {}, enumerate([loop, inner]))
    assert history.activity_runs(kept.run_id) == [loop, inner]


def test_a_file_that_is_no_history_is_named(tmp_path):
    (tmp_path / "history.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ServerError, match=r"history\.sqlite"):
        History(tmp_path / "history.sqlite")


def test_a_history_of_a_later_version_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "history.sqlite") as database:
        database.execute("pragma user_version = 99")
    with pytest.raises(ServerError, match="later version"):
        History(tmp_path / "history.sqlite")
