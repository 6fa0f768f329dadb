"""Tasks run at the same time; one that fails or hangs is no harm to the others."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Event, Lock

from ingestion.platform.threads import completed, gather

LATE = TimeoutError("late")


def test_results_and_errors_come_in_the_tasks_order() -> None:
    def fail() -> int:
        raise ValueError("two")

    results, errors = gather({1: lambda: 10, 2: fail, 3: lambda: 30}, workers=3, seconds=240, late=LATE)
    assert list(results.items()) == [(1, 10), (3, 30)]
    assert [(key, str(error)) for key, error in errors.items()] == [(2, "two")]


def test_five_tasks_run_at_the_same_time() -> None:
    barrier = Barrier(5, timeout=240)
    results, errors = gather(dict.fromkeys(range(5), barrier.wait), workers=5, seconds=240, late=LATE)
    assert (sorted(results.values()), errors) == ([0, 1, 2, 3, 4], {})


def test_no_more_run_at_once_than_there_are_workers() -> None:
    lock, together, running, most = Lock(), Barrier(4, timeout=240), [0], [0]

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait()
        with lock:
            running[0] -= 1

    results, _ = gather(dict.fromkeys(range(40), work), workers=4, seconds=240, late=LATE)
    assert (len(results), most[0]) == (40, 4)


def test_a_task_that_hangs_is_late_and_those_behind_it_are_not_started() -> None:
    release, started = Event(), []
    results, errors = gather(
        {"quick": lambda: 1, "hangs": release.wait, "behind": lambda: started.append(1)},
        workers=1,
        seconds=2,
        late=LATE,
    )
    release.set()
    time.sleep(0.05)
    assert (results, errors, started) == ({"quick": 1}, {"hangs": LATE, "behind": LATE}, [])


def test_a_task_that_hangs_does_not_keep_the_program_from_ending() -> None:
    package = Path(__file__).resolve().parents[3] / "notebooks"
    program = (
        "import time; from ingestion.platform.threads import gather; "
        "print(gather({1: lambda: time.sleep(600)}, workers=1, seconds=0.1, late=TimeoutError())[1])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=package, capture_output=True, text=True, timeout=240, check=True
    )
    assert "TimeoutError" in ended.stdout


def test_what_has_ended_is_told_while_others_run() -> None:
    release = Event()
    ended = completed({"waits": lambda: release.wait(60), "quick": lambda: 1}, workers=2, seconds=60, late=LATE)
    first, _ = next(ended)
    release.set()
    assert (first, [key for key, _ in ended]) == ("quick", ["waits"])
