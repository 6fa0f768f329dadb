"""All cases at once: writers in threads by the real clock, and the notebook in processes of its own that get SIGKILL.

What a killed process had asked of Spark is cancelled, as a workspace does it, or goes on: its commits then come late,
beside those of the next run. At times two runs go on at once. A seed gives the instants, but not how the threads meet:
what a storm finds, a course has to find again.
"""

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen

from fakes.workspace import Settings
from local_factory.cluster.spark import Cluster
from soak.cases import Case
from soak.course import LoadFailedError, Notebook, Outcome, compare, settings_of
from soak.servers import PostgresTables, serving
from soak.writers import Writer

_REPOSITORY = Path(__file__).resolve().parents[2]
_WRITERS = 4
# Of each writer. All cases at once are some minutes of work for two cores; faster writers would outrun them.
_SECONDS_BETWEEN_STEPS = 0.25
_SECONDS_OF_A_RUN = 900


def rage(
    cases: Sequence[Case],
    seed: int,
    cluster: Cluster,
    servers: Mapping[str, PostgresTables],
    folder: Path,
    *,
    kills: int,
    tell: Callable[[str], None] = lambda _text: None,
) -> list[Outcome]:
    """Let writers and killed runs go on until there were so many kills; then a quiet run, and the comparison.

    Raises:
        LoadFailedError: a feed failed in a run that nobody killed.
    """
    chance = random.Random(seed)
    runs = killed = 0
    with ExitStack() as stack:
        servers = {**servers, "api": stack.enter_context(serving(servers["postgres"]))}
        for case in cases:
            servers[case.server].make_table(case)
        processes = _Processes(cluster, folder, settings_of(servers.values(), folder, cases))
        stack.callback(processes.end)
        with _writing(cases, chance, servers) as writers:
            started = time.monotonic()
            processes.finish(processes.start())
            whole = time.monotonic() - started
            runs += 1
            while killed < kills:
                running = [processes.start() for _ in range(2 if chance.random() < 0.2 else 1)]
                runs += len(running)
                time.sleep(chance.uniform(0, whole))
                killed += processes.kill(running.pop(), cancels_jobs=chance.random() < 0.5)
                for other in running:
                    processes.finish(other)
                if chance.random() < 0.3:
                    runs += 1
                    processes.finish(processes.start())
                tell(f"{killed} of {kills} kills, {sum(writer.steps for writer in writers)} steps")
        last = Notebook(cluster.session, servers.values(), folder, cases).run()
        return [
            Outcome(
                case.name,
                seed,
                sum(writer.steps for writer in writers) // len(cases),
                runs + 1,
                killed,
                compare(case, servers[case.server], cluster.session, folder / "lake", last),
            )
            for case in cases
        ]


@contextmanager
def _writing(
    cases: Sequence[Case], chance: random.Random, servers: Mapping[str, PostgresTables]
) -> Iterator[list[Writer]]:
    """Let writers go on, each in a thread, until the context ends; what they have open then is committed."""
    stopped = threading.Event()
    failures: list[BaseException] = []

    def go_on(writer: Writer) -> None:
        try:
            while not stopped.wait(_SECONDS_BETWEEN_STEPS):
                writer.step()
            writer.settle()
        except BaseException as error:  # noqa: BLE001 - told in the thread that waits
            failures.append(error)

    with ExitStack() as stack:
        writers = [
            Writer(
                stack.enter_context(closing(server.connect())),
                number,
                _WRITERS,
                own,
                random.Random(chance.random()),
                _now,
            )
            for server in servers.values()
            if (own := [case for case in cases if case.server == server.name])
            for number in range(_WRITERS)
        ]
        threads = [threading.Thread(target=go_on, args=[writer], daemon=True) for writer in writers]
        for thread in threads:
            thread.start()
        try:
            yield writers
        finally:
            stopped.set()
            for thread in threads:
                thread.join()
        if failures:
            raise failures[0]


def _now() -> datetime:
    """Return the time as the database's own clock has it: the same machine's, in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class _Processes:
    """Runs of the notebook, each in a process of its own on the one Spark; the next one starts up meanwhile."""

    def __init__(self, cluster: Cluster, folder: Path, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = json.dumps(asdict(settings))
        self._number = 0
        self._errors = (folder / "processes.log").open("ab")
        self._groups: dict[int, str] = {}
        self._waiting: list[Popen[str]] = []

    def start(self) -> Popen[str]:
        """Let a process load from now on."""
        while len(self._waiting) < 2:
            self._waiting.append(self._prepare())
        process = self._waiting.pop(0)
        _read(process, "ready\n")
        _write(process, "go\n")
        return process

    def finish(self, process: Popen[str]) -> None:
        """Wait until a process has loaded.

        Raises:
            LoadFailedError: a feed failed.
        """
        output, _ = process.communicate(timeout=_SECONDS_OF_A_RUN)
        results = [line for line in output.splitlines() if line.startswith('{"status"')]
        if not results:
            raise LoadFailedError(f"the notebook's process ended with {process.returncode}: {output[-2000:]}")
        result = json.loads(results[-1])
        if result["status"] != "Succeeded":
            raise LoadFailedError(result["message"])

    def kill(self, process: Popen[str], *, cancels_jobs: bool) -> bool:
        """Send a process SIGKILL; say whether it was still loading."""
        was_loading = process.poll() is None
        process.kill()
        process.communicate()
        if cancels_jobs:
            self._cluster.cancel(self._groups[process.pid])
        return was_loading

    def end(self) -> None:
        """End what waits."""
        for process in self._waiting:
            process.kill()
            process.communicate()
        self._errors.close()

    def _prepare(self) -> Popen[str]:
        self._number += 1
        group = f"soak-{self._number}"
        environment = os.environ | {
            "GATEWAY": json.dumps(asdict(self._cluster.gateway)),
            "PYTHONPATH": os.pathsep.join(str(_REPOSITORY / folder) for folder in ("scripts", "notebooks", "tests")),
        }
        command = [sys.executable, "-m", "soak.notebook_process", group]
        process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=self._errors, env=environment, text=True)
        self._groups[process.pid] = group
        _write(process, self._settings + "\n")
        return process


def _write(process: Popen[str], text: str) -> None:
    assert process.stdin
    process.stdin.write(text)
    process.stdin.flush()


def _read(process: Popen[str], expected: str) -> None:
    assert process.stdout
    line = process.stdout.readline()
    if line != expected:
        raise LoadFailedError(f"the notebook's process says {line!r} where {expected!r} was expected")
