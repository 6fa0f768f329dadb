"""Stubs: what activities answer instead of running, as the user says in TOML or in Python.

`["PIPELINE/ACTIVITY"]` or `[type.TYPE]` with `output`, `status`, `error`, `seconds`, or `tries` of these; the rules are
in README.md. A stub by name wins over one by type.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bundle.bundle import Bundle
from bundle.catalog import ACTIVITY_TYPES
from bundle.wording import nearest
from local_factory.errors import ActivityError, StubError

Source = Path | str | Mapping[str, Any]
_TYPES = "type"
_ANSWER_KEYS = ("output", "status", "error", "seconds")
_STUB_KEYS = (*_ANSWER_KEYS, "tries")
_ERROR_KEYS = ("errorCode", "message", "failureType", "details")
_STATUSES = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Answer:
    """What one try of an activity comes to: its output, its error if it fails, after so many seconds."""

    output: Mapping[str, Any] = field(default_factory=dict)
    error: ActivityError | None = None
    seconds: float = 0

    def evaluated_output(self, evaluate: Any) -> dict[str, Any]:
        """Return the output with those texts evaluated that begin with `@`."""
        return {key: _evaluated(value, evaluate) for key, value in self.output.items()}


Answers = tuple[Answer, ...]
Name = tuple[str, str]


class Stubs:
    """The stubs of one run of pipelines: each activity's tries go on from call to call, and the last one stays."""

    def __init__(
        self,
        by_name: Mapping[Name, Answers] = MappingProxyType({}),
        by_type: Mapping[str, Answers] = MappingProxyType({}),
        calls: Counter[Name] | None = None,
    ) -> None:
        """Take answers by (pipeline, activity), in folded case, and by type, and how often each was called already."""
        self._by_name = by_name
        self._by_type = by_type
        self._calls = Counter() if calls is None else calls

    def covers(self, pipeline: str, activity: str, kind: str) -> bool:
        """Say whether an activity is answered for."""
        return _folded(pipeline, activity) in self._by_name or kind in self._by_type

    def next_answer(self, pipeline: str, activity: str, kind: str) -> Answer | None:
        """Return what the activity answers this time; None when it runs for real."""
        name = _folded(pipeline, activity)
        answers = self._by_name.get(name) or self._by_type.get(kind)
        if not answers:
            return None
        call = self._calls[name]
        self._calls[name] += 1
        return answers[min(call, len(answers) - 1)]

    def with_empty_output(self, activities: Iterable[Name]) -> "Stubs":
        """Return stubs that let these (pipeline, activity) succeed besides, with an empty output."""
        empty = {_folded(*name): (Answer(),) for name in activities}
        return Stubs({**empty, **self._by_name}, self._by_type, self._calls)


def read_stubs(source: Source, bundle: Bundle) -> Stubs:
    """Read stubs from a TOML file, or from the dict that such a file reads as.

    Raises:
        StubError: one line for every mistake, with the file's line, the key and the nearest name.
    """
    reader = _Reader(source, bundle)
    stubs = reader.read()
    if reader.problems:
        raise StubError("\n".join(reader.problems))
    return stubs


class _Reader:
    def __init__(self, source: Source, bundle: Bundle) -> None:
        self.problems: list[str] = []
        self._bundle = bundle
        self._file = None if isinstance(source, Mapping) else Path(source)
        self._text = ""
        self._document: Mapping[str, Any] = source if isinstance(source, Mapping) else self._parse(Path(source))
        self._activities = {
            _folded(pipeline.resource.name, activity.name): activity.type
            for pipeline in bundle.pipelines
            for activity in pipeline.activities
        }

    def _parse(self, file: Path) -> Mapping[str, Any]:
        try:
            self._text = file.read_text(encoding="utf-8-sig")
            return tomllib.loads(self._text)
        except OSError as error:
            raise StubError(f"{file}: cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StubError(f"{file}: is no TOML in UTF-8: {error}.") from None

    def read(self) -> Stubs:
        by_name: dict[Name, Answers] = {}
        by_type: dict[str, Answers] = {}
        for key, value in self._document.items():
            if key == _TYPES and isinstance(value, Mapping):
                for kind, stub in value.items():
                    by_type[kind] = self._type_stub(kind, stub)
            elif key.startswith(f"{_TYPES}.") and "/" not in key:
                kind = key.partition(".")[2]
                by_type[kind] = self._type_stub(kind, value)
            else:
                by_name[_folded(*key.partition("/")[::2])] = self._named_stub(key, value)
        return Stubs(by_name, by_type)

    def _named_stub(self, key: str, value: object) -> Answers:
        pipeline, slash, activity = key.partition("/")
        pipelines = {entry.resource.name.casefold(): entry for entry in self._bundle.pipelines}
        if not slash:
            names = [f"{p.resource.name}/{a.name}" for p in self._bundle.pipelines for a in p.activities]
            wanted = [name for name in names if name.partition("/")[2].casefold() == key.casefold()]
            hint = f"; is {wanted[0]!r} meant?" if wanted else nearest(key, names)
            self._problem(key, "", f'expected "PIPELINE/ACTIVITY" or type.TYPE{hint}')
        elif pipeline.casefold() not in pipelines:
            self._problem(key, "", f"there is no pipeline {pipeline!r}{nearest(pipeline, self._pipeline_names())}")
        elif _folded(pipeline, activity) not in self._activities:
            names = [entry.name for entry in pipelines[pipeline.casefold()].activities]
            hint = nearest(activity, names)
            self._problem(key, "", f"{pipeline} has no activity {activity!r}{hint}")
        return self._stub(key, value)

    def _type_stub(self, kind: str, value: object) -> Answers:
        known = {*ACTIVITY_TYPES, *self._activities.values()}
        if kind not in known:
            hint = nearest(kind, sorted(known))
            self._problem(f"{_TYPES}.{kind}", "", f"there is no activity type {kind!r}{hint}")
        return self._stub(f"{_TYPES}.{kind}", value)

    def _pipeline_names(self) -> list[str]:
        return [pipeline.resource.name for pipeline in self._bundle.pipelines]

    def _stub(self, entry: str, value: object) -> Answers:
        if not isinstance(value, Mapping):
            self._problem(entry, "", f"expected a table with {', '.join(_STUB_KEYS)}, got {value!r}")
            return (Answer(),)
        if not self._known_keys(entry, value, _STUB_KEYS):
            return (Answer(),)
        whole = {key: value[key] for key in _ANSWER_KEYS if key in value}
        if "tries" not in value:
            return (self._answer(entry, whole),)
        tries = value["tries"]
        if not isinstance(tries, list | tuple) or not tries or not all(isinstance(one, Mapping) for one in tries):
            self._problem(entry, "tries", "expected a list of one or more tables, one a try")
            return (Answer(),)
        return tuple(
            self._answer(entry, {**whole, **one}) if self._known_keys(entry, one, _ANSWER_KEYS) else Answer()
            for one in tries
        )

    def _answer(self, entry: str, value: Mapping[str, Any]) -> Answer:
        output, seconds, error = value.get("output", {}), value.get("seconds", 0), value.get("error")
        status = value.get("status", "Failed" if error else "Succeeded")
        if not isinstance(output, Mapping):
            self._problem(entry, "output", f"expected a table, got {output!r}")
        elif isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
            self._problem(entry, "seconds", f"expected a number of 0 or more, got {seconds!r}")
        elif status not in _STATUSES:
            hint = nearest(status, _STATUSES)
            self._problem(entry, "status", f"there is no status {status!r}{hint}")
        elif error is not None and not isinstance(error, Mapping):
            self._problem(entry, "error", f"expected a table with errorCode and message, got {error!r}")
        elif error and not self._known_keys(entry, error, _ERROR_KEYS, "error."):
            pass
        elif error and status == "Succeeded":
            self._problem(entry, "error", 'one that succeeds has no error: leave out one, or set status = "Failed"')
        else:
            return Answer(output, _error(entry, error or {}) if status == "Failed" else None, seconds)
        return Answer()

    def _known_keys(self, entry: str, value: Mapping[str, Any], known: Iterable[str], prefix: str = "") -> bool:
        unknown = [key for key in value if key not in known]
        for key in unknown:
            hint = nearest(key, known)
            self._problem(entry, key, f"there is no key {prefix + key!r}{hint}")
        return not unknown

    def _problem(self, entry: str, key: str, problem: str) -> None:
        place = f"{self._file}:{line_of(self._text, entry, key)}" if self._file else "stubs"
        shown = f"[{entry}]" if entry.startswith(f"{_TYPES}.") else f'["{entry}"]'
        self.problems.append(
            f"{place}: {shown}{f' {key}' if key else ''}: {problem}{'' if problem.endswith(('?', '.')) else '.'}"
        )


def line_of(text: str, entry: str, key: str = "") -> int:
    """Return the number of the line where a TOML file has a table, or a key within it: as near as can be told."""
    quoted = "|".join(re.escape(form) for form in (f'"{entry}"', f"'{entry}'", entry))
    parts = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in entry.split("."))
    lines = text.splitlines()
    header = re.compile(rf"\s*\[\[?\s*(?:{quoted}|{parts})\s*[\].]|\s*(?:{quoted}|{parts})\s*[.=]")
    start = next((number for number, line in enumerate(lines) if header.match(line)), 0)
    if not key:
        return start + 1
    wanted = re.compile(rf"(?:^|[\s{{,.\[])[\"']?{re.escape(key)}[\"']?\s*[=\].]")
    return next((number for number, line in enumerate(lines) if number >= start and wanted.search(line)), start) + 1


def _error(entry: str, error: Mapping[str, Any]) -> ActivityError:
    return ActivityError(
        str(error.get("errorCode", "StubbedFailure")),
        str(error.get("message", f"The stub of {entry} says that it fails.")),
        failure_type=str(error.get("failureType", "UserError")),
        details=error.get("details", ""),
    )


def _evaluated(value: Any, evaluate: Any) -> Any:
    if isinstance(value, str):
        return evaluate(value) if value.startswith("@") else value
    if isinstance(value, Mapping):
        return {key: _evaluated(item, evaluate) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_evaluated(item, evaluate) for item in value]
    # TOML has dates and times of its own; JSON has none.
    return value if value is None or isinstance(value, bool | int | float) else value.isoformat()


def _folded(pipeline: str, activity: str) -> Name:
    return pipeline.casefold(), activity.casefold()


def stubbed_activities(runs: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (pipeline, activity, type) of every activity run of pipeline runs that a stub answered for."""
    for run in runs:
        for activity in run.activity_runs:
            if activity.stubbed:
                yield activity.pipeline_name, activity.activity_name, activity.activity_type
