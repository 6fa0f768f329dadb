"""The factory, the notebooks, the environments and the infrastructure name the same things."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import setup_workspace
from bundle.sources import check_sources
from fakes.workspace import Settings
from infra.bicep import declared_columns, literal, parameter_values, properties, read, text
from ingestion.platform.log import StepLog
from ingestion.platform.settings import TableSettings

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
SPARK = "properties.typeProperties.newClusterSparkConf"
# What setup_workspace.py prints, and what GitHub Actions sets by itself.
NOT_FROM_BICEP = {"CLUSTER_POLICY_ID"}


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
    made = {setup_workspace.TOKEN_SECRET}
    for module in ("vault", "teams"):
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
    assert CLUSTER["newClusterSparkEnvVars"]["SECRET_SCOPE"] == setup_workspace.SECRET_SCOPE
    assert f'_SECRET_SCOPE = "{setup_workspace.SECRET_SCOPE}"' in NOTEBOOKS


def test_the_cluster_signs_in_at_the_lake_as_the_principal_that_may_write_there():
    """Hadoop's FileSystem gets no token of Unity Catalog: https://hadoop.apache.org/docs/stable/hadoop-azure/abfs.html."""
    settings, scope = CLUSTER["newClusterSparkConf"], setup_workspace.SECRET_SCOPE
    sign_in = "spark.hadoop.fs.azure.account.oauth2.client"
    assert settings[f"{sign_in}.id"] == f"{{{{secrets/{scope}/sql-user}}}}"
    assert settings[f"{sign_in}.secret"] == f"{{{{secrets/{scope}/sql-password}}}}"
    tenant = CLUSTER["newClusterSparkEnvVars"]["AZURE_TENANT_ID"]
    assert settings[f"{sign_in}.endpoint"] == f"https://login.microsoftonline.com/{tenant}/oauth2/token"
    for path in ENVIRONMENT_FILES:
        endpoint = cluster_overrides(path)[f"{SPARK}['{sign_in}.endpoint']"]
        assert endpoint == "https://login.microsoftonline.com/${AZURE_TENANT_ID}/oauth2/token"


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_every_variable_of_an_environment_file_comes_from_the_deployment(path):
    used = set(re.findall(r"\$\{(\w+)\}", re.sub(r"(?m)^#.*$", "", path.read_text(encoding="utf-8"))))
    assert used <= OUTPUTS | NOT_FROM_BICEP


def test_every_setting_of_the_workspaces_set_up_comes_from_the_deployment():
    assert {name.upper() for name in setup_workspace.Settings.__dataclass_fields__} <= OUTPUTS


def test_every_output_is_documented():
    assert {output for output in OUTPUTS if f"`{output}`" not in README} == set()


def test_every_cluster_variable_is_one_that_the_notebooks_read():
    asked_for = r'(?:\.(?:find|require|variable)\(|_one_of\(configuration, )"(\w+)"'
    read_by_notebooks = {name.upper() for name in re.findall(asked_for, NOTEBOOKS)}
    given = CLUSTER["newClusterSparkEnvVars"].keys() - {"PYSPARK_PYTHON"}
    assert given <= read_by_notebooks
    assert {"LAKE_ROOT", "SQL_URL", "AZURE_TENANT_ID", "LOG_INGESTION_URL"} <= given, "those without a default"


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_every_value_of_dev_that_is_checked_in_is_overridden_in_each_environment(path):
    overrides = cluster_overrides(path)
    checked_in = {f"properties.typeProperties.{name}": value for name, value in CLUSTER.items()}
    checked_in |= {f"{VARIABLES}.{name}": value for name, value in checked_in.pop(VARIABLES).items()}
    checked_in |= {f"{SPARK}['{name}']": value for name, value in checked_in.pop(SPARK).items()}
    of_dev = {key for key, value in checked_in.items() if re.search(r"0000|ingestion-?dev", str(value))}
    assert overrides.keys() == of_dev


@pytest.mark.parametrize("path", ENVIRONMENT_FILES, ids=lambda path: path.stem)
def test_the_database_is_asked_in_the_same_way_in_each_environment(path):
    overrides = cluster_overrides(path)
    url = CLUSTER["newClusterSparkEnvVars"]["SQL_URL"]
    assert overrides[f"{VARIABLES}.SQL_URL"].partition(";")[2] == url.partition(";")[2]


def test_the_notebooks_sign_in_at_entra_id_since_the_server_takes_nothing_else():
    server = text(read(INFRA / "modules" / "sql.bicep").root)
    assert re.search(r"azureADOnlyAuthentication:\s*true", server)
    workspace = Settings(environment=CLUSTER["newClusterSparkEnvVars"])
    settings = TableSettings.read(workspace.configuration())
    assert settings.entra is not None
    assert "authentication=" not in settings.sql_url


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
    assert vault["properties"]["typeProperties"]["baseUrl"] == f"https://{name('keyVault')}.vault.azure.net/"
    for path in ENVIRONMENT_FILES:
        assert f"databaseName={name('database')};" in path.read_text(encoding="utf-8")
        assert f"abfss://{container}@" in path.read_text(encoding="utf-8")


def test_the_cluster_that_the_factory_asks_for_is_within_the_policy():
    policy = json.loads(setup_workspace.CLUSTER_POLICY.read_text(encoding="utf-8"))
    assert policy["spark_version"]["value"] == CLUSTER["newClusterVersion"]
    assert CLUSTER["newClusterNodeType"] in policy["node_type_id"]["values"]
    workers = policy["num_workers"]
    assert workers["minValue"] <= int(CLUSTER["newClusterNumOfWorker"]) <= workers["maxValue"]
    assert policy["data_security_mode"]["value"] == CLUSTER["dataSecurityMode"]
    assert policy["custom_tags.application"]["value"] == CLUSTER["newClusterCustomTags"]["application"]
    assert policy["cluster_type"]["value"] == "job"


def test_the_deployers_folders_are_those_that_the_environments_deploy_to():
    for path in ENVIRONMENT_FILES:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        assert document["databricks"]["root"] == setup_workspace.BUNDLE_FOLDER


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
    names = [*re.findall(r"name: '((?:failed|no)-[\w-]+)'", alerts)]
    assert len(names) == 3
    names += [path.name for path in INFRA.rglob("*.kql")] + [path.name for path in (INFRA / "modules").glob("*.bicep")]
    names += [path.name for path in (INFRA / "sql").glob("*.sql")]
    assert [name for name in names if name not in README] == []


def test_every_variable_that_a_parameter_file_reads_is_set_in_the_readme():
    for path in (INFRA / "environments").glob("*.bicepparam"):
        variables = re.findall(r"readEnvironmentVariable\('(\w+)'", path.read_text(encoding="utf-8"))
        assert [name for name in variables if f"export {name}=" not in README] == []


def test_the_commands_of_the_readme_are_well_formed():
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        check = subprocess.run(
            [shutil.which("bash") or "bash", "-n"], input=block, capture_output=True, text=True, timeout=10, check=False
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
            command, capture_output=True, text=True, timeout=10, check=False, env={**os.environ, "PATH": path}
        )

    return run
