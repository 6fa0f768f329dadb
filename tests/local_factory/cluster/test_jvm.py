"""Spark's Java process: it is gone when nobody needs it, and says so when it cannot start."""

import os
from pathlib import Path

import pytest

from local_factory.cluster.jvm import Gateway, JvmError, start_jvm
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


def test_the_word_that_lets_python_in_is_not_shown() -> None:
    assert "word" not in repr(Gateway(1, "word"))


def test_the_rows_of_a_folder_are_those_that_its_footers_tell(cluster: Cluster, tmp_path: Path) -> None:
    cluster.session.range(601).repartition(3).write.parquet(str(tmp_path / "table"))
    (tmp_path / "table" / "_note.parquet").write_bytes(b"hidden, and no Parquet")
    assert cluster.count_rows(tmp_path / "table") == 601
