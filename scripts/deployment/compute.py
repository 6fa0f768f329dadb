"""How an environment's factory reaches Databricks: sign-in and access mode, put into the linked services. Pure."""

from collections.abc import Mapping
from typing import Any

from bundle.documents import mapping
from bundle.environments import AccessMode, DatabricksSettings, SignIn, with_document
from bundle.resources import Resource

LINKED_SERVICE = "AzureDatabricks"
# A single node is for one identity: the standard access mode wants a worker.
_SINGLE_NODE = ("spark.databricks.cluster.profile", "spark.master")


def with_compute(resource: Resource, databricks: DatabricksSettings) -> Resource:
    """Return a linked service to Databricks as `sign_in` and `access_mode` ask for it; any other object as it is."""
    if resource.key.kind != "linkedService" or resource.properties.get("type") != LINKED_SERVICE:
        return resource
    before = mapping(resource.properties.get("typeProperties"))
    after = dict(before)
    if databricks.sign_in is SignIn.MANAGED_IDENTITY:
        after = _signed_in_as_itself(after, str(databricks.resource_id))
    if databricks.access_mode is not None and "newClusterVersion" in after:
        after = _in_access_mode(after, databricks.access_mode)
    if after == before:
        return resource
    properties = {**resource.properties, "typeProperties": after}
    return with_document(resource, {**resource.document, "properties": properties})


def _signed_in_as_itself(given: Mapping[str, Any], resource_id: str) -> dict[str, Any]:
    without_token = {key: value for key, value in given.items() if key != "accessToken"}
    return {**without_token, "authentication": "MSI", "workspaceResourceId": resource_id}


def _in_access_mode(given: Mapping[str, Any], mode: AccessMode) -> dict[str, Any]:
    if mode is AccessMode.DEDICATED:
        return {**given, "dataSecurityMode": "SINGLE_USER"}
    conf = {key: value for key, value in mapping(given.get("newClusterSparkConf")).items() if key not in _SINGLE_NODE}
    tags = {key: value for key, value in mapping(given.get("newClusterCustomTags")).items() if key != "ResourceClass"}
    workers = given.get("newClusterNumOfWorker")
    return {
        **given,
        "dataSecurityMode": "USER_ISOLATION",
        "newClusterNumOfWorker": "1" if workers in (None, "0") else workers,
        "newClusterSparkConf": conf,
        "newClusterCustomTags": tags,
    }
