"""Processes of notebook runs that are started before the run is there."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from local_factory.cluster.kernel import KernelRequest
from local_factory.cluster.kernels import Kernels
from local_factory.cluster.spark import Cluster

SECRET = "s3cret-Wörd"


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[[str], KernelRequest]:
    """Return a function that makes a request to run a notebook of one cell."""
    notebook = tmp_path / "main.py"

    def make(cell: str, **environment: str) -> KernelRequest:
        notebook.write_text(f"# Databricks notebook source\n{cell}\n", encoding="utf-8")
        return KernelRequest(str(notebook), str(tmp_path), {}, "run-1", str(tmp_path / "result.json"), environment)

    return make


async def output(kernels: Kernels, request: KernelRequest, **variables: str) -> str:
    return "".join([line async for line in kernels.run(request, variables)])


def processes() -> set[int]:
    """Return the processes of notebooks that this one has."""
    mine = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except OSError:  # it has just ended
            continue
        if parent == os.getpid() and "local_factory.cluster.kernel" in command:
            mine.add(int(folder.name))
    return mine


def run_with(kernels: Kernels, cluster: Cluster, do: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await kernels.start_expected()
        kernels.attach(cluster.gateway)
        try:
            await do()
        finally:
            await kernels.close()

    asyncio.run(run())
    assert processes() == set()


def test_an_expected_run_gets_the_process_that_waits_and_the_next_gets_another(
    cluster: Cluster, request_of: Callable[..., KernelRequest]
) -> None:
    kernels = Kernels([{"STAGE": "dev"}])

    async def do() -> None:
        (waiting,) = processes()
        show = request_of("import os\nprint(os.getpid(), os.environ['STAGE'])")
        assert await output(kernels, show, STAGE="dev") == f"{waiting} dev\n"
        assert not (await output(kernels, show, STAGE="dev")).startswith(str(waiting))

    run_with(kernels, cluster, do)


def test_a_run_on_another_cluster_does_not_get_the_process_that_waits(
    cluster: Cluster, request_of: Callable[..., KernelRequest]
) -> None:
    kernels = Kernels([{"STAGE": "dev"}])

    async def do() -> None:
        waiting = processes()
        show = request_of("import os\nprint(os.environ['STAGE'])")
        assert await output(kernels, show, STAGE="prod") == "prod\n"
        assert processes() == waiting

    run_with(kernels, cluster, do)


def test_a_process_that_died_while_it_waited_is_not_given_to_a_run(
    cluster: Cluster, request_of: Callable[..., KernelRequest]
) -> None:
    kernels = Kernels([{}])

    async def do() -> None:
        (waiting,) = processes()
        os.kill(waiting, 9)
        while Path(f"/proc/{waiting}").exists():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert await output(kernels, request_of("print('alive')")) == "alive\n"

    run_with(kernels, cluster, do)


def test_what_this_machine_sets_wins_over_the_linked_service_and_is_asked_without_a_proxy(
    cluster: Cluster, request_of: Callable[..., KernelRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_FORMAT", "delta")
    monkeypatch.setenv("no_proxy", "intranet")
    kernels = Kernels()

    async def do() -> None:
        show = request_of("import os\nprint(*(os.environ[n] for n in ('TABLE_FORMAT', 'STAGE', 'NO_PROXY')))")
        shown = await output(kernels, show, TABLE_FORMAT="parquet", STAGE="dev")
        assert shown == "delta dev intranet,127.0.0.1,localhost,::1\n"

    run_with(kernels, cluster, do)


def test_what_only_the_run_may_know_is_not_in_a_waiting_process(
    cluster: Cluster, request_of: Callable[..., KernelRequest]
) -> None:
    kernels = Kernels([{}])

    async def do() -> None:
        show = request_of(
            "import os, subprocess\n"
            "secret = os.environ['SECRET_APP_TOKEN']\n"
            "print(secret in open('/proc/self/environ').read())\n"
            "print(subprocess.check_output(['printenv', 'SECRET_APP_TOKEN'], text=True).strip() == secret)",
            SECRET_APP_TOKEN=SECRET,
        )
        assert await output(kernels, show) == "False\nTrue\n"

    run_with(kernels, cluster, do)


def test_not_more_processes_wait_than_there_are_cores(cluster: Cluster) -> None:
    kernels = Kernels([{}] * 50)

    async def do() -> None:
        assert len(processes()) == os.cpu_count()

    run_with(kernels, cluster, do)
