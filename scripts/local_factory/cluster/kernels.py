"""The processes of notebook runs, the expected ones started ahead of need: each takes a second until it is ready.

A process serves one run. It starts with the variables of its cluster; what only the run may know, its secrets among
that, comes with the run's request.
"""

import json
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process, create_subprocess_exec
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from local_factory.cluster.jvm import Gateway
from local_factory.cluster.kernel import KernelRequest, kernel_command, kernel_environment

_LINE_LIMIT = 64 * 1024 * 1024
_MOST_WAITING = os.cpu_count() or 1

Variables = Mapping[str, str]


class Kernels:
    """Gives each notebook run its process.

    Args:
        expected: the variables of the cluster of every notebook run that is expected, in that order.
    """

    def __init__(self, expected: Sequence[Variables] = ()) -> None:
        self._expected = list(expected)
        self._waiting: list[tuple[Variables, Process]] = []
        self._gateway: Gateway | None = None

    async def start_expected(self) -> None:
        """Start the next expected processes, not more than there are cores."""
        while self._expected and len(self._waiting) < _MOST_WAITING:
            variables = self._expected.pop(0)
            self._waiting.append((variables, await self._start(variables)))

    def attach(self, gateway: Gateway) -> None:
        """Let the waiting processes, and all to come, attach to a JVM."""
        self._gateway = gateway
        for _, process in self._waiting:
            _send(process, gateway)

    async def run(self, request: KernelRequest, variables: Variables) -> AsyncGenerator[str, None]:
        """Run a notebook and yield what it prints, line by line; end its process when nobody reads on.

        Args:
            request: what to run.
            variables: those of the notebook's cluster.
        """
        process = await self._take(variables)
        try:
            _send(process, request)
            if process.stdin and process.stdout:
                process.stdin.close()
                async for line in process.stdout:
                    yield line.decode(errors="replace")
            status = await process.wait()
            if status < 0:
                yield f"The notebook's process was ended by signal {-status} ({signal.Signals(-status).name}).\n"
        finally:
            await _end(process)

    async def close(self) -> None:
        """End the processes that no run took."""
        while self._waiting:
            await _end(self._waiting.pop()[1])

    async def _take(self, variables: Variables) -> Process:
        """Return a waiting process of such a cluster, or else a new one; start the next that is expected."""
        for number, (those, process) in enumerate(self._waiting):
            if those == variables and process.returncode is None:
                del self._waiting[number]
                break
        else:
            process = await self._start(variables)
        await self.start_expected()
        return process

    async def _start(self, variables: Variables) -> Process:
        process = await create_subprocess_exec(
            *kernel_command(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            # What this machine sets for a run wins over the linked service, as `TABLE_FORMAT=delta` in README.md.
            env={**variables, **os.environ, **kernel_environment()},
            start_new_session=True,
            limit=_LINE_LIMIT,
        )
        if self._gateway:
            _send(process, self._gateway)
        return process


def _send(process: Process, message: Gateway | KernelRequest) -> None:
    if process.stdin:
        process.stdin.write(json.dumps(asdict(message)).encode() + b"\n")


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it has just ended by itself
            # The whole group: a notebook may have started processes of its own.
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
