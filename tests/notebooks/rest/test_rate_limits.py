"""An API is asked as fast as it allows, by its configuration and by what its answers say."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fakes.faulty_http import FaultyServer, json_answer
from ingestion.feeds.model import RateLimit, RestSource
from ingestion.rest.client import ApiClient, RetryPolicy
from ingestion.rest.rate_limits import RateLimiter, reset_after

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def limiter(self, limit: RateLimit | None) -> RateLimiter:
        return RateLimiter(limit, longest=300, clock=lambda: NOW, sleep=self.sleep, monotonic=lambda: self.now)


@given(st.integers(1, 10), st.floats(0.1, 60), st.lists(st.floats(0, 20), max_size=60))
def test_no_window_holds_more_requests_than_allowed(requests: int, seconds: float, pauses: list[float]) -> None:
    time, starts = Time(), []
    limiter = time.limiter(RateLimit(requests, seconds))
    for pause in pauses:
        time.now += pause
        limiter.wait()
        starts.append(time.now)
    for first, later in zip(starts, starts[requests:], strict=False):
        assert later - first >= seconds * 0.999999


def test_requests_within_the_limit_do_not_wait() -> None:
    time = Time()
    limiter = time.limiter(RateLimit(10, 1))
    for _ in range(10):
        limiter.wait()
    assert time.now == 0
    limiter.wait()
    assert time.now == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 40)}, 40),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOW.timestamp() * 1000) + 5000)}, 5),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": format_datetime(NOW + timedelta(seconds=9), usegmt=True)}, 9),
        ({"RateLimit": "limit=10, remaining=0, reset=7"}, 7),
        ({"RateLimit": '"default";r=0;t=8'}, 8),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW.timestamp()) - 40)}, 0),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "30"}, None),
        ({"RateLimit-Remaining": "0"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "soon"}, None),
        ({"RateLimit": "odd"}, None),
        ({}, None),
    ],
)
def test_a_limit_that_is_used_up_says_when_it_ends(headers: Mapping[str, str], seconds: float | None) -> None:
    found = reset_after(requests.structures.CaseInsensitiveDict(headers), lambda: NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))


def client(server: FaultyServer, naps: list[float], **source: Any) -> ApiClient:
    return ApiClient(
        RestSource(type="rest", url=server.url, **source),
        requests.Session(),
        str,
        retries=RetryPolicy(),
        clock=lambda: NOW,
        sleep=naps.append,
    )


def test_after_the_last_request_of_a_limit_the_next_one_waits(server: FaultyServer) -> None:
    naps: list[float] = []
    api = client(server, naps)
    used_up = json_answer([], X_RateLimit_Remaining="0", X_RateLimit_Reset="30")
    server.answer("/x", used_up, json_answer([]))
    api.get(server.url + "/x")
    assert naps == []
    api.get(server.url + "/x")
    assert naps == [pytest.approx(30, abs=5)]


@pytest.mark.parametrize("status", [429, 403])
def test_a_refusal_for_the_limit_is_tried_again_when_it_ends(status: int, server: FaultyServer) -> None:
    naps: list[float] = []
    refused = json_answer({"message": "slow down"}, status, X_RateLimit_Remaining="0", X_RateLimit_Reset="20")
    server.answer("/x", refused, json_answer([{"id": 1}]))
    assert client(server, naps).get(server.url + "/x").value == [{"id": 1}]
    assert naps[0] == pytest.approx(20, abs=5)


def test_a_403_that_speaks_of_no_limit_is_final(server: FaultyServer) -> None:
    naps: list[float] = []
    server.answer("/x", json_answer({"message": "Monthly limit"}, 403), json_answer([]))
    with pytest.raises(Exception, match="status 403: Monthly limit"):
        client(server, naps).get(server.url + "/x")
    assert len(server.requests) == 1


def test_the_sources_own_limit_holds(server: FaultyServer) -> None:
    naps: list[float] = []
    api = client(server, naps, rate_limit=RateLimit(2, 100))
    server.answer("/x", json_answer([]))
    for _ in range(3):
        api.get(server.url + "/x")
    assert len(naps) == 1
    assert 90 < naps[0] <= 100
