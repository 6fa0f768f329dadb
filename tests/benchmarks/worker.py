"""Processes of their own for contenders: started once, kept warm, timed from inside, their memory read from outside."""

import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.harness import BenchmarkError, Run

Prepare = Callable[[Path], AbstractContextManager[Any]]
_END_SECONDS = 60
_REASON = 300  # characters of an error that are told; its log has all of it


class WorkerError(BenchmarkError):
    """What was sent to a worker failed there, or the worker is gone; names its log."""


def nothing(_folder: Path) -> AbstractContextManager[None]:
    """Prepare nothing: what runs there brings all it needs."""
    return nullcontext()


class Worker:
    """A process that makes something ready once, and then runs functions with it. It starts when it is first used.

    After a failure it is ended, and started anew by the next use: a JVM out of memory is of no use to anyone.

    Args:
        name: of its log file.
        prepare: given a folder, returns a context manager of what every function gets as its first argument.
        folder: for the log, and for what is made ready.
    """

    def __init__(self, name: str, prepare: Prepare, folder: Path) -> None:
        self._prepare = prepare
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.end()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function there, and return what it returns.

        Raises:
            WorkerError: it failed.
        """
        return self._do(function, arguments)[0]

    def run(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, Run]:
        """Run a function there, and return what it returns, its seconds and the memory of the processes there.

        The memory is the sum of the peaks of the process and of those it started, as the kernel counts pages in memory
        (VmHWM of /proc/PID/status, set back before the run): None on other systems than Linux.

        Raises:
            WorkerError: it failed.
        """
        self._start()
        processes = _family(self._process.pid) if self._process and self._process.pid else []
        for process in processes:
            _reset_peak(process)
        outcome, seconds = self._do(function, arguments)
        peaks = [_peak(process) for process in processes]
        memory = sum(peak for peak in peaks if peak) or None
        return outcome, Run(seconds, memory)

    def end(self) -> None:
        """End the process, if it runs."""
        if self._process is None or self._pipe is None:
            return
        self._pipe.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
        pipe = self._start()
        try:
            pipe.send((function, arguments))
            outcome, seconds, error = pipe.recv()
        except (EOFError, OSError) as gone:
            self.end()
            raise WorkerError(f"{function.__name__}: its process is gone; see {self._log}") from gone
        if error is not None:
            self.end()
            raise WorkerError(f"{function.__name__}: {error}; see {self._log}")
        return outcome, seconds

    def _start(self) -> Connection:
        if self._pipe is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            context = multiprocessing.get_context("spawn")
            self._pipe, there = context.Pipe()
            self._process = context.Process(target=_serve, args=(there, self._prepare, self._folder, self._log))
            self._process.start()
            there.close()
            self.call(_ready)
        return self._pipe


def _ready(_prepared: Any) -> None:
    """Come back when all is prepared: that is no part of the first measurement."""


def _serve(pipe: Connection, prepare: Prepare, folder: Path, log: Path) -> None:
    """Be the process: run what comes through the pipe until it is closed."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    with prepare(folder) as prepared:
        while True:
            try:
                function, arguments = pipe.recv()
            except EOFError:
                return
            started = time.perf_counter()
            try:
                outcome = function(prepared, *arguments)
            except Exception as error:  # noqa: BLE001 - handed to the one who asked
                traceback.print_exc()
                reason = "".join(traceback.format_exception_only(error)).strip().splitlines()[0][:_REASON]
                pipe.send((None, 0.0, reason))
            else:
                pipe.send((outcome, time.perf_counter() - started, None))


def _family(process: int) -> list[int]:
    """Return a process and all that it started, and they in turn."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The second field, the program's name, stands in parentheses and may hold anything.
            parent = int(status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(status.parent.name))
    family = [process]
    for member in family:
        family += children.get(member, [])
    return family


def _reset_peak(process: int) -> None:
    file = Path(f"/proc/{process}/clear_refs")
    if file.exists():
        file.write_text("5", encoding="ascii")


def _peak(process: int) -> int | None:
    """Return the most memory that a process had since its peak was set back, in bytes."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes[0]) * 1024 if kilobytes else None
