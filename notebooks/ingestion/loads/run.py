"""What the notebook `ingest` calls: the chosen feeds of all sources, several at a time."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

from pyspark.sql import SparkSession

from ingestion.feeds.choice import choose, expand, is_chosen
from ingestion.feeds.model import Endpoint, Feed, Files, FilesSource, RestSource, Source, SqlSource, Table
from ingestion.loads import looking
from ingestion.loads.databases import open_database
from ingestion.loads.endpoint_changes import EndpointChanges
from ingestion.loads.endpoints import load_endpoint, open_api
from ingestion.loads.file_changes import FileChanges, FolderRows
from ingestion.loads.incremental import IncrementalLoad
from ingestion.loads.landing import WholeLanding
from ingestion.loads.reconciling import Reconciliation
from ingestion.loads.results import FeedResult, exit_json
from ingestion.loads.run_context import SOURCES, Run
from ingestion.loads.run_rows import keep_rows, timed
from ingestion.loads.table_changes import TableChanges
from ingestion.loads.table_rows import TableRows
from ingestion.platform.errors import (
    IngestionError,
    InvalidSettingError,
    SourceError,
)
from ingestion.platform.log import Clock, utc_now, write_to_stdout
from ingestion.platform.log_ingestion import notebook_log
from ingestion.platform.settings import Configuration
from ingestion.platform.slots import Slots

_MODES = ("load", "reload", "status", "discover", "backfill", "reconcile", "repair")
# Feeds that are loaded at a time, whatever their sources allow: each has a thread here and jobs of its own on Spark.
_FEEDS_AT_A_TIME = 16
# How long a feed is waited for that another run loads.
_LOCK_SECONDS = 600.0


@dataclass(frozen=True)
class Request:
    """What a run is asked for.

    Attributes:
        feeds: names or globs with commas.
        tags: words with commas.
        mode: what is done with each feed.
        sources: the folder of their files.
        pipeline_run_id: the run of the pipeline that asks; None where none does.
        window: of mode backfill: from, to.
    """

    feeds: str
    tags: str
    mode: str
    sources: Path
    pipeline_run_id: str | None
    window: tuple[str, str] | None = None

    @classmethod
    def read(cls, configuration: Configuration) -> "Request":
        """Return what the widgets say.

        Raises:
            InvalidSettingError: the mode is not known, or the window is of no use.
        """
        mode = (configuration.find("mode") or "load").lower()
        if mode not in _MODES:
            raise InvalidSettingError(f"mode is {mode[:80]!r}: it takes {', '.join(_MODES)}.")
        ends = {end: configuration.find(end) for end in ("from", "to")}
        for end, value in ends.items():
            if value is not None and mode != "backfill":
                raise InvalidSettingError(f"{end} is the window of mode backfill: leave it empty for mode {mode}.")
            if value is None and mode == "backfill":
                raise InvalidSettingError(f"{end} is missing: mode backfill loads the cursor's window from..to.")
        folder = configuration.find("sources")
        return cls(
            configuration.find("feeds") or "*",
            configuration.find("tags") or "",
            mode,
            Path(folder) if folder else SOURCES,
            configuration.find("pipeline_run_id"),
            (ends["from"] or "", ends["to"] or "") if mode == "backfill" else None,
        )


@dataclass(frozen=True)
class _Task:
    """One feed to load: what does it, and what comes of it."""

    result: FeedResult
    load: Callable[[], object]


def run_feeds(
    spark: SparkSession,
    configuration: Configuration,
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Load the chosen feeds, and return what the notebook exits with: JSON, also where feeds failed.

    Args:
        spark: the session that reads and writes.
        configuration: where the settings come from.
        clock: the time, in UTC.
        sleep: waits a number of seconds between two tries of a source.

    Raises:
        SettingError: a setting or a source's file is wrong; nothing was loaded.
    """
    log = notebook_log(configuration, clock)
    with log.run("ingest") as step:
        started = clock()
        request = Request.read(configuration)
        run = Run.begin(spark, configuration, log, sleep)
        sources = run.sources(request.sources)
        if request.mode == "discover":
            return _looked(_discover(run, sources, request))
        chosen = choose([feed for source in sources for feed in source.feeds], request.feeds, request.tags)
        if request.mode == "status":
            return _looked(looking.status(run, chosen, sources))

        def tasks_of(source: Source) -> list[_Task]:
            return _tasks(run, source, [feed for feed in chosen if feed.source == source.name], request)

        # First every source by itself: a database that sleeps keeps nobody waiting but its own feeds.
        with ThreadPoolExecutor(_FEEDS_AT_A_TIME, thread_name_prefix="source") as pool:
            loads = [pool.submit(tasks_of, source) for source in sources]
            with ThreadPoolExecutor(_FEEDS_AT_A_TIME, thread_name_prefix="feed") as feeds:
                done = [feeds.submit(_done, run, task) for tasks in loads for task in tasks.result()]
                results = [each.result() for each in done]
        step.rows = sum(result.rows_in_target or 0 for result in results)
        if request.mode == "reconcile":
            write_to_stdout("\n".join(f"{result.feed}: {note}" for result in results for note in result.notes))
        keep_rows(run.storage, log, results, started, request.pipeline_run_id)
        return exit_json(results)


def _discover(run: Run, sources: Sequence[Source], request: Request) -> list[FeedResult]:
    """Look into the databases and folders that are asked for, whether they have feeds yet or not."""
    asked = [
        source
        for source in sources
        if isinstance(source, SqlSource | FilesSource)
        and (is_chosen(source.name, request.feeds) or any(is_chosen(feed.name, request.feeds) for feed in source.feeds))
    ]
    if not asked:
        raise InvalidSettingError(f"feeds: {request.feeds[:80]!r} is no database and no folder of the sources.")

    def task(source: SqlSource | FilesSource) -> _Task:
        result = FeedResult(f"{source.name}.*", request.mode)
        return _Task(result, lambda: looking.discover(run, source, request.sources, result))

    return [_done(run, task(source)) for source in asked]


def _looked(results: Sequence[FeedResult]) -> str:
    """Print what was seen, and return the notebook's exit."""
    write_to_stdout("\n".join(result.toml for result in results if result.toml) or looking.table(results))
    return exit_json(results)


def _tasks(run: Run, source: Source, feeds: Sequence[Feed], request: Request) -> list[_Task]:
    """Return the loads of a source's feeds; one that fails at once for a source that cannot be reached."""
    if not feeds:
        return []
    try:
        if isinstance(source, SqlSource):
            return _table_tasks(run, source, [feed for feed in feeds if isinstance(feed, Table)], request)
        if isinstance(source, RestSource):
            return _endpoint_tasks(run, source, [feed for feed in feeds if isinstance(feed, Endpoint)], request)
        if isinstance(source, FilesSource):
            return _files_tasks(run, source, [feed for feed in feeds if isinstance(feed, Files)], request)
    except IngestionError as error:
        reason = error

        def refuse() -> None:
            raise reason

        return [_Task(FeedResult(feed.name, request.mode, place=feed.place), refuse) for feed in feeds]
    return []


def _table_tasks(run: Run, source: SqlSource, feeds: Sequence[Table], request: Request) -> list[_Task]:
    database = open_database(run, source)
    connections = source.max_connections or run.settings.sql_connections
    slots = Slots(source.url, connections)
    if any(feed.pattern for feed in feeds):
        with slots.hold():
            present = [str(table) for table, _ in database.tables]
        # All feeds of the source: a table that has a feed of its own is no pattern's.
        expanded = expand(source.feeds, present)
        own = {feed.name for feed in feeds}
        patterns = [feed for feed in feeds if feed.pattern]
        feeds = [
            feed
            for feed in expanded
            if feed.name in own
            or (any(each.takes(feed.local_name) for each in patterns) and is_chosen(feed.name, request.feeds))
        ]
    database.expect([feed.local_name for feed in feeds])
    # A connection each for as many feeds as there are connections; a feed by itself may use all of them.
    at_a_time = min(connections, len(feeds)) or 1
    free = BoundedSemaphore(at_a_time)

    def task(feed: Table) -> _Task:
        result = FeedResult(feed.name, request.mode, place=feed.place)
        each = max(1, connections // at_a_time)

        def load() -> None:
            with free, slots.hold(each) as held:
                changes = TableChanges(run, database, feed, held)
                if request.mode == "reconcile":
                    Reconciliation(run, feed, changes, result).reconcile()
                elif _is_replaced_whole(feed, request):
                    WholeLanding(run, feed, TableRows(run, database, feed, held), result, wait=_LOCK_SECONDS).land()
                else:
                    _load_changes(IncrementalLoad(run, feed, changes, result, wait=_LOCK_SECONDS), request)

        return _Task(result, load)

    return [task(feed) for feed in feeds]


def _endpoint_tasks(run: Run, source: RestSource, feeds: Sequence[Endpoint], request: Request) -> list[_Task]:
    reader = open_api(run, source)

    def task(feed: Endpoint) -> _Task:
        result = FeedResult(feed.name, request.mode, place=feed.place)

        def load() -> None:
            is_reconciled = request.mode == "reconcile"
            if not is_reconciled and _is_replaced_whole(feed, request):
                load_endpoint(run, source, reader, feed, result, wait=_LOCK_SECONDS)
                return
            with EndpointChanges(run, source, reader, feed).opened() as changes:
                if is_reconciled:
                    Reconciliation(run, feed, changes, result).reconcile()
                    return
                _load_changes(IncrementalLoad(run, feed, changes, result, wait=_LOCK_SECONDS), request)

        return _Task(result, load)

    return [task(feed) for feed in feeds]


def _files_tasks(run: Run, source: FilesSource, feeds: Sequence[Files], request: Request) -> list[_Task]:
    if source.unset:
        raise SourceError("\n".join(source.unset))

    def task(feed: Files) -> _Task:
        result = FeedResult(feed.name, request.mode, place=feed.place)

        def load() -> None:
            if _is_replaced_whole(feed, request):
                WholeLanding(run, feed, FolderRows(run, source, feed), result, wait=_LOCK_SECONDS).land()
            else:
                changes = FileChanges(run, source, feed)
                _load_changes(IncrementalLoad(run, feed, changes, result, wait=_LOCK_SECONDS), request)

        return _Task(result, load)

    return [task(feed) for feed in feeds]


def _is_replaced_whole(feed: Table | Endpoint | Files, request: Request) -> bool:
    """Say whether a feed's rows take the place of all that there were, which needs no position.

    Raises:
        InvalidSettingError: it has no window, and one is to be loaded.
    """
    reads_all = isinstance(feed, Files) or feed.incremental.method == "full"
    is_whole = reads_all and feed.write_disposition == "replace"
    if is_whole and request.window:
        raise InvalidSettingError(f"{feed.name}: is replaced whole at each load: it has no window to load again.")
    return is_whole


def _load_changes(load: IncrementalLoad, request: Request) -> None:
    if request.window:
        load.backfill(*request.window)
    elif request.mode == "reload":
        load.reload()
    elif request.mode == "repair":
        load.repair()
    else:
        load.load()


def _done(run: Run, task: _Task) -> FeedResult:
    """Load one feed; whatever it raises is its own row's matter."""
    with suppress(Exception), run.log.step("feed", source=task.result.feed) as step:
        with timed(task.result, run.secrets):
            task.load()
        step.rows = task.result.rows_in_target
    return task.result
