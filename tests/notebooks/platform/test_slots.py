"""Connections to one address, over all processes: never more than so many, and none held by the dead."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingestion.platform.slots import Slots

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
HOLDER = """
import sys
from pathlib import Path
from ingestion.platform.slots import Slots
with Slots("jdbc:x", 3, Path(sys.argv[1])).hold(int(sys.argv[2])) as held:
    print(held, flush=True)
    sys.stdin.readline()
"""
Hold = Callable[[int], "subprocess.Popen[str]"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Return a function that starts a process which takes connections until a line comes, and prints how many."""
    with ExitStack() as started:

        def start(wanted: int) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(tmp_path), str(wanted)],
                env={"PYTHONPATH": str(NOTEBOOKS)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        yield start


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_two_processes_share_the_connections_of_an_address(hold: Hold, tmp_path: Path) -> None:
    assert said(hold(2)) == "2"
    with Slots("jdbc:x", 3, tmp_path).hold(3) as held:
        assert held == 1
        with Slots("jdbc:other", 3, tmp_path).hold(3) as others:
            assert others == 3


def test_a_dead_process_gives_its_connections_back(hold: Hold) -> None:
    first = hold(3)
    assert said(first) == "3"
    waiting = hold(3)
    first.kill()
    assert int(said(waiting)) >= 1


def test_one_that_waits_goes_on_when_another_is_done(hold: Hold) -> None:
    first = hold(3)
    assert said(first) == "3"
    waiting = hold(1)
    assert waiting.poll() is None
    assert first.stdin
    first.stdin.write("\n")
    first.stdin.flush()
    assert said(waiting) == "1"
