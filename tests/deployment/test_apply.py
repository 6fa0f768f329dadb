"""Applying a bundle to a factory and a workspace."""

from deployment.plan import Operation

from fakes.cloud import Cloud


def test_a_first_apply_creates_everything_and_starts_the_triggers(cloud: Cloud) -> None:
    done = cloud.apply()
    assert {action.operation for action in done.plan.actions} == {Operation.CREATE}
    assert cloud.factory.states == {"TR_Daily": "Started", "TR_Kept": "Started"}
    assert cloud.workspace.files["/Shared/app/notebooks/load"][0] == "NOTEBOOK"
    assert cloud.workspace.files["/Shared/app/notebooks/ingestion/lake.py"] == ("FILE", b"ROOT = 1\n")
    assert cloud.locks() == []


def test_a_second_apply_changes_nothing_and_writes_nothing(deployed: Cloud) -> None:
    before = deployed.state()
    done = deployed.apply()
    assert done.plan.actions == ()
    assert deployed.factory.writes == []
    assert deployed.workspace.writes == []
    assert deployed.state() == before
