"""Setting up the workspace, through the real SDK, against a workspace and vaults that are a server on loopback."""

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

import setup_workspace
from fakes.setup_service import SetupService
from setup_workspace import ending_secrets, renew, set_up
from workspace_setup.errors import SetupError
from workspace_setup.settings import MANAGED_IDENTITY, SERVERLESS, TOKEN, Settings, read_settings
from workspace_setup.vault import Vault
from workspace_setup.workspace import CLUSTER_POLICY

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PIPELINE, DEPLOYER, PLANNER, INFRASTRUCTURE = "app-pipelines", "app-deployer", "app-planner", "infrastructure"
FACTORY = "app-factory"
VAULT_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"
CONNECTORS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/accessConnectors"
LAKE = "stingestiondevabc123"
LOCATION = ("external_location", f"{LAKE}-raw-data")
CREDENTIAL = ("credential", "ingestion-dev-abc123")


@pytest.fixture
def cloud():
    with SetupService(NOW) as service:
        yield service


@pytest.fixture
def settings(cloud):
    return Settings(
        azure_tenant_id="tenant",
        azure_client_id=DEPLOYER,
        azure_infrastructure_client_id=INFRASTRUCTURE,
        azure_planner_client_id=PLANNER,
        pipeline_application_id=PIPELINE,
        data_factory_client_id=FACTORY,
        databricks_host=cloud.url,
        databricks_resource_id="/subscriptions/s/workspace",
        databricks_access_connector_id=f"{CONNECTORS}/dbac",
        notebooks_connector_id=f"{CONNECTORS}/dbac-notebooks",
        key_vault_id=VAULT_ID,
        key_vault_url=f"{cloud.url}/notebooks/",
        operations_vault_url=f"{cloud.url}/operations/",
        storage_account_name=LAKE,
        sign_in=TOKEN,
        compute="job-clusters",
    )


@pytest.fixture
def managed(settings):
    """The set-up in which nothing expires."""
    return dataclasses.replace(settings, sign_in=MANAGED_IDENTITY, credential=CREDENTIAL[1])


@pytest.fixture
def ways(settings, managed):
    tables = dataclasses.replace(managed, catalog="main", schema="ingestion")
    return {"token": settings, "managed": managed, "tables": tables}


@pytest.fixture
def vaults(settings):
    session = requests.Session()
    urls = (settings.key_vault_url, settings.operations_vault_url)
    return tuple(Vault(url, lambda: "vault-token", session) for url in urls)


@pytest.fixture
def run(cloud, settings, vaults):
    """Run the set-up; return (policy id, the lines it reported)."""
    from databricks.sdk import WorkspaceClient

    def sign_in(application_id, secret):
        assert secret == "s3cret"
        return WorkspaceClient(host=cloud.url, token=application_id)

    def set_up_once(now=NOW, *, caller="administrator", settings=settings, sign_in=sign_in, **options):
        lines = []
        workspace = WorkspaceClient(host=cloud.url, token=caller)
        policy_id = set_up(settings, workspace, vaults, sign_in, now=now, report=lines.append, **options)
        return policy_id, lines

    return set_up_once


def held(cloud, what):
    return {who: sorted(privileges) for who, privileges in cloud.unity[what].grants.items()}


def permissions(cloud):
    return {
        (target, entry["service_principal_name"], entry["all_permissions"][0]["permission_level"])
        for target, entries in cloud.permissions.items()
        for entry in entries
        if "service_principal_name" in entry
    }


def test_an_empty_workspace_gets_everything(run, cloud):
    policy_id, _ = run()
    assert policy_id == "POLICY1"
    assert [scope["keyvault_metadata"]["resource_id"] for scope in cloud.scopes.values()] == [VAULT_ID]
    assert {(acl["principal"], acl["permission"]) for acl in cloud.acls} == {
        (PIPELINE, "READ"),
        (INFRASTRUCTURE, "MANAGE"),
    }
    assert [one["applicationId"] for one in cloud.principals] == [PIPELINE, DEPLOYER, PLANNER, INFRASTRUCTURE]
    connector = cloud.unity["storage_credential", LAKE].document["azure_managed_identity"]
    assert connector == {"access_connector_id": f"{CONNECTORS}/dbac"}
    assert cloud.unity[LOCATION].document["url"] == f"abfss://raw-data@{LAKE}.dfs.core.windows.net/"
    assert held(cloud, LOCATION) == {PIPELINE: ["READ_FILES", "WRITE_FILES"], INFRASTRUCTURE: ["MANAGE"]}


def test_no_principal_gets_more_than_its_work_needs(run, cloud, settings):
    run()
    bundle, lease = (
        f"directories/{cloud.folders[path]}" for path in (settings.bundle_folder, f"{settings.bundle_folder}.lock")
    )
    assert permissions(cloud) == {
        (bundle, DEPLOYER, "CAN_MANAGE"),
        (lease, DEPLOYER, "CAN_MANAGE"),
        (bundle, PIPELINE, "CAN_READ"),
        (bundle, PLANNER, "CAN_READ"),
        ("cluster-policies/POLICY1", PIPELINE, "CAN_USE"),
        ("authorization/tokens", PIPELINE, "CAN_USE"),
    }
    assert all(one["entitlements"] == [{"value": "workspace-access"}] for one in cloud.principals)


def test_with_managed_identities_there_is_no_token_no_scope_and_no_secret(run, cloud, managed):
    cloud.vaults["notebooks"].clear()
    run(settings=managed)
    assert cloud.scopes == {}
    assert cloud.tokens == {}
    assert cloud.vaults == {"notebooks": {}, "operations": {}}
    assert cloud.unity[CREDENTIAL].document["purpose"] == "SERVICE"
    assert cloud.unity[CREDENTIAL].document["azure_managed_identity"] == {
        "access_connector_id": f"{CONNECTORS}/dbac-notebooks"
    }
    assert held(cloud, CREDENTIAL) == {FACTORY: ["ACCESS"], INFRASTRUCTURE: ["MANAGE"]}
    assert held(cloud, LOCATION) == {FACTORY: ["READ_FILES", "WRITE_FILES"], INFRASTRUCTURE: ["MANAGE"]}
    assert ("cluster-policies/POLICY1", FACTORY, "CAN_USE") in permissions(cloud)
    assert PIPELINE not in {one["applicationId"] for one in cloud.principals}


def test_jobs_on_serverless_compute_run_as_the_pipelines_principal(run, cloud, managed):
    run(settings=dataclasses.replace(managed, compute=SERVERLESS))
    assert held(cloud, CREDENTIAL) == {FACTORY: ["ACCESS"], PIPELINE: ["ACCESS"], INFRASTRUCTURE: ["MANAGE"]}


def test_tables_get_a_schema_in_which_only_the_runner_writes(run, cloud, managed):
    run(settings=dataclasses.replace(managed, catalog="main", schema="ingestion"))
    assert held(cloud, ("schema", "main.ingestion")) == {
        FACTORY: ["CREATE_TABLE", "MODIFY", "SELECT", "USE_SCHEMA"],
        INFRASTRUCTURE: ["MANAGE"],
    }
    assert held(cloud, ("catalog", "main"))[FACTORY] == ["USE_CATALOG"]


def test_a_catalog_that_is_not_there_or_not_visible_is_named(run, cloud, managed):
    with pytest.raises(SetupError, match=r"catalog sales: is not there, or administrator may not see it.*USE_CATALOG"):
        run(settings=dataclasses.replace(managed, catalog="sales", schema="ingestion"))


def test_the_token_is_the_pipelines_own_and_lies_in_the_other_vault_with_its_expiry(run, cloud):
    run()
    assert [token["owner"] for token in cloud.tokens.values()] == [PIPELINE]
    secret = cloud.vaults["operations"]["databricks-pat"]
    assert secret["value"] == "dapi-1"
    assert secret["attributes"]["exp"] == int((NOW + timedelta(days=90)).timestamp())
    assert "databricks-pat" not in cloud.vaults["notebooks"]


@pytest.mark.parametrize("way", ["token", "managed", "tables"])
@pytest.mark.parametrize("caller", ["administrator", INFRASTRUCTURE])
def test_a_second_run_changes_nothing_whoever_makes_it(run, cloud, ways, way, caller):
    chosen = ways[way]
    run(settings=chosen)
    cloud.requests.clear()
    policy_id, lines = run(settings=chosen, caller=caller)
    assert policy_id == "POLICY1"
    assert cloud.writes == []
    assert all(line.endswith("unchanged") for line in lines)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("storage_credential", LAKE),
        ("external_location", f"{LAKE}-raw-data"),
        ("credential", CREDENTIAL[1]),
        ("schema", "main.ingestion"),
    ],
)
def test_what_is_there_but_may_not_be_seen_says_so_and_who_helps(run, cloud, managed, kind, what):
    chosen = dataclasses.replace(managed, catalog="main", schema="ingestion")
    run(settings=chosen)
    cloud.unity[kind, what].grants.pop(INFRASTRUCTURE)
    expected = rf"{what}: exists, but is not visible to {INFRASTRUCTURE}.*grants update {kind} {what} .*MANAGE"
    with pytest.raises(SetupError, match=expected):
        run(settings=chosen, caller=INFRASTRUCTURE)


def test_what_may_be_seen_but_not_managed_says_so(run, cloud):
    run()
    cloud.unity[LOCATION].grants[INFRASTRUCTURE] = ["READ_FILES"]
    with pytest.raises(SetupError, match=r"raw-data: infrastructure may not see or change who holds what.*MANAGE"):
        run(caller=INFRASTRUCTURE)


def test_a_scope_that_may_not_be_seen_says_so(run, cloud):
    run()
    cloud.acls[:] = [acl for acl in cloud.acls if acl["principal"] != INFRASTRUCTURE]
    with pytest.raises(
        SetupError, match=r"secret scope ingestion: exists, but is not visible to infrastructure.*put-acl"
    ):
        run(caller=INFRASTRUCTURE)


@pytest.mark.parametrize("who", [{"group_name": "users"}, {"user_name": "eve@example.com"}])
def test_a_bundle_folder_that_others_may_write_is_an_error(run, cloud, settings, who):
    run()
    target = f"directories/{cloud.folders[settings.bundle_folder]}"
    cloud.permissions[target].append({**who, "all_permissions": [{"permission_level": "CAN_EDIT"}]})
    with pytest.raises(SetupError, match=rf"continuous-ingestion: {next(iter(who.values()))} may write in it"):
        run()


def test_a_right_that_the_folder_inherits_counts_too(run, cloud):
    run()
    home = f"directories/{cloud.folders[f'/Users/{DEPLOYER}']}"
    cloud.permissions[home] = [{"group_name": "team", "all_permissions": [{"permission_level": "CAN_MANAGE"}]}]
    with pytest.raises(SetupError, match="team may write in it"):
        run()


def test_a_policy_that_was_changed_by_hand_is_put_right(run, cloud):
    run()
    cloud.policies[0]["definition"] = "{}"
    cloud.requests.clear()
    run()
    assert cloud.writes == ["POST /api/2.0/policies/clusters/edit"]
    assert json.loads(cloud.policies[0]["definition"]) == json.loads(CLUSTER_POLICY.read_text())


@pytest.mark.parametrize(("days", "renewed"), [(44, False), (46, True), (200, True)])
def test_the_token_is_renewed_before_the_vault_would_tell_of_its_end(run, cloud, days, renewed):
    run()
    run(now=NOW + timedelta(days=days))
    assert cloud.vaults["operations"]["databricks-pat"]["value"] == ("dapi-2" if renewed else "dapi-1")
    assert "t1" in cloud.tokens, "runs under way still use the older token"


def test_a_weekly_renewal_that_runs_is_never_told_of(run, cloud, vaults):
    for week in range(30):
        now = cloud.now = NOW + timedelta(weeks=week)
        run(now=now)
        assert ending_secrets(vaults, now) == []


def test_the_weekly_renewal_needs_no_right_in_the_workspace(run, cloud, settings, vaults):
    from databricks.sdk import WorkspaceClient

    run()
    cloud.requests.clear()
    lines = []

    def sign_in(application_id, _secret):
        return WorkspaceClient(host=cloud.url, token=application_id)

    renew(settings, vaults, sign_in, now=NOW + timedelta(days=50), report=lines.append)
    assert cloud.writes == ["POST /api/2.0/token/create", "PUT /operations/secrets/databricks-pat"]
    assert lines == ["secret databricks-pat, good until 2027-04-11: renewed"]


def test_where_the_factory_signs_in_as_itself_there_is_nothing_to_renew(cloud, managed, vaults):
    lines = []
    renew(managed, vaults, lambda *_: pytest.fail("nobody signs in"), now=NOW, report=lines.append)
    assert lines == ["the factory signs in as itself: there is no token to renew"]
    assert cloud.requests == []


def test_a_renewal_that_did_not_run_is_told_of_a_month_before_the_end(run, cloud, vaults):
    run()
    assert ending_secrets(vaults, NOW + timedelta(days=59)) == []
    (ending,) = ending_secrets(vaults, NOW + timedelta(days=61))
    assert ending.describe(NOW).startswith("secret databricks-pat of ")
    assert "ends on 2027-02-20" in ending.describe(NOW)


def test_each_secret_of_both_vaults_that_ends_soon_is_named(vaults, cloud):
    def ends(days):
        return {"value": "x", "attributes": {"exp": int((NOW + timedelta(days=days)).timestamp()), "enabled": True}}

    cloud.vaults["notebooks"] |= {"sql-password": ends(29), "later": ends(31), "ended": ends(-1)}
    cloud.vaults["operations"] |= {"databricks-pat": ends(3)}
    found = ending_secrets(vaults, NOW)
    assert [secret.name for secret in found] == ["ended", "sql-password", "databricks-pat"]
    assert "ended on 2026-11-21" in found[0].describe(NOW)


@pytest.mark.parametrize(
    "error", ["AADSTS7000222: The provided client secret keys are expired.", "AADSTS7000215: Invalid"]
)
def test_a_renewal_with_a_client_secret_that_ended_says_which_and_what_to_run(run, cloud, error):
    run()

    def refuse(_application_id, _secret):
        raise ValueError(f"invalid_client: {error}\r\nTrace ID: 1")

    with pytest.raises(SetupError, match=r"secret sql-password .* cannot be renewed.*infra/README\.md") as raised:
        run(now=NOW + timedelta(days=80), sign_in=refuse)
    assert "Trace" not in str(raised.value)
    assert cloud.vaults["operations"]["databricks-pat"]["value"] == "dapi-1"


def test_a_token_that_was_revoked_by_hand_is_replaced(run, cloud):
    run()
    cloud.tokens["t0"] = {**cloud.tokens.pop("t1"), "token_id": "t0", "comment": "someone else's"}
    run()
    assert cloud.vaults["operations"]["databricks-pat"]["tags"] == {"token-id": "t2"}


def test_asked_to_renew_it_revokes_the_older_tokens(run, cloud):
    run()
    run(renew_token=True)
    assert list(cloud.tokens) == ["t2"]
    assert cloud.vaults["operations"]["databricks-pat"]["value"] == "dapi-2"


def test_no_secret_is_reported(run, cloud):
    _, lines = run()
    assert not any(secret in line for line in lines for secret in ("s3cret", "dapi-", "vault-token"))
    assert "vault-token" not in repr(Vault("u", lambda: "vault-token", requests.Session()))


def test_a_scope_on_another_vault_is_an_error_and_stays(run, cloud):
    cloud.scopes["ingestion"] = {
        "name": "ingestion",
        "owner": "administrator",
        "backend_type": "AZURE_KEYVAULT",
        "keyvault_metadata": {"resource_id": "/other", "dns_name": "d"},
    }
    with pytest.raises(SetupError, match=r"secret scope ingestion: is backed by /other.*delete-scope"):
        run()
    assert cloud.writes == []


def test_a_location_on_another_lake_is_an_error(run, cloud):
    run()
    cloud.unity[LOCATION].document["url"] = "abfss://x@y/"
    with pytest.raises(SetupError, match=r"external location .* is for abfss://x@y/"):
        run()


def test_a_scope_that_only_a_person_may_create_says_so(run, cloud):
    message = {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Scope with Azure KeyVault must have userAADToken defined!",
    }
    cloud.refusals["POST /api/2.0/secrets/scopes/create"] = (400, message)
    with pytest.raises(SetupError, match="only a person"):
        run()


def test_a_workspace_without_metastore_says_what_is_missing(run, cloud):
    message = {"error_code": "METASTORE_DOES_NOT_EXIST", "message": "No metastore assigned for the current workspace."}
    cloud.refusals["GET /api/2.1/unity-catalog/storage-credentials"] = (404, message)
    with pytest.raises(SetupError, match="needs a Unity Catalog metastore"):
        run()


def test_a_vault_without_the_pipelines_secret_says_how_it_gets_there(run, cloud):
    del cloud.vaults["notebooks"]["sql-password"]
    with pytest.raises(SetupError, match="has no secret sql-password"):
        run()
    assert cloud.writes == []


def test_a_vault_that_refuses_says_where_its_roles_come_from(run, cloud):
    cloud.refusals["GET /notebooks/secrets/sql-password"] = (403, {})
    with pytest.raises(SetupError, match=r"access\.bicep.*deploy infra/main\.bicep once by hand"):
        run()


def test_missing_settings_are_named_all_at_once():
    with pytest.raises(SetupError, match=r"AZURE_TENANT_ID, .*KEY_VAULT_URL, .*STORAGE_ACCOUNT_NAME.*: not set"):
        read_settings({"AZURE_CLIENT_ID": "x"})


def test_settings_that_contradict_themselves_are_refused(settings):
    given = {name.upper(): value or "x" for name, value in dataclasses.asdict(settings).items()}
    with pytest.raises(SetupError, match=r"SIGN_IN: is 'password'"):
        read_settings({**given, "SIGN_IN": "password"})
    with pytest.raises(SetupError, match=r"CATALOG, SCHEMA: only one"):
        read_settings({**given, "CATALOG": "main", "SCHEMA": ""})


def test_the_command_says_what_is_missing_and_imports_no_sdk_for_that():
    script = Path(setup_workspace.__file__)
    program = (
        f"import sys; sys.argv = ['setup']; import runpy\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        f"except SystemExit as end: print(end.code, bool({{'databricks.sdk', 'azure.identity'}} & sys.modules.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(script.parent)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert answer.stdout == "1 False\n"
    assert "DATABRICKS_HOST" in answer.stderr
