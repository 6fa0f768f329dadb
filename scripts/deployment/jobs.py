"""Databricks jobs on serverless compute, in place of a job cluster for each notebook activity. Pure.

Data Factory's activity DatabricksJob takes `jobId` and `jobParameters`: so Microsoft's SDK has it, while the pages of
the documentation also say `jobPath` and `baseParameters`. A job's id is known once the job is there: until then the
activity holds a mark in its place, which is replaced as the pipeline is sent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bundle.activities import INNER_LISTS, Activity
from bundle.bundle import notebook_path
from bundle.documents import items, mapping, text
from bundle.environments import Compute, Environment, with_document
from bundle.layout import bundle_folder
from bundle.resources import Resource, ResourceKey

TEMPLATE = "infra/databricks/job.json"
# The keys of the one environment and the one task of a job.
_KEY = "default"
_MARK = re.compile(r"\$\{job:([^}]+)\}")
# Set for the cluster itself; serverless compute brings its own.
_OF_CLUSTERS = {"PYSPARK_PYTHON"}


@dataclass(frozen=True)
class Job:
    """A job as the workspace holds it: its id, and its settings as the Jobs API has them."""

    id: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class OnJobs:
    """A bundle's objects with notebook activities turned into job activities, the jobs by name, and what stays why."""

    objects: Mapping[ResourceKey, Resource]
    jobs: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]


def on_jobs(objects: Mapping[ResourceKey, Resource], environment: Environment) -> OnJobs:
    """Return the objects as `compute` asks for them.

    An activity stays what it is where another one reads what its notebook answers: what a job activity answers is not
    documented.
    """
    if environment.databricks.compute is not Compute.SERVERLESS:
        return OnJobs(objects, {}, ())
    template = json.loads(bundle_folder(TEMPLATE).read_text(encoding="utf-8"))
    builder = _Builder(objects, environment, template)
    changed = {
        key: builder.pipeline(resource) if key.kind == "pipeline" else resource for key, resource in objects.items()
    }
    return OnJobs(changed, builder.jobs, tuple(builder.notes))


def with_job_ids(content: bytes, ids: Mapping[str, str]) -> bytes:
    """Return a pipeline's bytes with the ids of the jobs that are there in place of their marks."""
    return _MARK.sub(lambda match: ids.get(match[1], match[0]), content.decode()).encode()


def resolved(objects: Mapping[ResourceKey, Resource], jobs: Mapping[str, Job]) -> dict[ResourceKey, Resource]:
    """Return the objects with the ids of the jobs that are there."""
    ids = {name: job.id for name, job in jobs.items()}
    return {
        key: with_document(resource, json.loads(with_job_ids(resource.content, ids)))
        if _MARK.search(resource.content.decode(errors="replace"))
        else resource
        for key, resource in objects.items()
    }


def lacking(live: Any, wanted: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, live value, wanted value) where settings are not as wanted; what the service adds is left."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key, value in wanted.items():
            yield from lacking(live.get(key), value, f"{path}.{key}" if path else key)
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for index, (there, value) in enumerate(zip(live, wanted, strict=True)):
            yield from lacking(there, value, f"{path}[{index}]")
    elif live != wanted:
        yield path, live, wanted


class _Builder:
    """Turns the activities of pipelines, one after the other, and collects the jobs."""

    def __init__(
        self, objects: Mapping[ResourceKey, Resource], environment: Environment, template: Mapping[str, Any]
    ) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self._objects = objects
        self._environment = environment
        self._template = template

    def pipeline(self, resource: Resource) -> Resource:
        said = json.dumps(resource.document, ensure_ascii=False)
        activities = self._list(items(resource.properties.get("activities")), resource, said)
        if activities == resource.properties.get("activities"):
            return resource
        return with_document(
            resource, {**resource.document, "properties": {**resource.properties, "activities": activities}}
        )

    def _list(self, activities: Any, resource: Resource, said: str) -> list[Any]:
        return [self._activity(activity, resource, said) for activity in items(activities)]

    def _activity(self, document: Any, resource: Resource, said: str) -> Any:
        activity = Activity(mapping(document), "")
        inner = dict(activity.type_properties)
        for key in INNER_LISTS.get(activity.type, ()):
            if key in inner:
                inner[key] = self._list(inner[key], resource, said)
        if activity.type == "Switch":
            inner["cases"] = [
                {**mapping(case), "activities": self._list(mapping(case).get("activities"), resource, said)}
                for case in items(inner.get("cases"))
            ]
        path = notebook_path(activity)
        if not path:
            return {**activity.document, "typeProperties": inner} if inner != activity.type_properties else document
        if re.search(rf"activity\('{re.escape(activity.name)}'\)\.output\b", said, re.IGNORECASE):
            self.notes.append(
                f"{resource.path}: {activity.name} stays a notebook activity on a job cluster: another activity reads "
                "what its notebook answers, and what a job activity answers is not documented."
            )
            return document
        parameters = mapping(inner.get("baseParameters"))
        name = self._job(
            path, text(mapping(activity.document.get("linkedServiceName")).get("referenceName")), parameters
        )
        job = {"jobId": f"${{job:{name}}}", **({"jobParameters": parameters} if parameters else {})}
        return {**activity.document, "type": "DatabricksJob", "typeProperties": job}

    def _job(self, path: str, linked_service: str, parameters: Mapping[str, Any]) -> str:
        tail = path.rpartition("/notebooks/")[2].strip("/")
        name = f"{self._environment.azure.data_factory}: {tail}"
        service = self._objects.get(ResourceKey("linkedService", linked_service))
        variables = (
            mapping(mapping(service.properties.get("typeProperties")).get("newClusterSparkEnvVars")) if service else {}
        )
        known = {one["name"] for one in self.jobs.get(name, {}).get("parameters", [])} | parameters.keys()
        self.jobs[name] = {
            **self._template,
            "name": name,
            "run_as": {"service_principal_name": self._environment.databricks.run_as},
            "parameters": [{"name": parameter, "default": ""} for parameter in sorted(known)],
            "environment_variables": [
                {
                    "environment_variables_key": _KEY,
                    "spec": {"variables": {key: value for key, value in variables.items() if key not in _OF_CLUSTERS}},
                }
            ],
            "tasks": [
                {
                    "task_key": _KEY,
                    "notebook_task": {"notebook_path": path, "source": "WORKSPACE"},
                    "environment_key": _KEY,
                    "environment_variables_key": _KEY,
                }
            ],
        }
        return name
