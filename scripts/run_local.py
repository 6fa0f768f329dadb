"""Runs the factory's pipelines on this machine: the very files that run in Azure, on stand-ins for Azure.

Exit status: 0 every run Succeeded; 1 a run Failed or was cancelled; 2 the bundle or the arguments are wrong.
"""

import sys
from types import TracebackType


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("Cancelled before anything was run.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":  # for Ctrl-C while the rest is imported
    sys.excepthook = _without_traceback

import argparse
import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bundle.command_line import CommandParser, details, first_words, folder, is_of_the_system, missing
from bundle.layout import bundle_folder

if TYPE_CHECKING:
    from rich.console import Console

    from bundle.bundle import Bundle
    from local_factory.cluster.jvm import Jvm
    from local_factory.data.stand_ins import StandIns
    from local_factory.local_run import PipelineRequest, RunResult
    from local_factory.session import Session, Settings
    from local_factory.stubs import Stubs
    from local_factory.watching import Fire

    Clusters = Sequence[Mapping[str, str]]

_DEFAULT_PIPELINES = ("PL_Ingest_Country_Data", "PL_Process_Customer_Data")
_SUCCEEDED, _FAILED, _WRONG = 0, 1, 2
_DEFAULT_NEXT = 5
_LAST_PORT = 65_535
_NEW_STUBS = Path("new")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _options(arguments)
    try:
        from bundle.errors import BundleError
        from local_factory.console import error_console
        from local_factory.errors import LocalFactoryError
        from local_factory.java import JavaNotFoundError
        from local_factory.proxies import without_proxy
    except ModuleNotFoundError as error:
        sys.stderr.write(f"run_local.py: {missing(error, 'make run')}\n")
        return _WRONG

    os.environ.update(without_proxy(os.environ))
    console = error_console()
    try:
        return asyncio.run(_serve(options, console) if options.serve else _execute(options, console))
    except Exception as error:  # noqa: BLE001 - told in one line, of whatever kind
        known = (BundleError, LocalFactoryError, JavaNotFoundError)
        console.print(first_words(error, known), style="red", markup=False, soft_wrap=True)
        if options.verbose:
            console.print(_details(options, error), markup=False, highlight=False, soft_wrap=True)
        return _WRONG if isinstance(error, known) or is_of_the_system(error) else _FAILED
    except (asyncio.CancelledError, KeyboardInterrupt):
        console.print("Cancelled before anything was run." if not options.running else "Ended.", soft_wrap=True)
        return _FAILED


def _details(options: argparse.Namespace, error: Exception) -> str:
    """Return where an error came up and its causes, without the secrets that a driver may name in them."""
    from local_factory.cluster.redaction import Redactor, secrets_of

    redactor = Redactor()
    redactor.hide_variables(secrets_of(os.environ))
    redactor.hide_passwords_in([options.sql_url] if options.sql_url else [])
    return redactor.text(details(error))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options; what would be ignored is refused."""
    parser = _parser()
    options = parser.parse_args(arguments)
    of_trigger = {"--watch": options.watch, "--next": options.next, "--event": options.event}
    if not options.trigger and (given := next((option for option, value in of_trigger.items() if value), None)):
        parser.error(f"{given} says what to do with a trigger: name it with --trigger")
    if options.trigger and (options.pipelines or options.param):
        given = "a PIPELINE" if options.pipelines else "--param"
        parser.error(f"--trigger starts its own pipelines with its own parameters: leave out {given}")
    if options.change and options.sql_url:
        parser.error("--change changes the demo database, and --sql-url takes another: leave out one of them")
    if options.change and (options.serve or (options.trigger and not (options.watch or options.event))):
        parser.error("--change changes the demo database before a run, and nothing is run here: leave it out")
    options.running = False
    return options


@dataclass(frozen=True)
class _Replacements:
    """What takes the place of what is not here: stubs for activities, stand-ins for linked services."""

    stubs: "Stubs"
    stand_ins: "StandIns"


async def _execute(options: argparse.Namespace, console: "Console") -> int:
    from bundle.bundle import read_bundle
    from local_factory.activities import load_data_activities
    from local_factory.errors import ArgumentError
    from local_factory.reach import notebook_clusters

    bundle = read_bundle(options.adf, options.notebooks)
    if options.trigger and (options.watch or options.event):
        return await _watch(options, bundle, console)
    if options.trigger:
        return _print_fire_times(options, bundle, console)
    pipelines = list(dict.fromkeys(options.pipelines or _DEFAULT_PIPELINES))
    if options.stubs == _NEW_STUBS:
        return _write_stubs(options, bundle, pipelines, console)
    replacements = _replacements(options, bundle, pipelines)
    clusters = notebook_clusters(bundle, pipelines, replacements.stubs)
    if options.change and not clusters:
        raise ArgumentError(f"--change: nothing that {' or '.join(pipelines)} reaches reads the demo database.")
    with _java(options, clusters) as jvm:  # it starts while the bundle is checked
        requests = _requests(options, bundle, pipelines, replacements)
        if replacements.stand_ins:
            load_data_activities()
        async with _session(options, jvm, clusters, console) as session:
            options.running = True
            result = await _run(session, bundle, requests, replacements, console)
    _print_result(options, console, result)
    return _SUCCEEDED if result.succeeded else _FAILED


async def _serve(options: argparse.Namespace, console: "Console") -> int:
    """Serve the factory over HTTP until it is told to stop."""
    from bundle.bundle import read_bundle
    from local_factory.reach import notebook_clusters
    from local_factory.server.serve import Served, serve

    bundle = read_bundle(options.adf, options.notebooks)
    for error in bundle.unreadable.values():
        raise error
    replacements = _replacements(options, bundle, bundle.names("pipeline"))
    served = Served(
        options.adf,
        options.notebooks,
        options.workdir,
        options.port,
        stubs=replacements.stubs,
        stand_ins=replacements.stand_ins,
        runs_notebooks=bool(notebook_clusters(bundle, bundle.names("pipeline"), replacements.stubs)),
    )

    def announce(address: str) -> None:
        print(f"Local factory: {address}", flush=True)

    def warn(message: str) -> None:
        console.print(message, style="yellow", markup=False, soft_wrap=True)

    await serve(served, lambda: _served_session(options), announce, warn)
    return _SUCCEEDED


@asynccontextmanager
async def _served_session(options: argparse.Namespace) -> "AsyncIterator[Session]":
    """Open a session for whatever notebooks will be run."""
    from local_factory.cluster.jvm import start_jvm
    from local_factory.session import open_session

    with start_jvm(options.jar, options.java_option) as jvm:
        async with open_session(_settings(options), jvm) as session:
            yield session


def _java(options: argparse.Namespace, clusters: "Clusters") -> "AbstractContextManager[Jvm | None]":
    """Start Spark's Java process if a notebook may run."""
    from local_factory.cluster.connect import check_installed
    from local_factory.cluster.jvm import start_jvm
    from local_factory.data.java_databases import use_jars

    if options.connect:
        check_installed()
    use_jars(options.jar)  # for a database that is read without a notebook
    return start_jvm(options.jar, options.java_option) if clusters else nullcontext()


def _replacements(options: argparse.Namespace, bundle: "Bundle", pipelines: Sequence[str]) -> _Replacements:
    from local_factory.data.stand_ins import read_stand_ins
    from local_factory.startup_checks import unsupported_activities
    from local_factory.stubs import read_stubs

    stubs = read_stubs(options.stubs or {}, bundle)
    if options.stub_unsupported:
        stubs = stubs.with_empty_output(unsupported_activities(bundle, pipelines, stubs))
    return _Replacements(stubs, read_stand_ins(options.linked_services or {}, bundle))


def _write_stubs(options: argparse.Namespace, bundle: "Bundle", pipelines: Sequence[str], console: "Console") -> int:
    """Write a file of stubs for what the pipelines reach and cannot run, and print it too."""
    from local_factory.data.stand_ins import read_stand_ins
    from local_factory.errors import ArgumentError
    from local_factory.startup_checks import lacks
    from local_factory.stub_template import stub_template

    if unknown := [name for name in pipelines if name not in bundle.names("pipeline")]:
        raise ArgumentError(f"{unknown[0]}: no such pipeline. The factory has: {', '.join(bundle.names('pipeline'))}.")
    lacking = list(lacks(bundle, pipelines, None, read_stand_ins(options.linked_services or {}, bundle)))
    if not lacking:
        console.print("Every activity that these pipelines reach runs here: no stub is needed.", soft_wrap=True)
        return _SUCCEEDED
    file = Path(f"{pipelines[0]}.stubs.toml")
    text = stub_template(lacking)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ArgumentError(f"{file}: is there already. Remove it, or go on with it: --stubs {file}") from None
    print(text, end="")
    console.print(f"Written to {file}. Fill it in, then: --stubs {file}", markup=False, soft_wrap=True)
    return _SUCCEEDED


def _requests(
    options: argparse.Namespace, bundle: "Bundle", pipelines: Sequence[str], replacements: _Replacements
) -> "list[PipelineRequest]":
    from local_factory.invocation import Invocation
    from local_factory.local_run import PipelineRequest
    from local_factory.parameters import read_arguments
    from local_factory.startup_checks import check_runnable

    check_runnable(bundle, pipelines, replacements.stubs, replacements.stand_ins)
    given = read_arguments(options.param, {name: _pipeline_parameters(bundle, name) for name in pipelines})
    return [PipelineRequest(name, given[name], Invocation.manual()) for name in pipelines]


async def _watch(options: argparse.Namespace, bundle: "Bundle", console: "Console") -> int:
    """Run what a trigger fires until interrupted, or for one event; runs beyond their concurrency wait."""
    from rich.console import Console

    from local_factory.parameters import resolve
    from local_factory.reach import notebook_clusters
    from local_factory.startup_checks import check_runnable
    from local_factory.triggers import event_requests_of, find_trigger, pipelines_of, requests_of
    from local_factory.watching import Fire, fires, read_event

    trigger = find_trigger(bundle.resources, options.trigger)
    replacements = _replacements(options, bundle, pipelines_of(trigger))
    check_runnable(bundle, pipelines_of(trigger), replacements.stubs, replacements.stand_ins)
    clusters = notebook_clusters(bundle, pipelines_of(trigger), replacements.stubs)
    running: set[asyncio.Task[None]] = set()
    succeeded = True

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    async def see_through(fire: Fire) -> None:
        nonlocal succeeded
        for attempt in range(fire.retries + 1):
            if attempt:
                await asyncio.sleep(fire.seconds_between_tries)
            result = await _run(session, bundle, fire.requests, replacements, lines)
            _print_result(options, console, result)
            if result.succeeded or any(run.status == "Cancelled" for run in result.runs):
                break
        fire.ended(result.succeeded)
        succeeded = succeeded and result.succeeded

    if options.event:
        event = read_event(options.event)
        coming = _once(Fire(event_requests_of(trigger, event, {"body": event}), trigger.name))
    else:
        coming = fires(trigger, bundle, replacements.stand_ins, options.workdir, say)
    if trigger.properties.get("type") == "ScheduleTrigger":
        for request in requests_of(trigger, datetime.now(UTC)):
            resolve(_pipeline_parameters(bundle, request.pipeline), request.parameters, request.pipeline)
    # Runs may overlap, and a terminal has room for one live table only: they are shown line by line.
    lines = Console(stderr=True, highlight=False, force_terminal=False)
    with _java(options, clusters) as jvm:
        async with _session(options, jvm, clusters, console) as session:
            options.running = True
            try:
                async for fire in coming:
                    task = asyncio.create_task(see_through(fire))
                    running.add(task)
                    task.add_done_callback(running.discard)
                await asyncio.gather(*running)
            except asyncio.CancelledError:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
    return _SUCCEEDED if succeeded else _FAILED


async def _once(fire: "Fire") -> "AsyncIterator[Fire]":
    yield fire


def _print_fire_times(options: argparse.Namespace, bundle: "Bundle", console: "Console") -> int:
    from rich.console import Console

    from local_factory.console import print_fire_times
    from local_factory.triggers import find_trigger, next_fire_times

    trigger = find_trigger(bundle.resources, options.trigger)
    times = list(islice(next_fire_times(trigger, datetime.now(UTC)), options.next or _DEFAULT_NEXT))
    if options.json:
        local_and_utc = [{"local": time.isoformat(), "utc": time.astimezone(UTC).isoformat()} for time in times]
        _print(json.dumps({"trigger": trigger.name, "fireTimes": local_and_utc}, indent=2))
    else:
        print_fire_times(Console(highlight=False), trigger.name, times)
    return _SUCCEEDED


@asynccontextmanager
async def _session(
    options: argparse.Namespace, jvm: "Jvm | None", clusters: "Clusters", console: "Console"
) -> "AsyncIterator[Session]":
    """Open a session whose task the first Ctrl-C (or SIGTERM) cancels; a second one is not held back any more."""
    from local_factory.session import open_session

    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if task:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel)
    settings = _settings(options)
    with console.status("Starting Spark and the sources" if jvm else "Starting") as status:
        async with open_session(settings, jvm, clusters) as session:
            status.stop()
            yield session


def _settings(options: argparse.Namespace) -> "Settings":
    from local_factory.session import Settings

    return Settings(
        notebooks=options.notebooks,
        workdir=options.workdir,
        customers=options.customers,
        products=options.products,
        change=options.change,
        sql_url=options.sql_url,
        country_api=options.country_api,
        connect=options.connect,
    )


async def _run(
    session: "Session",
    bundle: "Bundle",
    requests: "Sequence[PipelineRequest]",
    replacements: _Replacements,
    console: "Console",
) -> "RunResult":
    from local_factory.console import LiveRuns
    from local_factory.local_run import run_pipelines

    with LiveRuns(console) as live:
        return await run_pipelines(
            session,
            bundle.resources,
            requests,
            live.update,
            stubs=replacements.stubs,
            stand_ins=replacements.stand_ins,
        )


def _print_result(options: argparse.Namespace, console: "Console", result: "RunResult") -> None:
    from local_factory.console import print_summary

    print_summary(console, result.runs, result.landed, result.report)
    if options.json:
        _print(json.dumps(result.to_json(), ensure_ascii=False))


def _print(text: str) -> None:
    """Print, and be content when nobody reads on (`... --json | head`): the exit status is that of the runs."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _pipeline_parameters(bundle: "Bundle", name: str) -> Mapping[str, Any]:
    from bundle.resources import ResourceKey

    return bundle.resources[ResourceKey("pipeline", name)].properties.get("parameters") or {}


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="run_local.py", description="Run the factory's pipelines on this machine, on stand-ins for Azure."
    )
    parser.add_argument(
        "pipelines", nargs="*", metavar="PIPELINE", help=f"what to run (default: {' and '.join(_DEFAULT_PIPELINES)})"
    )
    parser.add_argument("--adf", type=Path, metavar="DIR", default=bundle_folder("adf"), help="the factory's Git root")
    parser.add_argument(
        "--notebooks", type=folder, metavar="DIR", default=bundle_folder("notebooks"), help="the notebooks' folder"
    )
    parser.add_argument(
        "--workdir", type=Path, metavar="DIR", default=Path(".local"), help="all it writes: lake/, runs/, derby/"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a pipeline parameter; repeatable"
    )
    parser.add_argument("--customers", type=_count, metavar="N", default=1000, help="customers in the demo database")
    parser.add_argument("--products", type=_count, metavar="N", default=200, help="products in the demo database")
    parser.add_argument(
        "--change",
        type=_count,
        metavar="N",
        default=0,
        help="before the run, rows to insert, to update and to delete in each table of the demo database: N of each",
    )
    parser.add_argument(
        "--sql-url", type=_jdbc, metavar="JDBC", help="a real database; SECRET_INGESTION_SQL_USER and _PASSWORD"
    )
    parser.add_argument(
        "--jar", type=_file, action="append", default=[], metavar="FILE", help="a further JDBC driver; repeatable"
    )
    parser.add_argument(
        "--java-option", action="append", default=[], metavar="OPTION", help="for Spark's Java, as -Xmx8g; repeatable"
    )
    parser.add_argument("--connect", action="store_true", help="the notebooks' Spark is a Spark Connect session")
    parser.add_argument(
        "--country-api", type=_base_address, metavar="URL", help="the base address of a country API, v3.1 or v5"
    )
    parser.add_argument(
        "--linked-services", type=Path, metavar="FILE", help="TOML: what stands on this machine for a linked service"
    )
    parser.add_argument(
        "--stubs",
        type=Path,
        metavar="FILE",
        help='TOML: what activities answer instead of running; "new" writes a file for the pipelines that are named',
    )
    parser.add_argument(
        "--stub-unsupported",
        action="store_true",
        help="activities that cannot run here succeed with an empty output",
    )
    parser.add_argument(
        "--trigger", metavar="NAME", help="a trigger: print when it fires (a schedule or tumbling windows), or --watch"
    )
    parser.add_argument("--next", type=_positive, metavar="N", help=f"how many fire times (default: {_DEFAULT_NEXT})")
    parser.add_argument("--watch", action="store_true", help="stay, and run what the trigger fires")
    parser.add_argument(
        "--event",
        type=_file,
        metavar="FILE",
        help="JSON: an event for a trigger of custom or storage events; run for it",
    )
    parser.add_argument("--serve", action="store_true", help="a local factory over HTTP, with Monitor in the browser")
    parser.add_argument("--port", type=_port, metavar="N", default=8765, help="the server's port (8765); 0: any")
    parser.add_argument("--json", action="store_true", help="on stdout only the runs, as JSON")
    parser.add_verbose()
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("0 is too few: write a whole number of 1 or more")
    return _count(text)


def _port(text: str) -> int:
    if _count(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: write a number up to {_LAST_PORT}")
    return _count(text)


def _base_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        port_is_number = False
    if not port_is_number or parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError("write an address such as https://restcountries.com/v3.1")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise argparse.ArgumentTypeError("a base address has no query: paths such as /name/india are added to it")
    return text


def _jdbc(text: str) -> str:
    from difflib import get_close_matches

    match = re.match(r"jdbc:([\w+-]+):", text)
    if match is None:
        raise argparse.ArgumentTypeError("write a JDBC address, such as jdbc:sqlserver://host;databaseName=sales")
    name = match[1].lower()
    close = get_close_matches(name, _JDBC_NAMES, n=1, cutoff=0.7)
    if name not in _JDBC_NAMES and close:
        raise argparse.ArgumentTypeError(f"jdbc:{match[1]}: is no database's name; is jdbc:{close[0]}: meant?")
    return text


_JDBC_NAMES = ("sqlserver", "postgresql", "mysql", "mariadb", "oracle", "derby", "db2", "sqlite", "snowflake")


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path


if __name__ == "__main__":
    sys.exit(main())
