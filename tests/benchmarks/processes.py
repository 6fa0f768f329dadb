"""What this process and all below it use of the machine: Linux's /proc."""

import os
from collections.abc import Iterator
from pathlib import Path


def processor_seconds() -> float:
    """Return what this process and all below it have used of the processors: Spark, its workers and the databases.

    Unlike the time on the clock it hardly grows when other work has the machine.
    """
    # utime, stime, and those of children that have ended: fields 14 to 17 of proc(5)
    ticks = [read(process / "stat").rpartition(b")")[2].split()[11:15] for process in family()]
    return sum(int(tick) for four in ticks for tick in four) / os.sysconf("SC_CLK_TCK")


def family() -> Iterator[Path]:
    """Yield this process and all below it."""
    parents = {int(path.name): parent_of(path) for path in Path("/proc").glob("[0-9]*")}
    for process in parents:
        ancestor: int | None = process
        while ancestor in parents and ancestor != os.getpid():
            ancestor = parents[ancestor]
        if ancestor == os.getpid():
            yield Path(f"/proc/{process}")


def parent_of(process: Path) -> int | None:
    """Return the number of a process's parent, None when it has just ended."""
    status = read(process / "stat").rpartition(b")")[2].split()
    return int(status[1]) if status else None


def read(path: Path) -> bytes:
    """Return a file of /proc, empty when its process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
