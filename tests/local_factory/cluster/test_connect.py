"""Spark Connect on this machine: who lacks its packages is told, who does not know the word is not let in."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local_factory.cluster import connect
from local_factory.cluster.spark import Cluster
from local_factory.errors import ArgumentError


@pytest.fixture
def clients_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be a client for one test only."""
    for name in ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE"):
        monkeypatch.setenv(name, "")
    yield
    monkeypatch.undo()


def test_the_packages_that_a_client_needs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    connect.check_installed()
    monkeypatch.setattr(connect, "find_spec", lambda name: None if name.startswith("grpc") else sys)
    with pytest.raises(ArgumentError, match=r"--connect: .* grpcio, grpcio-status\. `make run ARGS=--connect`"):
        connect.check_installed()


@pytest.mark.usefixtures("clients_variables")
def test_a_client_without_the_word_is_refused(spark_cluster: Cluster) -> None:
    stranger = connect.open_session(replace(spark_cluster.gateway, secret="guessed"), "run")
    try:
        with pytest.raises(Exception, match="Invalid authentication token"):
            stranger.range(1).count()
    finally:
        stranger.stop()  # or it stays the session of this process
