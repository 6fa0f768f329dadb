"""Dashboards in the workspace: made, published, shared, compared with what people did to them, and put back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bundle.errors import BundleError
from deployment.errors import DeploymentError
from fakes.bundles import linked_service
from fakes.cloud import Cloud
from fakes.http_service import Fault
from fakes.workspace_service import Dashboard

FOLDER = Path(__file__).resolve().parents[2] / "infra" / "dashboards"
PATH = "/Shared/app/dashboards/Ingestion.lvdash.json"
LAKE = "abfss://raw-data@lake.dfs.core.windows.net"
SETTINGS = 'warehouse_id = "w1"\ndashboard_readers = "users, analysts"\n'


@pytest.fixture
def boards(cloud: Cloud) -> Cloud:
    """A bundle with the dashboard of this one, and an environment with a warehouse for it."""
    shutil.copytree(FOLDER, cloud.bundle.root / "infra" / "dashboards")
    cloud.environment_options["more"] = SETTINGS
    cloud.bundle.put("linkedService", linked_service("LS_Databricks", newClusterSparkEnvVars={"LAKE_ROOT": LAKE}))
    return cloud


def only(cloud: Cloud) -> tuple[str, Dashboard]:
    [found] = cloud.workspace.dashboards.items()
    return found


def document(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(only(cloud)[1].draft["serialized_dashboard"])
    return found


def dashboard_calls(cloud: Cloud) -> list[str]:
    return [call for call in cloud.workspace.writes if "/lakeview/" in call or "/permissions/dashboards" in call]


def changes(cloud: Cloud) -> dict[str, tuple[Any, Any]]:
    return {
        change.path: (change.old, change.new)
        for action in cloud.plan().actions
        if action.kind == "dashboard"
        for change in action.changes
    }


def test_a_dashboard_is_made_published_and_shared(boards: Cloud):
    boards.apply()
    _, board = only(boards)
    assert board.path == PATH
    assert board.draft["warehouse_id"] == "w1"
    assert board.published == {"warehouse_id": "w1", "embed_credentials": False}
    assert {"group_name": "analysts", "permission_level": "CAN_READ"} in board.access
    assert {"group_name": "users", "permission_level": "CAN_READ"} in board.access
    queries = ["".join(dataset["queryLines"]) for dataset in document(boards)["datasets"]]
    assert any(f"text.`{LAKE}/ingest_runs`" in query for query in queries)
    assert any(f"parquet.`{LAKE}/customer_data`" in query for query in queries)


def test_a_second_plan_is_empty_though_the_workspace_has_added_to_the_document(boards: Cloud):
    boards.apply()
    assert document(boards)["pages"][0]["layoutVersion"]
    boards.forget()
    assert boards.plan().actions == ()
    assert f"dashboard {PATH}" in boards.plan().unchanged
    boards.apply()
    assert dashboard_calls(boards) == []


def test_where_the_tables_lie_follows_what_the_notebooks_are_told(boards: Cloud):
    variables = {"LAKE_ROOT": LAKE, "TABLE_FORMAT": "delta", "CATALOG": "", "SCHEMA": ""}
    boards.bundle.put("linkedService", linked_service("LS_Databricks", newClusterSparkEnvVars=variables))
    boards.apply()
    assert f"delta.`{LAKE}/customer_data`" in json.dumps(document(boards))
    in_catalog = {**variables, "CATALOG": "main", "SCHEMA": "shop"}
    boards.bundle.put("linkedService", linked_service("LS_Databricks", newClusterSparkEnvVars=in_catalog))
    assert "dashboard.datasets.products.queryLines" in changes(boards)
    boards.apply()
    assert "`main`.`shop`.`customer_data`" in json.dumps(document(boards))


def test_what_somebody_edited_by_hand_is_shown_before_it_is_overwritten(boards: Cloud):
    boards.apply()
    number, board = only(boards)
    pages = document(boards)["pages"]
    [lag] = [placed for placed in pages[0]["layout"] if placed["widget"]["name"] == "lag"]
    lag["widget"]["spec"]["frame"]["title"] = "Lag"
    lag["widget"]["spec"]["encodings"]["value"]["style"] = {"bold": True}
    pages[1]["layout"].append({"widget": {"name": "note", "multilineTextboxSpec": {"lines": ["x"]}}, "position": {}})
    boards.workspace.edit_dashboard(number, pages=pages)
    found = changes(boards)
    assert found["dashboard.pages.health.layout.lag.widget.spec.frame.title"] == ("Lag", "Longest lag, hours")
    assert found["dashboard.pages.health.layout.lag.widget.spec.encodings.value.style"] == ({"bold": True}, None)
    assert found["dashboard.pages.customers.layout.note"][1] is None
    boards.apply()
    assert board.path == PATH
    assert '"note"' not in json.dumps(document(boards))
    assert boards.plan().actions == ()


def test_what_is_published_and_by_which_warehouse_is_compared_too(boards: Cloud):
    boards.apply()
    only(boards)[1].published = {"warehouse_id": "other", "embed_credentials": True}
    assert changes(boards) == {
        "published.warehouse_id": ("other", "w1"),
        "published.embed_credentials": (True, False),
    }
    only(boards)[1].published = None
    assert changes(boards)["published"][0] is None
    boards.environment_options["more"] = SETTINGS + 'dashboard_credentials = "embedded"\n'
    boards.apply()
    assert only(boards)[1].published == {"warehouse_id": "w1", "embed_credentials": True}


def test_access_that_people_gave_stays_and_what_was_taken_comes_back(boards: Cloud):
    boards.apply()
    _, board = only(boards)
    theirs = {"user_name": "ada@example.com", "permission_level": "CAN_EDIT"}
    board.access = [theirs, *(entry for entry in board.access if entry.get("group_name") != "analysts")]
    assert changes(boards) == {"access.analysts": (None, {"group_name": "analysts", "permission_level": "CAN_READ"})}
    boards.apply()
    assert theirs in board.access
    assert {"group_name": "analysts", "permission_level": "CAN_READ"} in board.access
    assert boards.plan().actions == ()


def test_without_a_warehouse_none_is_deployed_none_is_deleted_and_the_plan_says_so(boards: Cloud):
    boards.apply()
    boards.environment_options["more"] = 'warehouse_id = "${NONE:-}"\n'
    plan = boards.plan()
    assert plan.actions == ()
    assert any("not deployed: databricks.warehouse_id is not set" in note for note in plan.notes)


def test_a_dashboard_that_left_the_bundle_goes_to_the_trash(boards: Cloud):
    boards.apply()
    file = boards.bundle.root / "infra" / "dashboards" / "ingestion.lvdash.json"
    file.rename(file.with_name("other.lvdash.json"))
    assert [(action.operation, action.name) for action in boards.plan().actions if action.kind == "dashboard"] == [
        ("create", "/Shared/app/dashboards/Other.lvdash.json"),
        ("delete", PATH),
    ]
    boards.apply()
    assert [board.path for board in boards.workspace.dashboards.values()] == [
        "/Shared/app/dashboards/Other.lvdash.json"
    ]
    assert boards.plan().actions == ()


def test_a_wrong_file_is_an_error_before_anything_is_asked(boards: Cloud):
    file = boards.bundle.root / "infra" / "dashboards" / "ingestion.lvdash.json"
    file.write_text('{"datasets": [], "pages": []}', encoding="utf-8")
    with pytest.raises(BundleError, match=r"ingestion\.lvdash\.json: pages: there is none"):
        boards.plan()


def test_a_plan_that_somebody_edits_under_is_stale(boards: Cloud):
    boards.apply()
    boards.environment_options["more"] = SETTINGS.replace("w1", "w2")
    saved = boards.plan()
    boards.workspace.edit_dashboard(only(boards)[0], uiSettings={})
    with pytest.raises(DeploymentError, match=r"dashboard /Shared/app/dashboards/Ingestion\.lvdash\.json: is not what"):
        boards.apply(saved)


def test_a_rollback_puts_the_draft_what_is_published_and_the_access_back(boards: Cloud):
    boards.apply()
    boards.environment_options["more"] = 'warehouse_id = "w2"\ndashboard_readers = "others"\n'
    before = boards.state()["dashboards"]
    done = boards.apply()
    assert boards.state()["dashboards"] != before
    assert done.snapshot is not None
    assert f"dashboard {PATH}" in boards.rollback(done.snapshot)
    assert boards.state()["dashboards"] == before


def test_a_rollback_takes_away_what_the_deployment_made(boards: Cloud):
    done = boards.apply()
    assert done.snapshot is not None
    boards.rollback(done.snapshot)
    assert boards.workspace.dashboards == {}


@pytest.mark.parametrize("there", [False, True], ids=["made", "changed"])
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.FAIL_AFTER], ids=["refused", "lost"])
@pytest.mark.parametrize(
    ("method", "ending"),
    [
        *(("POST", "/lakeview/dashboards"), ("PATCH", "/lakeview/dashboards/"), ("POST", "/published")),
        *(("PUT", "/permissions/dashboards/"), ("PATCH", "/permissions/dashboards/"), ("POST", "/workspace/import")),
    ],
)
def test_whatever_call_fails_all_is_as_it_was(boards: Cloud, there: bool, fault: Fault, method: str, ending: str):
    if there:
        boards.apply()
        boards.environment_options["more"] = 'warehouse_id = "w2"\ndashboard_readers = "others"\n'
    before = boards.state()["dashboards"]
    left = [1]

    def fails(sent: str, path: str) -> Fault | None:
        # Of uploads only that of the record: it comes last.
        is_meant = sent == method and (path.endswith(ending) or (ending.endswith("/") and ending in path))
        if ending == "/workspace/import":
            is_meant = is_meant and any("/lakeview/" in call for call in boards.workspace.writes)
        return fault if is_meant and left and left.pop() else None

    boards.forget()
    boards.workspace.faults.every = fails
    try:
        boards.apply()
    except DeploymentError:
        assert boards.state()["dashboards"] == before
    else:
        assert boards.plan().actions == ()
