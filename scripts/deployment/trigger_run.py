"""Runs a pipeline now, as "Trigger Now" does, and follows it with its activities, children too, until it ends."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from bundle.documents import mapping
from bundle.environments import LOOPBACK, AzureSettings
from bundle.resources import ResourceKey
from deployment.errors import RunError
from deployment.factory import Factory

SUCCEEDED = "Succeeded"

_ENDED = (SUCCEEDED, "Failed", "Cancelled")
# Seconds between two looks at a run: short runs are not kept waiting, long ones are not asked too often.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 15.0


@dataclass(frozen=True)
class Run:
    """A pipeline run as the service describes it, its activity runs, and the runs that its activities started."""

    document: Mapping[str, Any]
    activities: tuple[Mapping[str, Any], ...]
    children: tuple["Run", ...]

    @property
    def status(self) -> str:
        """`Succeeded`, `Failed`, `Cancelled`, or a state on the way there."""
        return str(self.document.get("status"))

    def to_json(self) -> dict[str, Any]:
        """Return the run with its activity runs and children as JSON values."""
        return {
            **self.document,
            "activityRuns": list(self.activities),
            "children": [child.to_json() for child in self.children],
        }

    def summary(self) -> Iterator[str]:
        """Yield the outcome in a line, and below it what failed."""
        yield f"{self.document.get('pipelineName')}: {self.status}"
        if self.status != SUCCEEDED and self.document.get("message"):
            yield str(self.document["message"])
        yield from self.errors()

    def errors(self) -> Iterator[str]:
        """Yield one line for every failed activity, with the address of its notebook run where it has one."""
        for activity in self.activities:
            if activity.get("status") == "Failed":
                error = mapping(activity.get("error"))
                page = mapping(activity.get("output")).get("runPageUrl")
                reason = f"{error.get('errorCode')}: {error.get('message')}"
                yield f"{self.document.get('pipelineName')}.{activity.get('activityName')}: {reason}" + (
                    f" (run page: {page})" if page else ""
                )
        for child in self.children:
            yield from child.errors()


def read_parameters(factory: Factory, pipeline: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return a pipeline's parameters, given as NAME=VALUE, by their declared types: String as text, others as JSON.

    Raises:
        RunError: no such pipeline, an unknown or missing parameter, or a value of the wrong type.
        FactoryError: no answer.
    """
    for text in texts:
        if "=" not in text:
            raise RunError(f"--param {text}: is written NAME=VALUE.")
    given = dict(text.split("=", 1) for text in texts)
    live = factory.get(ResourceKey("pipeline", pipeline))
    if live is None:
        raise RunError(f"pipeline/{pipeline}: the factory {factory.name} has no such pipeline. Deploy it first.")
    declared = mapping(live.properties.get("parameters"))
    problems = [
        f"{name}: no parameter of {pipeline}; it has {', '.join(declared) or 'none'}."
        for name in given
        if name not in declared
    ]
    problems += [
        f"{name}: is required. Give --param {name}=VALUE."
        for name, declaration in declared.items()
        if name not in given and mapping(declaration).get("defaultValue") is None
    ]
    values: dict[str, Any] = {}
    for name, text in given.items():
        kind = str(mapping(declared.get(name)).get("type", "String"))
        try:
            values[name] = _typed(text, kind)
        except ValueError:
            problems.append(f"{name}: {text!r} is no {kind}.")
    if problems:
        raise RunError("\n".join(problems))
    return values


def follow(
    factory: Factory, run_id: str, progress: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Run:
    """Return a run once it has ended; every change of state on the way is told.

    Raises:
        FactoryError: no answer.
    """
    told: dict[str, str] = {}
    wait = _FIRST_WAIT
    while True:
        run = read_run(factory, run_id)
        for name, status in _states(run, ""):
            if told.get(name) != status:
                told[name] = status
                progress(f"{status:<11} {name}")
        if run.status in _ENDED:
            return run
        sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)


def read_run(factory: Factory, run_id: str) -> Run:
    """Return a run as it is now, with its activities and children."""
    document = factory.get_run(run_id)
    activities = factory.activity_runs(run_id)
    children = [mapping(activity.get("output")).get("pipelineRunId") for activity in activities]
    return Run(document, tuple(activities), tuple(read_run(factory, str(child)) for child in children if child))


def run_page(azure: AzureSettings, run_id: str) -> str:
    """Return the address of a run's page: in ADF Studio's monitor, or of a local factory in its own."""
    if urlsplit(azure.management_url).hostname == LOOPBACK:
        return f"{azure.management_url}/runs/{run_id}"
    return f"https://adf.azure.com/en/monitoring/pipelineruns/{run_id}?factory={quote(azure.factory_id, safe='')}"


def _states(run: Run, prefix: str) -> Iterator[tuple[str, str]]:
    name = f"{prefix}{run.document.get('pipelineName')}"
    yield name, run.status
    for activity in run.activities:
        yield f"{name}.{activity.get('activityName')}", str(activity.get("status"))
    for child in run.children:
        yield from _states(child, f"{name} > ")


def _typed(text: str, kind: str) -> Any:
    expected: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "array": (list,),
        "object": (dict,),
    }
    types = expected.get(kind.casefold())
    if types is None:
        return text
    value = json.loads(text)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(text)
    return value
