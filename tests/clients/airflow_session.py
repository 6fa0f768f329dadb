"""Airflow's Data Factory hook, operator and sensor against a local factory; run by a Python that has the provider.

    AZURE_ACCESS_TOKEN=TOKEN LOCAL_FACTORY_URL=http://127.0.0.1:8765 python airflow_session.py PIPELINE FAILING SLOW

The provider has no setting for the service's address: a hook's `_create_client` is the one place that names it.
"""

import json
import os
import sys
from typing import Any
from unittest.mock import MagicMock

URL, TOKEN = os.environ.get("LOCAL_FACTORY_URL", "http://127.0.0.1:8765"), os.environ["AZURE_ACCESS_TOKEN"]
CONNECTION = {
    "conn_type": "azure_data_factory",
    "extra": {"subscriptionId": "sub", "resource_group_name": "group", "factory_name": "factory"},
}
os.environ["AIRFLOW_CONN_AZURE_DATA_FACTORY_DEFAULT"] = json.dumps(CONNECTION)

from airflow.exceptions import AirflowException  # noqa: E402
from airflow.providers.microsoft.azure.hooks.data_factory import (  # noqa: E402
    AzureDataFactoryHook,
    AzureDataFactoryPipelineRunStatus,
)
from airflow.providers.microsoft.azure.operators.data_factory import (  # noqa: E402
    AzureDataFactoryRunPipelineOperator,
)
from airflow.providers.microsoft.azure.sensors.data_factory import (  # noqa: E402
    AzureDataFactoryPipelineRunStatusSensor,
)
from azure.core.credentials import AccessToken  # noqa: E402
from azure.core.pipeline.policies import SansIOHTTPPolicy  # noqa: E402
from azure.mgmt.datafactory import DataFactoryManagementClient  # noqa: E402


class FixedToken(SansIOHTTPPolicy):
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(TOKEN, 2**31)

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {TOKEN}"


def local_client(_credential: Any, subscription_id: str) -> DataFactoryManagementClient:
    token = FixedToken()
    return DataFactoryManagementClient(token, subscription_id, URL, authentication_policy=token)


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(good: str, bad: str, slow: str) -> None:
    """Run each of the provider's parts, and stop at the first that does not do what it says."""
    AzureDataFactoryHook._create_client = staticmethod(local_client)
    place = ("group", "factory")
    hook = AzureDataFactoryHook()

    run_id = hook.run_pipeline(good, *place).run_id
    assert hook.wait_for_pipeline_run_status(
        run_id, AzureDataFactoryPipelineRunStatus.SUCCEEDED, *place, check_interval=1, timeout=240
    )
    tell(f"hook: {good} {hook.get_pipeline_run_status(run_id, *place)}")

    run_id = hook.run_pipeline(slow, *place).run_id
    hook.cancel_pipeline_run(run_id, *place)
    assert hook.wait_for_pipeline_run_status(
        run_id, AzureDataFactoryPipelineRunStatus.CANCELLED, *place, check_interval=1, timeout=240
    )
    tell(f"hook: {slow} {hook.get_pipeline_run_status(run_id, *place)}")
    tell(f"hook: pipeline {hook.get_pipeline(good, *place).name}, factory {hook.get_factory(*place).name}")
    tell(f"hook: test_connection {hook.test_connection()}")

    options: dict[str, Any] = {"check_interval": 1, "timeout": 60, "resource_group_name": place[0]}
    operator = AzureDataFactoryRunPipelineOperator(
        task_id="good", pipeline_name=good, factory_name=place[1], wait_for_termination=True, **options
    )
    operator.execute({"ti": MagicMock()})
    tell(f"operator: {good} ran to its end as {operator.run_id}")

    operator = AzureDataFactoryRunPipelineOperator(
        task_id="bad", pipeline_name=bad, factory_name=place[1], wait_for_termination=True, **options
    )
    try:
        operator.execute({"ti": MagicMock()})
    except AirflowException as error:
        tell(f"operator: {bad} failed, as it should: {type(error).__name__}")
    else:
        raise AssertionError(bad)

    again = AzureDataFactoryRunPipelineOperator(
        task_id="again",
        pipeline_name=good,
        factory_name=place[1],
        reference_pipeline_run_id=hook.run_pipeline(good, *place).run_id,
        is_recovery=True,
        wait_for_termination=True,
        **options,
    )
    again.execute({"ti": MagicMock()})
    tell("operator: a rerun ran to its end")

    sensor = AzureDataFactoryPipelineRunStatusSensor(
        task_id="sensor", run_id=again.run_id, resource_group_name=place[0], factory_name=place[1]
    )
    assert sensor.poke({}) is True
    tell("sensor: saw the run's end")


if __name__ == "__main__":
    main(*sys.argv[1:])
