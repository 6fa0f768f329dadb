"""Setting up the workspace, through the real SDK, against a workspace and a vault that are HTTP servers on loopback."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import setup_workspace
from setup_workspace import Settings, SetupError, Vault, read_settings, set_up

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PIPELINE, DEPLOYER, PLANNER = "app-pipelines", "app-deployer", "app-planner"
VAULT_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"
CONNECTOR_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/accessConnectors/dbac"


class FakeCloud:
    """A workspace and a vault: what they hold, and every call that changes something."""

    def __init__(self):
        self.scopes, self.acls, self.principals, self.policies = [], [], [], []
        self.credentials, self.locations, self.grants = [], [], {}
        self.folders, self.permissions, self.tokens = {"/Shared": 1}, {}, {}
        self.secrets = {"sql-user": {"value": PIPELINE}, "sql-password": {"value": "s3cret"}}
        self.writes, self.refusals = [], {}

    def respond(self, method, path, query, body, caller):
        if (refusal := self.refusals.get(f"{method} {path}")) is not None:
            return refusal
        if method != "GET":
            self.writes.append(f"{method} {path}")
        given = {**query, **body, "caller": caller}
        for pattern, respond in ROUTES.items():
            if match := re.fullmatch(pattern, f"{method} {path}"):
                try:
                    return 200, respond(self, {**given, **match.groupdict()}) or {}
                except KeyError as missing:
                    return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"{missing} does not exist"}
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"{method} {path}"}

    def create_scope(self, given):
        keyvault = given["backend_azure_keyvault"]
        self.scopes.append({"name": given["scope"], "backend_type": "AZURE_KEYVAULT", "keyvault_metadata": keyvault})

    def find_principals(self, given):
        wanted = re.fullmatch('applicationId eq "(.+)"', given["filter"])[1]
        # SCIM pages: the SDK asks for further pages until one is empty.
        found = [one for one in self.principals if one["applicationId"] == wanted and given["startIndex"] == "1"]
        return {"Resources": found, "totalResults": len(found), "itemsPerPage": len(found)}

    def make_folder(self, given):
        self.folders[given["path"]] = len(self.folders) + 1

    def permit(self, given):
        entries = self.permissions.setdefault(given["target"], [])
        for entry in given["access_control_list"]:
            level = {"permission_level": entry["permission_level"], "inherited": False}
            entries.append({"service_principal_name": entry["service_principal_name"], "all_permissions": [level]})

    def create_policy(self, given):
        self.policies.append({**given, "policy_id": "POLICY1"})
        return {"policy_id": "POLICY1"}

    def edit_policy(self, given):
        self.policies[:] = [given if one["policy_id"] == given["policy_id"] else one for one in self.policies]

    def find_grants(self, given):
        held = self.grants.get(given["name"], {})
        return {"privilege_assignments": [{"principal": who, "privileges": what} for who, what in held.items()]}

    def grant(self, given):
        for change in given["changes"]:
            self.grants.setdefault(given["name"], {}).setdefault(change["principal"], []).extend(change["add"])

    def create_token(self, given):
        number = f"{len(self.tokens) + 1}"
        expiry = NOW + timedelta(seconds=given["lifetime_seconds"])
        info = {"token_id": f"t{number}", "comment": given["comment"], "expiry_time": int(expiry.timestamp() * 1000)}
        self.tokens[f"t{number}"] = {**info, "owner": given["caller"]}
        return {"token_value": f"dapi-{number}", "token_info": info}


V2, UNITY = "/api/2.0", "/api/2.1/unity-catalog"
ROUTES = {
    f"GET {V2}/secrets/scopes/list": lambda cloud, _: {"scopes": cloud.scopes},
    f"POST {V2}/secrets/scopes/create": FakeCloud.create_scope,
    f"GET {V2}/secrets/acls/list": lambda cloud, _: {"items": cloud.acls},
    f"POST {V2}/secrets/acls/put": lambda cloud, given: cloud.acls.append(given),
    f"GET {V2}/preview/scim/v2/ServicePrincipals": FakeCloud.find_principals,
    f"POST {V2}/preview/scim/v2/ServicePrincipals": lambda cloud, given: cloud.principals.append(given),
    f"GET {V2}/workspace/get-status": lambda cloud, given: {"object_id": cloud.folders[given["path"]]},
    f"POST {V2}/workspace/mkdirs": FakeCloud.make_folder,
    f"GET {V2}/permissions/(?P<target>.+)": lambda cloud, given: {
        "access_control_list": cloud.permissions.get(given["target"], [])
    },
    f"PATCH {V2}/permissions/(?P<target>.+)": FakeCloud.permit,
    f"GET {V2}/policies/clusters/list": lambda cloud, _: {"policies": cloud.policies},
    f"POST {V2}/policies/clusters/create": FakeCloud.create_policy,
    f"POST {V2}/policies/clusters/edit": FakeCloud.edit_policy,
    f"GET {UNITY}/storage-credentials": lambda cloud, _: {"storage_credentials": cloud.credentials},
    f"POST {UNITY}/storage-credentials": lambda cloud, given: cloud.credentials.append(given),
    f"GET {UNITY}/external-locations": lambda cloud, _: {"external_locations": cloud.locations},
    f"POST {UNITY}/external-locations": lambda cloud, given: cloud.locations.append(given),
    f"GET {UNITY}/permissions/external_location/(?P<name>.+)": FakeCloud.find_grants,
    f"PATCH {UNITY}/permissions/external_location/(?P<name>.+)": FakeCloud.grant,
    f"GET {V2}/token/list": lambda cloud, given: {
        "token_infos": [token for token in cloud.tokens.values() if token["owner"] == given["caller"]]
    },
    f"POST {V2}/token/create": FakeCloud.create_token,
    f"POST {V2}/token/delete": lambda cloud, given: cloud.tokens.pop(given["token_id"]) and None,
    "GET /secrets/(?P<name>.+)": lambda cloud, given: cloud.secrets[given["name"]],
    "PUT /secrets/(?P<name>.+)": lambda cloud, given: cloud.secrets.update({given["name"]: given}),
}


@pytest.fixture
def cloud():
    return FakeCloud()


@pytest.fixture
def url(cloud):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet: two would wait for each other's acknowledgement

        def answer(self):
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            caller = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, document = cloud.respond(self.command, address.path, query, body, caller)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - names that the base class looks for

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(url):
    """Run the set-up; return (policy id, the lines it reported)."""
    from databricks.sdk import WorkspaceClient

    settings = Settings(
        azure_tenant_id="tenant",
        azure_client_id=DEPLOYER,
        azure_planner_client_id=PLANNER,
        databricks_host=url,
        databricks_resource_id="/subscriptions/s/workspace",
        databricks_access_connector_id=CONNECTOR_ID,
        key_vault_id=VAULT_ID,
        key_vault_url=f"{url}/",
        storage_account_name="stingestiondevabc123",
    )

    def sign_in(application_id, secret):
        assert secret == "s3cret"
        return WorkspaceClient(host=url, token=application_id)

    def set_up_once(now=NOW, **options):
        lines = []
        workspace = WorkspaceClient(host=url, token="administrator")
        vault = Vault(f"{url}/", lambda: "vault-token", requests.Session())
        policy_id = set_up(settings, workspace, vault, sign_in, now=now, report=lines.append, **options)
        return policy_id, lines

    return set_up_once


def test_an_empty_workspace_gets_everything(run, cloud):
    policy_id, _ = run()
    assert policy_id == "POLICY1"
    assert [scope["keyvault_metadata"]["resource_id"] for scope in cloud.scopes] == [VAULT_ID]
    assert cloud.acls == [
        {"scope": "ingestion", "principal": PIPELINE, "permission": "READ", "caller": "administrator"}
    ]
    assert [one["applicationId"] for one in cloud.principals] == [PIPELINE, DEPLOYER, PLANNER]
    assert [one["azure_managed_identity"] for one in cloud.credentials] == [{"access_connector_id": CONNECTOR_ID}]
    assert [one["url"] for one in cloud.locations] == ["abfss://raw-data@stingestiondevabc123.dfs.core.windows.net/"]
    assert {who: sorted(what) for who, what in cloud.grants["stingestiondevabc123-raw-data"].items()} == {
        PIPELINE: ["READ_FILES", "WRITE_FILES"]
    }


def test_no_principal_gets_more_than_its_work_needs(run, cloud):
    run()
    given = {
        (target, entry["service_principal_name"], entry["all_permissions"][0]["permission_level"])
        for target, entries in cloud.permissions.items()
        for entry in entries
    }
    bundle, lease = (f"directories/{cloud.folders[path]}" for path in setup_workspace.DEPLOYER_FOLDERS)
    assert given == {
        (bundle, DEPLOYER, "CAN_MANAGE"),
        (lease, DEPLOYER, "CAN_MANAGE"),
        (bundle, PIPELINE, "CAN_READ"),
        (bundle, PLANNER, "CAN_READ"),
        ("cluster-policies/POLICY1", PIPELINE, "CAN_USE"),
        ("authorization/tokens", PIPELINE, "CAN_USE"),
    }
    assert all(one["entitlements"] == [{"value": "workspace-access"}] for one in cloud.principals)


def test_the_token_is_the_pipelines_own_and_lies_in_the_vault_with_its_expiry(run, cloud):
    run()
    assert [token["owner"] for token in cloud.tokens.values()] == [PIPELINE]
    secret = cloud.secrets["databricks-pat"]
    assert secret["value"] == "dapi-1"
    assert secret["attributes"]["exp"] == int((NOW + timedelta(days=90)).timestamp())


def test_a_second_run_changes_nothing(run, cloud):
    run()
    cloud.writes.clear()
    policy_id, lines = run()
    assert policy_id == "POLICY1"
    assert cloud.writes == []
    assert all(line.endswith("unchanged") for line in lines)


def test_a_policy_that_was_changed_by_hand_is_put_right(run, cloud):
    run()
    cloud.policies[0]["definition"] = "{}"
    cloud.writes.clear()
    run()
    assert cloud.writes == ["POST /api/2.0/policies/clusters/edit"]
    assert json.loads(cloud.policies[0]["definition"]) == json.loads(setup_workspace.CLUSTER_POLICY.read_text())


@pytest.mark.parametrize(("days", "renewed"), [(59, False), (61, True), (200, True)])
def test_the_token_is_renewed_a_month_before_it_ends(run, cloud, days, renewed):
    run()
    run(now=NOW + timedelta(days=days))
    assert cloud.secrets["databricks-pat"]["value"] == ("dapi-2" if renewed else "dapi-1")
    assert "t1" in cloud.tokens, "runs under way still use the older token"


def test_a_token_that_was_revoked_by_hand_is_replaced(run, cloud):
    run()
    cloud.tokens["t0"] = {**cloud.tokens.pop("t1"), "token_id": "t0", "comment": "someone else's"}
    run()
    assert cloud.secrets["databricks-pat"]["tags"] == {"token-id": "t2"}


def test_asked_to_renew_it_revokes_the_older_tokens(run, cloud):
    run()
    run(renew_token=True)
    assert list(cloud.tokens) == ["t2"]
    assert cloud.secrets["databricks-pat"]["value"] == "dapi-2"


def test_no_secret_is_reported(run, cloud):
    _, lines = run()
    assert not any(secret in line for line in lines for secret in ("s3cret", "dapi-", "vault-token"))
    assert "vault-token" not in repr(Vault("u", lambda: "vault-token", requests.Session()))


def test_a_scope_on_another_vault_is_an_error_and_stays(run, cloud):
    cloud.scopes.append({"name": "ingestion", "keyvault_metadata": {"resource_id": "/other", "dns_name": "d"}})
    with pytest.raises(SetupError, match=r"secret scope ingestion: is backed by /other.*delete-scope"):
        run()
    assert cloud.writes == []


def test_a_location_on_another_lake_is_an_error(run, cloud):
    cloud.locations.append({"name": "stingestiondevabc123-raw-data", "url": "abfss://x@y/"})
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
    del cloud.secrets["sql-password"]
    with pytest.raises(SetupError, match="has no secret sql-password"):
        run()
    assert cloud.writes == []


def test_a_vault_that_refuses_names_the_role(run, cloud):
    cloud.refusals["GET /secrets/sql-user"] = (403, {})
    with pytest.raises(SetupError, match="Key Vault Secrets Officer"):
        run()


def test_missing_settings_are_named_all_at_once():
    with pytest.raises(SetupError, match=r"AZURE_TENANT_ID, .*KEY_VAULT_URL, STORAGE_ACCOUNT_NAME: not set"):
        read_settings({"AZURE_CLIENT_ID": "x"})


def test_the_command_says_what_is_missing_and_imports_no_sdk_for_that():
    script = Path(setup_workspace.__file__)
    program = (
        f"import sys; sys.argv = ['setup']; import runpy\n"
        f"try: runpy.run_path({str(script)!r}, run_name='__main__')\n"
        f"except SystemExit as end: print(end.code, bool({{'databricks.sdk', 'azure.identity'}} & sys.modules.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], env={}, capture_output=True, text=True, timeout=30, check=False
    )
    assert answer.stdout == "1 False\n"
    assert "DATABRICKS_HOST" in answer.stderr
