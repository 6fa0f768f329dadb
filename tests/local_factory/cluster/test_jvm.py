"""Spark's Java process: it is gone when nobody needs it, and says so when it cannot start."""

import os
import pwd
from pathlib import Path

import pytest
from py4j.protocol import Py4JNetworkError

from local_factory.cluster.jvm import Gateway, JvmError, java_errors, start_jvm
from local_factory.cluster.spark import Cluster


def test_a_process_that_nobody_waited_for_is_ended() -> None:
    with start_jvm() as jvm:
        pid = jvm.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_option_that_java_refuses_is_an_error_and_its_reason_is_in_the_log(tmp_path: Path) -> None:
    with start_jvm(options=["-Xmx1"]) as jvm:
        jvm.log_to(tmp_path / "spark.log", str)
        with pytest.raises(JvmError, match=r"ended with status 1; spark\.log"):
            jvm.gateway()
    assert "Too small maximum heap" in (tmp_path / "spark.log").read_text()


def test_a_user_without_a_name_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with (
        pytest.raises(JvmError, match=rf"^The user with the number {os.getuid()} has no name here.*/etc/passwd"),
        start_jvm(),
    ):
        pass


def test_what_goes_wrong_in_java_is_told_in_javas_words(cluster: Cluster) -> None:
    with (
        pytest.raises(JvmError, match=r"^Spark's Java process fails: java\.sql\.SQLException: No suitable driver"),
        java_errors(),
    ):
        cluster.session._jvm.java.sql.DriverManager.getConnection("jdbc:nothing:")


def test_a_bridge_to_java_that_is_broken_is_told_in_one_line() -> None:
    with (
        pytest.raises(JvmError, match=r"^Spark's Java process cannot be used: answer from Java side is empty$"),
        java_errors(),
    ):
        raise Py4JNetworkError("answer from Java side\nis empty")


@pytest.mark.parametrize("name", ["my data", "100% [é] #1+2=3", "day=0"])
def test_rows_are_counted_in_a_folder_of_any_name(cluster: Cluster, tmp_path: Path, name: str) -> None:
    cluster.session.range(7).coalesce(1).write.parquet(str(tmp_path / "plain"))
    folder = (tmp_path / "plain").rename(tmp_path / name)
    assert cluster.count_rows(folder) == 7


def test_the_word_that_lets_python_in_is_not_shown() -> None:
    assert "word" not in repr(Gateway(1, "word"))


def test_the_rows_of_a_folder_are_those_that_its_footers_tell(cluster: Cluster, tmp_path: Path) -> None:
    cluster.session.range(601).repartition(3).write.parquet(str(tmp_path / "table"))
    (tmp_path / "table" / "_note.parquet").write_bytes(b"hidden, and no Parquet")
    assert cluster.count_rows(tmp_path / "table") == 601
