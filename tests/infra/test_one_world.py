"""The factory, the notebooks, the environments and the infrastructure name the same things."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bundle.environments import AccessMode, DatabricksSettings, NotebookDelivery, SignIn
from bundle.resources import Resource, ResourceKey
from bundle.sources import check_sources
from deployment.compute import with_compute
from infra.bicep import declared_columns, literal, parameter_values, properties, read, text
from ingestion.platform.log import StepLog
from ingestion.sql.jdbc_url import take_property
from workspace_setup import token
from workspace_setup.settings import Settings as SetupSettings
from workspace_setup.workspace import CLUSTER_POLICY, SECRET_SCOPE

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
MAIN = read(INFRA / "main.bicep")
README = (INFRA / "README.md").read_text(encoding="utf-8")
# Those in Azure: `local` is a factory on this machine.
ENVIRONMENT_FILES = sorted(path for path in (INFRA / "environments").glob("*.toml") if path.stem != "local")
LINKED_SERVICE = json.loads((ROOT / "adf/linkedService/AzureDatabricksLinkedService.json").read_text(encoding="utf-8"))
CLUSTER = LINKED_SERVICE["properties"]["typeProperties"]
NOTEBOOKS = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "ingestion").rglob("*.py"))
VARIABLES = "properties.typeProperties.newClusterSparkEnvVars"
# Variables that choose a way to sign in and a place for tables; empty, they choose nothing.
OF_UNITY_CATALOG = {"CREDENTIAL", "KEY_VAULT_URL", "CATALOG", "SCHEMA"}
# What setup_workspace.py prints, and what GitHub Actions sets by itself.
NOT_FROM_BICEP = {"CLUSTER_POLICY_ID", "WAREHOUSE_ID"}


def cluster_overrides(path: Path) -> dict[str, str]:
    """Return what an environment file says in place of what the checked-in linked service does."""
    overrides = tomllib.loads(path.read_text(encoding="utf-8"))["overrides"]
    return overrides["linkedService/AzureDatabricksLinkedService"]


def as_variable(output: str) -> str:
    """`keyVaultUrl` -> `KEY_VAULT_URL`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", output).upper()


OUTPUTS = {as_variable(name) for name in MAIN.outputs}


def test_there_is_an_environment_file_for_each_parameter_file():
    assert [path.stem for path in ENVIRONMENT_FILES] == ["dev", "prod"]


def test_every_secret_that_is_used_is_made_and_every_secret_that_is_made_is_used():
    made = {token.SECRET}
    for module in ("secrets", "teams"):
        for resource in read(INFRA / "modules" / f"{module}.bicep").of_kind("resource"):
            if resource.type_or_path.startswith("Microsoft.KeyVault/vaults/secrets"):
                made.add(literal(properties(resource.body)["name"]))
    used = set(re.findall(r'\.secret\("([\w-]+)"\)', NOTEBOOKS))
    used |= {named.secret for named in check_sources(ROOT / "notebooks").secrets}
    for path in (ROOT / "adf").rglob("*.json"):
        used |= set(re.findall(r'"secretName":\s*"([\w-]+)"', path.read_text(encoding="utf-8")))
    used |= set(re.findall(r"secrets/([\w-]+)\?", text(read(INFRA / "modules" / "teams.bicep").root)))
    assert used == made


def test_the_secret_scope_has_one_name():
    assert CLUSTER["newClusterSparkEnvVars"]["SECRET_SCOPE"] == SECRET_SCOPE
    assert f'_SECRET_SCOPE = "{SECRET_SCOPE}"' in NOTEBOOKS


def test_no_secret_stands_in_the_clusters_configuration():
    """Databricks' own migration tool flags it (UCX AF111): whoever may attach to a cluster could use it."""
    assert "{{secrets/" not in json.dumps(CLUSTER)
    assert not [name for name in CLUSTER["newClusterSparkConf"] if "fs.azure" in name]


def test_a_job_on_serverless_compute_brings_the_libraries_that_clusters_have():
    """Without a cluster's runtime only its environment brings what notebooks use on Azure."""
    job = json.loads((INFRA / "databricks" / "job.json").read_text(encoding="utf-8"))
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    (environment,) = job["environments"]
    assert environment["spec"]["dependencies"] == groups["azure"]


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_every_variable_of_an_environment_file_comes_from_the_deployment(path):
    used = set(re.findall(r"\$\{(\w+)(?::-[^}]*)?\}", re.sub(r"(?m)^#.*$", "", path.read_text(encoding="utf-8"))))
    assert used <= OUTPUTS | NOT_FROM_BICEP


def test_every_setting_of_the_workspaces_set_up_comes_from_the_deployment():
    assert {name.upper() for name in SetupSettings.__dataclass_fields__} <= OUTPUTS


def test_every_output_is_documented():
    assert {output for output in OUTPUTS if f"`{output}`" not in README} == set()


def test_every_cluster_variable_is_one_that_the_notebooks_read():
    asked_for = r'(?:\.(?:find|require|variable)\(|_?one_of\((?:self\.)?configuration, )"(\w+)"'
    read_by_notebooks = {name.upper() for name in re.findall(asked_for, NOTEBOOKS)}
    for sources in (ROOT / "notebooks" / "sources").glob("*.toml"):
        read_by_notebooks |= set(re.findall(r"\$\{(\w+)\}", sources.read_text(encoding="utf-8")))
    given = CLUSTER["newClusterSparkEnvVars"].keys() - {"PYSPARK_PYTHON"}
    assert given - OF_UNITY_CATALOG <= read_by_notebooks
    assert {"LAKE_ROOT", "SQL_URL", "AZURE_TENANT_ID", "LOG_INGESTION_URL"} <= given, "those without a default"


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_every_value_of_dev_that_is_checked_in_is_overridden_in_each_environment(path):
    overrides = cluster_overrides(path)
    checked_in = {f"properties.typeProperties.{name}": value for name, value in CLUSTER.items()}
    checked_in |= {f"{VARIABLES}.{name}": value for name, value in checked_in.pop(VARIABLES).items()}
    of_dev = {key for key, value in checked_in.items() if re.search(r"0000|ingestion-?dev", str(value))}
    assert overrides.keys() == of_dev | {f"{VARIABLES}.{name}" for name in OF_UNITY_CATALOG}


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_the_database_is_asked_in_the_same_way_in_each_environment(path):
    overrides = cluster_overrides(path)
    url = CLUSTER["newClusterSparkEnvVars"]["SQL_URL"]
    assert overrides[f"{VARIABLES}.SQL_URL"].partition(";")[2] == url.partition(";")[2]


def test_the_notebooks_sign_in_at_entra_id_since_the_server_takes_nothing_else():
    server = text(read(INFRA / "modules" / "sql.bicep").root)
    assert re.search(r"azureADOnlyAuthentication:\s*true", server)
    url, authentication = take_property(CLUSTER["newClusterSparkEnvVars"]["SQL_URL"], "authentication")
    assert authentication == "ActiveDirectoryServicePrincipal"
    assert "authentication=" not in url


def test_the_notebooks_post_to_the_stream_that_the_rule_declares():
    given = CLUSTER["newClusterSparkEnvVars"]["LOG_INGESTION_URL"]
    declared = text(read(INFRA / "modules" / "logs.bicep").outputs["ingestionUrl"].node)
    pattern = re.escape(declared.partition("'")[2].rpartition("'")[0])
    pattern = pattern.replace(re.escape("${collectionRule.properties.endpoints.logsIngestion}"), r"https://[\w.-]+")
    pattern = pattern.replace(re.escape("${collectionRule.properties.immutableId}"), r"dcr-[0-9a-f]{32}")
    assert re.fullmatch(pattern, given)


def test_names_in_the_factory_are_those_of_the_infrastructure_in_dev():
    names = properties(MAIN.declarations["names"].node.named_children[-1])
    values = {"workload": "ingestion", "environmentName": "dev", "nameSuffix": ""}

    def name(key: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text(names[key]).strip("'")).rstrip("-")

    container = literal(properties(read(INFRA / "modules" / "storage.bicep").declarations["rawData"].body)["name"])
    variables = CLUSTER["newClusterSparkEnvVars"]
    assert variables["LAKE_ROOT"] == f"abfss://{container}@{name('storageAccount')}.dfs.core.windows.net"
    assert variables["SQL_URL"].startswith(f"jdbc:sqlserver://{name('sqlServer')}.database.windows.net:1433;")
    assert f";databaseName={name('database')};" in variables["SQL_URL"]
    vault = json.loads((ROOT / "adf/linkedService/AzureKeyVaultLinkedService.json").read_text(encoding="utf-8"))
    assert vault["properties"]["typeProperties"]["baseUrl"] == f"https://{name('operationsVault')}.vault.azure.net/"
    assert variables["KEY_VAULT_URL"] == f"https://{name('keyVault')}.vault.azure.net/"
    for path in ENVIRONMENT_FILES:
        assert f"databaseName={name('database')};" in path.read_text(encoding="utf-8")
        assert f"abfss://{container}@" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", AccessMode)
def test_the_cluster_that_the_factory_asks_for_is_within_the_policy(mode):
    policy = json.loads(CLUSTER_POLICY.read_text(encoding="utf-8"))
    cluster = in_environment(access_mode=mode)
    assert policy["spark_version"]["value"] == cluster["newClusterVersion"]
    assert cluster["newClusterNodeType"] in policy["node_type_id"]["values"]
    workers = policy["num_workers"]
    assert workers["minValue"] <= int(cluster["newClusterNumOfWorker"]) <= workers["maxValue"]
    assert cluster["dataSecurityMode"] in policy["data_security_mode"]["values"]
    assert policy["custom_tags.application"]["value"] == cluster["newClusterCustomTags"]["application"]
    assert policy["cluster_type"]["value"] == "job"


def in_environment(**settings) -> dict:
    """Return the linked service to Databricks as an environment with these settings has it."""
    key = ResourceKey("linkedService", "AzureDatabricksLinkedService")
    resource = Resource(key, Path("x.json"), b"", LINKED_SERVICE)
    databricks = DatabricksSettings("https://h", NotebookDelivery.WORKSPACE, "/Users/d/app", **settings)
    return with_compute(resource, databricks).properties["typeProperties"]


def test_a_task_that_fails_on_a_single_node_is_tried_again():
    assert CLUSTER["newClusterSparkConf"]["spark.master"] == "local[*, 4]"


def test_with_a_managed_identity_the_linked_service_names_no_secret():
    managed = in_environment(sign_in=SignIn.MANAGED_IDENTITY, resource_id="/subscriptions/s/workspaces/w")
    assert "accessToken" not in managed
    assert managed["authentication"] == "MSI"
    assert managed["workspaceResourceId"] == "/subscriptions/s/workspaces/w"
    assert "{{secrets/" not in json.dumps(managed)
    assert "AzureKeyVaultSecret" not in json.dumps(managed)


def test_the_standard_access_mode_is_no_single_node():
    standard = in_environment(access_mode=AccessMode.STANDARD)
    assert standard["dataSecurityMode"] == "USER_ISOLATION"
    assert standard["newClusterNumOfWorker"] == "1"
    assert "singleNode" not in json.dumps(standard)
    assert standard["newClusterSparkConf"].keys().isdisjoint({"spark.master", "spark.databricks.cluster.profile"})


def test_the_deployers_folder_is_the_one_that_the_environments_deploy_to_and_nobody_else_may_write_there():
    outputs = {"AZURE_CLIENT_ID": "deployer"}
    for path in ENVIRONMENT_FILES:
        root = tomllib.loads(path.read_text(encoding="utf-8"))["databricks"]["root"]
        values = dict.fromkeys(SetupSettings.__dataclass_fields__, "x") | {"azure_client_id": "deployer"}
        assert re.sub(r"\$\{(\w+)\}", lambda match: outputs[match[1]], root) == SetupSettings(**values).bundle_folder
    for path in (ROOT / "adf" / "pipeline").glob("*.json"):
        assert "/Shared/" not in path.read_text(encoding="utf-8"), "every user of a workspace may edit /Shared"


def test_a_line_that_a_notebook_logs_has_the_columns_that_log_analytics_takes():
    lines: list[str] = []
    with StepLog(lambda shown: shown, write=lines.append).step("land", source="a", target="b") as step:
        step.rows = 1
    assert list(json.loads(lines[0])) == list(declared_columns("collectionRule"))


def test_the_missing_run_is_an_alert_exactly_where_the_schedule_runs():
    trigger = "trigger/TR_Ingest_Country_Data_Twice_Daily"
    checked_in = json.loads((ROOT / "adf" / f"{trigger}.json").read_text(encoding="utf-8"))["properties"][
        "runtimeState"
    ]
    for path in ENVIRONMENT_FILES:
        overrides = tomllib.loads(path.read_text(encoding="utf-8")).get("overrides", {}).get(trigger, {})
        state = overrides.get("properties.runtimeState", checked_in)
        given = parameter_values(path.with_suffix(".bicepparam"))[1].get("scheduleRuns")
        assert (state == "Started") == (given is None or text(given) == "true"), path.stem


def test_the_readme_tells_of_every_alert_every_query_and_every_module():
    alerts = text(read(INFRA / "modules" / "alerts.bicep").root)
    names = [*re.findall(r"name: '(\w+(?:-\w+)+)'", alerts)]
    assert len(names) == 7
    names += [path.name for path in INFRA.rglob("*.kql")] + [path.name for path in (INFRA / "modules").glob("*.bicep")]
    names += [path.name for path in (INFRA / "sql").glob("*.sql")]
    assert [name for name in names if name not in README] == []


def test_every_variable_that_a_parameter_file_reads_is_set_in_the_readme():
    by_itself = {"STUDIO_CONFIGURATION", "GITHUB_ACTIONS"}
    assert "export STUDIO_CONFIGURATION=" in (INFRA / "deploy.sh").read_text(encoding="utf-8")
    for path in (INFRA / "environments").glob("*.bicepparam"):
        variables = re.findall(r"readEnvironmentVariable\('(\w+)'", path.read_text(encoding="utf-8"))
        assert [name for name in variables if f"export {name}=" not in README and name not in by_itself] == []


def test_the_commands_of_the_readme_are_well_formed():
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        check = subprocess.run(
            [shutil.which("bash") or "bash", "-n"], input=block, capture_output=True, text=True, timeout=60, check=False
        )
        assert check.returncode == 0, (block, check.stderr)
    files = re.findall(r"\b((?:infra|scripts)/[\w./$-]+\.(?:bicep|bicepparam|sql|py))\b", "\n".join(blocks))
    for file in files:
        assert (ROOT / re.sub(r"\$ENVIRONMENT", "dev", file)).is_file(), file


def test_the_script_that_exports_outputs_gives_the_names_that_are_read(run_export_outputs):
    outputs = {name: {"type": "String", "value": f"value of {name}"} for name in MAIN.outputs}
    answer = run_export_outputs(json.dumps(outputs))
    assert answer.returncode == 0, answer.stderr
    lines = dict(line.split("=", 1) for line in answer.stdout.splitlines())
    assert lines == {as_variable(name): f"value of {name}" for name in MAIN.outputs}


@pytest.mark.parametrize("outputs", ["", "null", "{}"])
def test_a_deployment_without_outputs_ends_the_export_with_a_reason(run_export_outputs, outputs):
    answer = run_export_outputs(outputs)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "'main' of rg-test has no outputs" in answer.stderr


@pytest.fixture
def run_export_outputs(tmp_path):
    """Run infra/export-outputs.sh with an `az` that answers what is given."""
    if not shutil.which("jq"):
        pytest.skip("jq is not here: apt-get install jq")

    def run(outputs: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "outputs.json").write_text(outputs, encoding="utf-8")
        az = tmp_path / "az"
        az.write_text('#!/bin/sh\ncat "$(dirname "$0")/outputs.json"\n', encoding="utf-8")
        az.chmod(0o755)
        command = [INFRA / "export-outputs.sh", "rg-test"]
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run(
            command, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "PATH": path}
        )

    return run


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            "Databricks' managed group may be refused to an owner of one group",
            "Owner of the resource group alone may be",
        ),
        ("a storage firewall shuts serverless compute out", "network connectivity configuration"),
        ("a repository's prefix of subjects is read, not guessed", "actions/oidc/customization/sub"),
        ("variables of GitHub cannot be empty", "grep -v '=$'"),
    ],
)
def test_what_only_the_runbook_can_say_stands_in_it(what, said):
    assert said in README, what
