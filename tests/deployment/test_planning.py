"""What a plan says, and what it refuses to do."""

from pathlib import Path
from typing import Any

import pytest

from deployment.errors import PlanFileError
from deployment.plan import Action, Operation, Plan, load_plan, what_differs
from fakes.bundles import linked_service, pipeline, schedule_trigger, window_trigger
from fakes.cloud import Cloud


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(action.operation.value, action.label) for action in plan.actions]


def test_actions_stand_in_the_order_in_which_they_are_done(deployed: Cloud) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_New"))
    deployed.bundle.put("pipeline", pipeline("PL_Parent", calls="PL_New"))
    deployed.bundle.put("trigger", schedule_trigger("TR_New", "PL_Parent"))
    deployed.bundle.remove("pipeline", "PL_Old")
    deployed.bundle.notebook("load", "changed")
    assert actions(deployed.plan()) == [
        ("update", "notebook /Shared/app/notebooks/load"),
        ("create", "pipeline/PL_New"),
        ("update", "pipeline/PL_Parent"),
        ("create", "trigger/TR_New"),
        ("delete", "pipeline/PL_Old"),
    ]


def test_a_source_that_changed_shows_as_a_notebook_does(deployed: Cloud) -> None:
    path = "/Shared/app/notebooks/sources/shop.toml"
    deployed.bundle.module("sources/shop.toml", '[source]\ntype = "sql"\nurl = "jdbc:x:y"\n')
    assert ("create", f"file {path}") in actions(deployed.plan())
    deployed.apply()
    assert deployed.workspace.files[path][1].startswith(b"[source]")
    deployed.bundle.module("sources/shop.toml", '[source]\ntype = "sql"\nurl = "jdbc:x:z"\n')
    assert actions(deployed.plan()) == [("update", f"file {path}")]


def test_a_plan_carries_what_it_was_made_from(deployed: Cloud) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Old", concurrency=3))
    (action,) = deployed.plan().actions
    assert action.etag == deployed.factory._etags["pipeline", "PL_Old"]
    assert len(action.content or "") == 64
    assert [(change.path, change.old, change.new) for change in action.changes] == [("properties.concurrency", None, 3)]


def test_a_saved_plan_is_the_same_plan(deployed: Cloud, tmp_path: Path) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Old", concurrency=3))
    deployed.bundle.remove("trigger", "TR_Kept")
    plan = deployed.plan()
    plan.save(tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == plan
    assert what_differs(load_plan(tmp_path / "plan.json"), deployed.plan()) == []


def test_a_plan_that_cannot_be_written_is_an_error(deployed: Cloud, tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match="cannot be written"):
        deployed.plan().save(tmp_path / "nowhere" / "plan.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda cloud: cloud.bundle.put("pipeline", pipeline("PL_Old", concurrency=4)),
        lambda cloud: cloud.bundle.notebook("load", "changed"),
        lambda cloud: cloud.factory.seed("pipeline", pipeline("PL_Old")),
        lambda cloud: cloud.factory.seed("pipeline", pipeline("PL_Child", concurrency=2)),
        lambda cloud: cloud.factory.states.update(TR_Daily="Stopped"),
        lambda cloud: cloud.workspace.files.pop("/Shared/app/notebooks/load"),
        lambda cloud: cloud.environment_options.update(root="/Shared/elsewhere"),
    ],
    ids=["object", "notebook", "etag", "drift", "trigger", "file", "environment"],
)
def test_whatever_changes_makes_a_plan_stale(deployed: Cloud, change: Any) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Old", concurrency=3))
    saved = deployed.plan()
    change(deployed)
    assert what_differs(saved, deployed.plan()) != []


def refusals(cloud: Cloud, **options: Any) -> list[str]:
    return [refusal.replace(str(cloud.bundle.adf), "adf") for refusal in cloud.plan(**options).refusals]


def test_an_object_of_another_with_our_name_is_refused_until_it_is_adopted(deployed: Cloud) -> None:
    foreign = pipeline("PL_Child", annotations=["other team"])
    deployed.factory.seed("pipeline", foreign)
    assert refusals(deployed) == [
        "pipeline/PL_Child: the factory has one that is not this bundle's (no annotation 'continuous-ingestion'). "
        "Rename yours, or take it over with --adopt."
    ]
    assert refusals(deployed, adopt=True) == []


def test_a_name_that_differs_in_case_only_is_refused(deployed: Cloud) -> None:
    deployed.bundle.remove("pipeline", "PL_Child")
    deployed.bundle.put("pipeline", pipeline("PL_CHILD"))
    assert refusals(deployed) == [
        "adf/pipeline/PL_CHILD.json: the factory has pipeline/PL_Child; names ignore case. "
        "Use that name, or delete it first."
    ]


def test_a_reference_to_nothing_is_refused(deployed: Cloud) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Child", calls="PL_Nowhere"))
    assert refusals(deployed) == [
        "adf/pipeline/PL_Child.json: $.properties.activities[1].typeProperties.pipeline.referenceName: "
        "pipeline/PL_Nowhere is neither in the bundle nor in the factory."
    ]


def test_a_reference_to_what_another_owns_is_fine(deployed: Cloud) -> None:
    deployed.factory.seed("pipeline", {"name": "PL_Other", "properties": {"activities": []}})
    deployed.bundle.put("pipeline", pipeline("PL_Child", calls="PL_Other"))
    assert refusals(deployed) == []


def test_a_delete_that_a_kept_object_refers_to_is_refused(deployed: Cloud) -> None:
    deployed.bundle.remove("linkedService", "LS_Databricks")
    deployed.bundle.remove("pipeline", "PL_Old")
    assert refusals(deployed)[0] == (
        "adf/pipeline/PL_Child.json: $.properties.activities[0].linkedServiceName.referenceName: "
        "linkedService/LS_Databricks is deleted by this plan."
    )
    deployed.bundle.put("linkedService", linked_service("LS_Databricks", baseUrl="https://one"))
    calling = pipeline("PL_Other", calls="PL_Old")
    deployed.factory.seed("pipeline", {**calling, "properties": {**calling["properties"], "annotations": []}})
    assert refusals(deployed) == [
        "pipeline/PL_Old: cannot be deleted: pipeline/PL_Other, which stays, refers to it "
        "($.properties.activities[1].typeProperties.pipeline.referenceName)."
    ]


def test_pipelines_that_call_each_other_in_a_circle_are_refused(deployed: Cloud) -> None:
    deployed.bundle.put("pipeline", pipeline("PL_Child", calls="PL_Parent"))
    assert refusals(deployed) == [
        "circular references: pipeline/PL_Child -> pipeline/PL_Parent -> pipeline/PL_Child. Break the circle."
    ]


def test_more_deletes_than_allowed_need_a_flag(deployed: Cloud) -> None:
    for number in range(11):
        deployed.factory.seed("pipeline", pipeline(f"PL_{number}"))
    assert refusals(deployed) == [
        "11 deletes are more than the 10 that are allowed. If they are meant, say --max-deletes 11."
    ]
    assert refusals(deployed, max_deletes=11) == []


@pytest.mark.parametrize(
    ("trigger", "path"),
    [
        (window_trigger("TR_Window", "PL_Child", interval=2), "properties.typeProperties.interval"),
        (schedule_trigger("TR_Window", "PL_Child"), "properties.type"),
    ],
)
def test_the_window_of_a_tumbling_window_trigger_cannot_be_moved(
    deployed: Cloud, trigger: dict[str, Any], path: str
) -> None:
    deployed.bundle.put("trigger", window_trigger("TR_Window", "PL_Child"))
    deployed.apply()
    deployed.bundle.put("trigger", trigger)
    assert any(
        f"adf/trigger/TR_Window.json: {path}: a tumbling window trigger keeps it" in line for line in refusals(deployed)
    )


def test_the_rest_of_a_tumbling_window_trigger_can_change(deployed: Cloud) -> None:
    deployed.bundle.put("trigger", window_trigger("TR_Window", "PL_Child"))
    deployed.apply()
    deployed.bundle.put("trigger", window_trigger("TR_Window", "PL_Child", delay="00:05:00"))
    deployed.apply()
    assert deployed.factory.objects["trigger", "TR_Window"]["typeProperties"]["delay"] == "00:05:00"
    assert deployed.factory.states["TR_Window"] == "Started"


def test_what_is_not_deployed_is_noted(deployed: Cloud) -> None:
    deployed.bundle.put("factory", {"name": "adf-test", "properties": {"globalParameters": {}}})
    assert [note.rpartition("/")[2] for note in deployed.plan().notes] == [
        "adf-test.json: not deployed: a factory is made with the infrastructure."
    ]
    assert ("factory", "adf-test") not in {(action.kind, action.name) for action in deployed.plan().actions}


@pytest.mark.parametrize(
    ("action", "sends"),
    [
        (Action(Operation.CREATE, "pipeline", "P"), True),
        (Action(Operation.DELETE, "pipeline", "P"), False),
        (Action(Operation.UPDATE, "trigger", "T"), False),
    ],
)
def test_only_what_has_new_content_is_sent(action: Action, sends: bool) -> None:
    assert action.sends is sends


@pytest.mark.parametrize(("kind", "name"), [("group", "users"), ("user", "eve@example.com")])
@pytest.mark.parametrize("folder", ["/Shared/app", "/Shared"], ids=["its own right", "inherited"])
def test_a_folder_that_others_may_write_is_refused(deployed: Cloud, kind: str, name: str, folder: str) -> None:
    deployed.workspace.permissions[folder] = [(kind, name, "CAN_EDIT")]
    (refusal,) = deployed.plan().refusals
    assert refusal.startswith(
        f"/Shared/app: {name} may write in it, and what stands there runs with the pipelines' rights"
    )


def test_a_folder_that_is_not_there_yet_has_the_rights_of_the_one_above_it(cloud: Cloud) -> None:
    cloud.workspace.permissions["/Shared"] = [("group", "users", "CAN_MANAGE")]
    assert "users may write in it" in cloud.plan().refusals[0]


def test_the_deployer_the_administrators_and_the_owner_of_the_home_may_write(cloud: Cloud) -> None:
    cloud.environment_options["root"] = "/Users/owner/app"
    cloud.workspace.folders |= {"/Users", "/Users/owner", "/Users/owner/app"}
    cloud.workspace.permissions["/Users/owner"] = [
        ("service_principal", "owner", "CAN_MANAGE"),
        ("service_principal", "deployer", "CAN_MANAGE"),
        ("group", "admins", "CAN_MANAGE"),
        ("group", "users", "CAN_READ"),
    ]
    assert cloud.plan().refusals == ()


@pytest.mark.parametrize(("live", "changed"), [("0.12:00:00", False), ("7.00:00:00", True), ("0.01:00:00", True)])
def test_a_timeout_that_the_file_no_longer_gives_is_twelve_hours(deployed: Cloud, live: str, changed: bool) -> None:
    activity = deployed.factory.objects["pipeline", "PL_Old"]["activities"][0]
    activity["policy"] = {"timeout": live}
    assert bool(deployed.plan().actions) == changed
