"""What ran: pipeline runs, their activity runs and trigger runs, in a SQLite database that outlives restarts and kills.

Every change of a run's state is committed before anyone is told. With write-ahead logging a commit survives the end of
this process, however it ends.
"""

import base64
import json
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_factory.runs import ActivityRun, PipelineRun, Status
from local_factory.server.errors import ServerError, bad_request

_SCHEMA = """
create table if not exists pipeline_runs (
    number integer primary key,
    run_id text not null unique,
    group_id text not null,
    is_latest integer not null default 1,
    pipeline text not null,
    status text not null,
    started text not null,
    ended text,
    updated text not null,
    message text not null default '',
    invoked_by text not null,
    invoker text not null,
    parent_run text,
    parameters text not null,
    returned text not null default '{}',
    origin text not null default '{}'
);
create index if not exists pipeline_runs_started on pipeline_runs (started, number);
create index if not exists pipeline_runs_pipeline on pipeline_runs (pipeline, started, number);
create index if not exists pipeline_runs_status on pipeline_runs (status, started, number);
create index if not exists pipeline_runs_group on pipeline_runs (group_id);
create index if not exists pipeline_runs_parent on pipeline_runs (parent_run) where parent_run is not null;
create table if not exists activity_runs (
    activity_run_id text primary key,
    run_id text not null,
    position integer not null,
    name text not null,
    type text not null,
    status text not null,
    started text not null,
    ended text,
    container text,
    document text not null
);
create index if not exists activity_runs_run on activity_runs (run_id, position);
create table if not exists trigger_runs (
    number integer primary key,
    trigger_run_id text not null unique,
    group_id text not null,
    trigger_name text not null,
    trigger_type text not null,
    status text not null,
    fired text not null,
    updated text not null,
    message text not null default '',
    properties text not null,
    runs text not null default '{}'
);
create index if not exists trigger_runs_fired on trigger_runs (fired, number);
create index if not exists trigger_runs_status on trigger_runs (status);
create index if not exists trigger_runs_trigger on trigger_runs (trigger_name, fired, number);
create table if not exists windows (trigger_name text primary key, until text not null);
create table if not exists window_runs (
    trigger_name text not null, start text not null, trigger_run_id text not null, primary key (trigger_name, start)
);
pragma user_version = 1;
"""
_VERSION = 1
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
# SQLite takes at most so many values in one statement.
_MOST_VALUES = 500


@dataclass(frozen=True)
class KeptRun:
    """A pipeline run as it is kept: the run without its activities, and what the service knows of it besides."""

    run: PipelineRun
    updated: datetime
    is_latest: bool
    origin: Mapping[str, Any]
    parent_run: str | None


@dataclass(frozen=True)
class TriggerRun:
    """One fire of a trigger, and the runs that it started, by pipeline."""

    trigger_run_id: str
    group_id: str
    trigger_name: str
    trigger_type: str
    status: str
    fired: datetime
    message: str
    properties: Mapping[str, Any]
    runs: Mapping[str, str]


@dataclass(frozen=True)
class Filter:
    """A bound on what is listed: the column's value is among the values, or is not."""

    column: str
    values: Sequence[str]
    within: bool = True


@dataclass(frozen=True)
class Query:
    """What is listed, in which order, from where on; `text` is looked for in names, ids and messages."""

    filters: Sequence[Filter] = ()
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    text: str = ""
    order: Sequence[tuple[str, bool]] = field(default=(("started", False),))
    token: str | None = None
    limit: int = 100


class History:
    """The runs that were and are.

    Args:
        file: the database; it and its folder are made.

    Raises:
        ServerError: the file is no such database.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = normal")
            version = self._database.execute("pragma user_version").fetchone()[0]
            if version > _VERSION:
                raise ServerError(f"{file}: was written by a later version of this program. Use another --workdir.")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ServerError(f"{file}: not readable as the history of runs: {error}. Move it away.") from error

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # Pipeline runs

    def keep(self, run: PipelineRun, origin: Mapping[str, Any], activities: Iterable[tuple[int, ActivityRun]]) -> None:
        """Write a run as it is now, and those of its activities that changed, by their position in the run.

        `origin` is what it takes to start the run anew if it is still queued when this process ends.
        """
        with self._database:
            self._database.execute("begin immediate")
            self._database.execute(
                """
                insert into pipeline_runs (run_id, group_id, pipeline, status, started, ended, updated, message,
                    invoked_by, invoker, parent_run, parameters, returned, origin)
                values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                on conflict (run_id) do update set status = excluded.status, started = excluded.started,
                    ended = excluded.ended, updated = excluded.updated, message = excluded.message,
                    returned = excluded.returned
                """,
                (
                    run.run_id,
                    run.group_id,
                    run.pipeline_name,
                    run.status,
                    _stamp(run.start),
                    _stamp(run.end),
                    _stamp(datetime.now(UTC)),
                    _text(run.message),
                    _json(run.invoked_by),
                    str(run.invoked_by.get("invokedByType") or ""),
                    run.invoked_by.get("pipelineRunId"),
                    _json(run.parameters),
                    _json(run.returned),
                    _json(origin),
                ),
            )
            self._database.executemany(
                """
                insert into activity_runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                on conflict (activity_run_id) do update set status = excluded.status, ended = excluded.ended,
                    document = excluded.document
                """,
                [_activity_row(position, activity) for position, activity in activities],
            )

    def supersede(self, group_id: str, latest: str) -> None:
        """Let one run of a group be the latest."""
        self._database.execute(
            "update pipeline_runs set is_latest = (run_id = ?) where group_id = ?", (latest, group_id)
        )

    def pipeline_run(self, run_id: str) -> KeptRun | None:
        """Return a run without its activities, None when there is none of this id."""
        row = self._database.execute("select * from pipeline_runs where run_id = ?", (run_id,)).fetchone()
        return _pipeline_run(row) if row else None

    def activity_runs(self, run_id: str) -> list[ActivityRun]:
        """Return the activity runs of a run, in the order of their start."""
        rows = self._database.execute("select * from activity_runs where run_id = ? order by position", (run_id,))
        runs: dict[str, ActivityRun] = {}
        for row in rows:
            run = _activity_run(row)
            runs[run.activity_run_id] = replace(run, container=runs.get(row["container"]))
        return list(runs.values())

    def activity_run(self, activity_run_id: str) -> ActivityRun | None:
        """Return one activity run, None when there is none of this id."""
        found = self._database.execute("select * from activity_runs where activity_run_id = ?", (activity_run_id,))
        row = found.fetchone()
        return _activity_run(row) if row else None

    def notebook_run(self, number: int) -> ActivityRun | None:
        """Return the activity run that Databricks' API knows by a number, None when there is none."""
        prefix = str(uuid.UUID(int=(number << 75) % 2**128))[:15]
        rows = self._database.execute(
            "select * from activity_runs where activity_run_id >= ? and activity_run_id < ?", (prefix, f"{prefix}g")
        )
        found = (_activity_run(row) for row in rows)
        return next((run for run in found if uuid.UUID(run.activity_run_id).int >> 75 == number), None)

    def children(self, run_id: str) -> list[KeptRun]:
        """Return the runs that a run called, in the order of their start."""
        rows = self._database.execute("select * from pipeline_runs where parent_run = ? order by number", (run_id,))
        return [_pipeline_run(row) for row in rows]

    def group(self, group_id: str) -> list[KeptRun]:
        """Return a run and its reruns, oldest first."""
        rows = self._database.execute("select * from pipeline_runs where group_id = ? order by number", (group_id,))
        return [_pipeline_run(row) for row in rows]

    def pipeline_runs(self, query: Query) -> tuple[list[KeptRun], str | None]:
        """Return a page of runs, and the token of the next one if there are more.

        Raises:
            ServiceError: the token is none of ours.
        """
        rows, token = self._page("pipeline_runs", query, ("pipeline", "run_id", "message"))
        return [_pipeline_run(row) for row in rows], token

    def runs_with_status(self, status: Status) -> list[KeptRun]:
        """Return the runs in a state, oldest first."""
        rows = self._database.execute("select * from pipeline_runs where status = ? order by number", (status,))
        return [_pipeline_run(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many runs are in each state."""
        return dict(
            map(tuple, self._database.execute("select status, count(*) from pipeline_runs group by status").fetchall())
        )

    def last_run_of_each_pipeline(self) -> dict[str, KeptRun]:
        """Return the newest run of every pipeline that ever ran."""
        rows = self._database.execute(
            "select * from pipeline_runs where number in (select max(number) from pipeline_runs group by pipeline)"
        )
        return {row["pipeline"]: _pipeline_run(row) for row in rows}

    def fail_running(self, reason: str) -> None:
        """Let every run that was going on be failed, with its activities."""
        now = _stamp(datetime.now(UTC))
        with self._database:
            self._database.execute("begin immediate")
            rows = self._database.execute("select * from activity_runs where status = ?", (Status.IN_PROGRESS,))
            for row in rows.fetchall():
                error = {"errorCode": "LocalFactoryEnded", "message": reason, "failureType": "SystemError"}
                document = {**json.loads(row["document"]), "error": {**error, "target": row["name"], "details": ""}}
                self._database.execute(
                    "update activity_runs set status = ?, ended = ?, document = ? where activity_run_id = ?",
                    (Status.FAILED, now, _json(document), row["activity_run_id"]),
                )
            self._database.execute(
                "update pipeline_runs set status = ?, ended = ?, updated = ?, message = ? where status = ?",
                (Status.FAILED, now, now, reason, Status.IN_PROGRESS),
            )
            self._database.execute(
                "update trigger_runs set status = 'Failed', updated = ?, message = ? where status = 'Inprogress'",
                (now, reason),
            )

    def fail(self, run_id: str, reason: str) -> None:
        """Let a run that was queued be failed."""
        now = _stamp(datetime.now(UTC))
        self._database.execute(
            "update pipeline_runs set status = ?, ended = ?, updated = ?, message = ? where run_id = ?",
            (Status.FAILED, now, now, reason, run_id),
        )

    # Trigger runs

    def keep_trigger_run(self, run: TriggerRun) -> None:
        """Write a trigger's run as it is now."""
        self._database.execute(
            """
            insert into trigger_runs (trigger_run_id, group_id, trigger_name, trigger_type, status, fired, updated,
                message, properties, runs)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (trigger_run_id) do update set status = excluded.status, updated = excluded.updated,
                message = excluded.message, runs = excluded.runs
            """,
            (
                run.trigger_run_id,
                run.group_id,
                run.trigger_name,
                run.trigger_type,
                run.status,
                _stamp(run.fired),
                _stamp(datetime.now(UTC)),
                _text(run.message),
                _json(run.properties),
                _json(run.runs),
            ),
        )

    def windows_until(self, trigger: str) -> datetime | None:
        """Return the moment up to which a trigger fired for every window, None when it fired for none yet."""
        row = self._database.execute("select until from windows where trigger_name = ?", (trigger,)).fetchone()
        return _moment(row["until"]) if row else None

    def window_status(self, trigger: str, start: str) -> str | None:
        """Return how the last run for a window stands, None without one; `start` is as runs.timestamp writes it."""
        found = self._database.execute(
            "select status from window_runs join trigger_runs using (trigger_run_id)"
            " where window_runs.trigger_name = ? and start = ?",
            (trigger, start),
        )
        row = found.fetchone()
        return str(row["status"]) if row else None

    def keep_window(self, run: TriggerRun, until: datetime | None = None) -> None:
        """Write a trigger's run for a window, and with `until` up to when the trigger fired for every window."""
        with self._database:
            self._database.execute("begin immediate")
            self.keep_trigger_run(run)
            self._database.execute(
                "insert into window_runs values (?, ?, ?)"
                " on conflict (trigger_name, start) do update set trigger_run_id = excluded.trigger_run_id",
                (run.trigger_name, run.properties["WindowStartTime"], run.trigger_run_id),
            )
            if until:
                self._database.execute(
                    "insert into windows values (?, ?) on conflict (trigger_name) do update set until = excluded.until",
                    (run.trigger_name, _stamp(until)),
                )

    def forget_windows(self, trigger: str) -> None:
        """Let a trigger that is made anew fire for all its windows."""
        with self._database:
            self._database.execute("begin immediate")
            for table in ("windows", "window_runs"):
                self._database.execute(f"delete from {table} where trigger_name = ?", (trigger,))  # noqa: S608 - of two

    def trigger_run(self, trigger_run_id: str) -> TriggerRun | None:
        """Return a trigger's run, None when there is none of this id."""
        found = self._database.execute("select * from trigger_runs where trigger_run_id = ?", (trigger_run_id,))
        row = found.fetchone()
        return _trigger_run(row) if row else None

    def trigger_runs_with_status(self, status: str) -> list[TriggerRun]:
        """Return the runs of triggers in a state, oldest first."""
        rows = self._database.execute("select * from trigger_runs where status = ? order by number", (status,))
        return [_trigger_run(row) for row in rows]

    def trigger_runs(self, query: Query) -> tuple[list[TriggerRun], str | None]:
        """Return a page of trigger runs, and the token of the next one if there are more."""
        rows, token = self._page("trigger_runs", query, ("trigger_name",))
        return [_trigger_run(row) for row in rows], token

    def _page(self, table: str, query: Query, searched: Sequence[str]) -> tuple[list[sqlite3.Row], str | None]:
        conditions, values = list[str](), list[Any]()
        for bound in query.filters:
            marks = ", ".join("?" * len(bound.values))
            conditions.append(f"{bound.column} {'in' if bound.within else 'not in'} ({marks})")
            values.extend(bound.values)
        moment = "fired" if table == "trigger_runs" else "started"
        for column, sign, bound_moment in (
            ("updated", ">=", query.updated_after),
            ("updated", "<=", query.updated_before),
            (moment, ">=", query.started_after),
            (moment, "<=", query.started_before),
        ):
            if bound_moment:
                conditions.append(f"{column} {sign} ?")
                values.append(_stamp(bound_moment))
        if query.text:
            conditions.append("(" + " or ".join(f"{column} like ? escape '\\'" for column in searched) + ")")
            pattern = query.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            values.extend([f"%{pattern}%"] * len(searched))
        if len(values) > _MOST_VALUES:
            raise bad_request(f"The filters hold {len(values)} values; at most {_MOST_VALUES} are taken.")
        order = [*query.order, ("number", query.order[-1][1])]
        if query.token:
            condition, more = _after(order, _read_token(query.token, len(order)))
            conditions.append(condition)
            values.extend(more)
        where = f"where {' and '.join(conditions)}" if conditions else ""
        by = ", ".join(f"{column} {'asc' if ascending else 'desc'}" for column, ascending in order)
        # Table, columns and signs are ours; what clients said is in the values.
        statement = f"select * from {table} {where} order by {by} limit ?"  # noqa: S608
        rows = self._database.execute(statement, [*values, query.limit + 1]).fetchall()
        if len(rows) <= query.limit:
            return rows, None
        page = rows[: query.limit]
        return page, _token([page[-1][column] for column, _ in order])


def _after(order: Sequence[tuple[str, bool]], last: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the condition of the rows that come after one in an order; a null comes before any value, as in SQLite."""
    alternatives, values = [], list[Any]()
    for position, (column, ascending) in enumerate(order):
        equal = [f"{name} is ?" for name, _ in order[:position]]
        value = last[position]
        if value is None:
            further = f"{column} is not null" if ascending else "false"
            bound: list[Any] = []
        else:
            further = f"{column} > ?" if ascending else f"({column} < ? or {column} is null)"
            bound = [value]
        alternatives.append(" and ".join([*equal, further]))
        values.extend([*last[:position], *bound])
    return "(" + " or ".join(f"({alternative})" for alternative in alternatives) + ")", values


def _token(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _read_token(token: str, length: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        values = None
    if (
        not isinstance(values, list)
        or len(values) != length
        or not all(isinstance(value, str | int | None) for value in values)
    ):
        raise bad_request(
            "continuationToken: is none of this server's, for this order.", code="InvalidContinuationToken"
        )
    return values


def _activity_row(position: int, run: ActivityRun) -> tuple[Any, ...]:
    shown = run.to_json()
    document = {
        **{name: shown[name] for name in ("input", "output", "error", "retryAttempt")},
        **{name: getattr(run, name) for name in _FLAGS},
    }
    return (
        run.activity_run_id,
        run.pipeline_run_id,
        position,
        run.activity_name,
        run.activity_type,
        run.status,
        _stamp(run.start),
        _stamp(run.end),
        run.container.activity_run_id if run.container else None,
        _json({**document, "pipelineName": run.pipeline_name}),
    )


_FLAGS = tuple(
    entry.name
    for entry in fields(ActivityRun)
    if entry.name not in ("container", "input", "output", "error", "retry_attempt", "status", "start", "end")
    and not entry.name.startswith(("activity_", "pipeline_"))
)


def _activity_run(row: sqlite3.Row) -> ActivityRun:
    document = json.loads(row["document"])
    return ActivityRun(
        activity_name=row["name"],
        activity_type=row["type"],
        activity_run_id=row["activity_run_id"],
        pipeline_name=document["pipelineName"],
        pipeline_run_id=row["run_id"],
        status=Status(row["status"]),
        start=datetime.fromisoformat(row["started"]),
        end=_moment(row["ended"]),
        input=document["input"],
        output=document["output"],
        error=document["error"],
        retry_attempt=document["retryAttempt"],
        **{name: document[name] for name in _FLAGS if name in document},
    )


def _pipeline_run(row: sqlite3.Row) -> KeptRun:
    run = PipelineRun(
        run_id=row["run_id"],
        pipeline_name=row["pipeline"],
        parameters=json.loads(row["parameters"]),
        invoked_by=json.loads(row["invoked_by"]),
        start=datetime.fromisoformat(row["started"]),
        status=Status(row["status"]),
        message=row["message"],
        end=_moment(row["ended"]),
        returned=json.loads(row["returned"]),
        group_id=row["group_id"],
    )
    updated = datetime.fromisoformat(row["updated"])
    return KeptRun(run, updated, bool(row["is_latest"]), json.loads(row["origin"]), row["parent_run"])


def _trigger_run(row: sqlite3.Row) -> TriggerRun:
    return TriggerRun(
        trigger_run_id=row["trigger_run_id"],
        group_id=row["group_id"],
        trigger_name=row["trigger_name"],
        trigger_type=row["trigger_type"],
        status=row["status"],
        fired=datetime.fromisoformat(row["fired"]),
        message=row["message"],
        properties=json.loads(row["properties"]),
        runs=json.loads(row["runs"]),
    )


def _stamp(moment: datetime | None) -> str | None:
    # Of one length, so that their order as texts is that of the moments.
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z") if moment else None


def _text(text: str) -> str:
    # SQLite takes UTF-8 only, and what programs say may be none.
    return text.encode("utf-8", "replace").decode()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _json(value: Any) -> str:
    return json.dumps(value, default=str)
