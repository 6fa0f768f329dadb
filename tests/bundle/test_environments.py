"""Environment files: what they may say, and what they change in a bundle."""

from pathlib import Path

import pytest

from bundle.environments import (
    NotebookDelivery,
    Override,
    apply_overrides,
    environment_file,
    load_environment,
)
from bundle.errors import EnvironmentFileError
from bundle.resources import ResourceKey, load_resources

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD = """
[azure]
subscription_id = "s"
resource_group = "rg"
data_factory = "adf"

[databricks]
host = "https://adb-1.azuredatabricks.net"
notebooks = "workspace"
root = "/Users/deployer/app"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "test.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str, **variables: str) -> list[str]:
    with pytest.raises(EnvironmentFileError) as caught:
        load_environment(write(folder, text), variables)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{folder / 'test.toml'}: ") for line in lines)
    return [line.removeprefix(f"{folder / 'test.toml'}: ") for line in lines]


def test_a_variable_may_have_a_text_for_when_it_is_not_set(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace('"rg"', '"${GROUP:-rg-of-mine}"'))
    assert load_environment(file, {}).azure.resource_group == "rg-of-mine"
    assert load_environment(file, {"GROUP": ""}).azure.resource_group == "rg-of-mine"
    assert load_environment(file, {"GROUP": "theirs"}).azure.resource_group == "theirs"


def test_the_local_environment_needs_no_variable_and_takes_another_address() -> None:
    file = REPOSITORY / "infra" / "environments" / "local.toml"
    assert load_environment(file, {}).azure.management_url == "http://127.0.0.1:8765"
    other = load_environment(file, {"LOCAL_FACTORY_URL": "http://127.0.0.1:9"})
    assert (other.azure.management_url, other.databricks.host) == ("http://127.0.0.1:9", "http://127.0.0.1:9")


def test_a_good_file_is_read(tmp_path: Path) -> None:
    environment = load_environment(write(tmp_path, GOOD), {})
    assert environment.name == "test"
    assert environment.azure.management_url == "https://management.azure.com"
    assert environment.azure.factory_id.endswith("/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf")
    assert environment.databricks.notebooks is NotebookDelivery.WORKSPACE


def test_variables_are_put_in_everywhere(tmp_path: Path) -> None:
    text = GOOD.replace('"rg"', '"rg-${STAGE}-${REGION}"')
    text += '[overrides."linkedService/LS"]\n"properties.list" = ["${STAGE}", 1]\n'
    environment = load_environment(write(tmp_path, text), {"STAGE": "dev", "REGION": "we"})
    assert environment.azure.resource_group == "rg-dev-we"
    assert environment.overrides == (Override(ResourceKey("linkedService", "LS"), "properties.list", ["dev", 1]),)


def test_a_variable_may_have_a_text_for_where_it_is_empty(tmp_path: Path) -> None:
    text = GOOD + '[overrides."linkedService/LS"]\n"a" = "${STAGE:-dev}"\n"b" = "${CATALOG:-}"\n"c" = "${STAGE:-x}"\n'
    environment = load_environment(write(tmp_path, text), {"CATALOG": ""})
    assert [override.value for override in environment.overrides] == ["dev", "", "x"]
    environment = load_environment(write(tmp_path, text), {"CATALOG": "main", "STAGE": "prod"})
    assert [override.value for override in environment.overrides] == ["prod", "main", "prod"]


def test_a_file_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufeff" + GOOD)
    assert load_environment(file, {}).azure.resource_group == "rg"


def test_every_variable_that_is_missing_or_empty_is_named_with_its_key(tmp_path: Path) -> None:
    text = GOOD.replace('"rg"', '"${GROUP}"') + '[overrides."linkedService/LS"]\n"properties.url" = "https://${HOST}"\n'
    assert problems(tmp_path, text, HOST="") == [
        "azure.resource_group: environment variable GROUP is not set.",
        'overrides."linkedService/LS"."properties.url": environment variable HOST is not set.',
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('data_factory = "adf"\n', "", "azure.data_factory: is missing."),
        ('"adf"', "7", "azure.data_factory: is to be a text that is not empty."),
        ('"adf"', '"adf"\nregion = "x"', "azure.region: unknown key. Known are data_factory, management_url"),
        ("[azure]", "[azur]\n[azure]", "azur: unknown section. Known are azure, databricks, overrides, policy."),
        ('"workspace"', '"dbfs"', "databricks.notebooks: is 'dbfs'; one of workspace, git-folder is meant."),
        (
            '"/Users/deployer/app"',
            '"Users/deployer/app"',
            "databricks.root: 'Users/deployer/app' is no workspace folder",
        ),
        ('"/Users/deployer/app"', '"/Users/../app"', "databricks.root: '/Users/../app' is no workspace folder"),
        ('"/Users/deployer/app"', '"/Shared/app"', "databricks.root: every user of the workspace may edit /Shared/app"),
        ('"/Users/deployer/app"', '"/Workspace/Shared"', "databricks.root: every user of the workspace may edit"),
        ('"workspace"', '"workspace"\nsign_in = "pat"', "databricks.sign_in: is 'pat'; one of managed-identity, token"),
        ('"workspace"', '"workspace"\naccess_mode = "shared"', "databricks.access_mode: is 'shared'; one of dedicated"),
        ('"workspace"', '"workspace"\nsign_in = "managed-identity"', "databricks.resource_id: is missing; sign_in by"),
        ('"workspace"', '"workspace"\ncompute = "serverless"', "databricks.run_as: is missing; jobs on serverless"),
        ("https://adb", "adb", "databricks.host: 'adb-1.azuredatabricks.net' is no address."),
        ("https://adb", "http://adb", "databricks.host: 'http://adb-1.azuredatabricks.net': plain http is allowed for"),
        (
            '"adf"',
            '"adf"\nmanagement_url = "http://10.0.0.1:80"',
            "azure.management_url: 'http://10.0.0.1:80': plain http is allowed for 127.0.0.1 only.",
        ),
        (
            '"adf"',
            '"adf"\nmanagement_url = "http://127.0.0.1.example.com"',
            "azure.management_url: 'http://127.0.0.1.example.com': plain http is allowed for 127.0.0.1 only.",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert any(line.startswith(said) for line in problems(tmp_path, GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ('[overrides."pipelines/PL"]\n"properties.a" = 1', 'overrides."pipelines/PL": unknown kind.'),
        ('[overrides]\n"pipeline/PL" = 1', 'overrides."pipeline/PL": is to be a section of JSON paths and values.'),
        (
            '[overrides."pipeline/PL"]\n"properties.a" = 2026-01-01',
            'overrides."pipeline/PL".properties.a: a date or time',
        ),
    ],
)
def test_overrides_that_mean_nothing_are_refused(tmp_path: Path, override: str, said: str) -> None:
    assert any(line.startswith(said) for line in problems(tmp_path, GOOD + override))


def test_a_file_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(EnvironmentFileError, match="there are: dev, local, prod"):
        load_environment(REPOSITORY / "infra/environments/nowhere.toml", {})


def test_a_name_is_a_file_of_the_project_and_a_path_is_itself() -> None:
    assert environment_file("dev") == Path("infra/environments/dev.toml")
    assert environment_file("elsewhere/x.toml") == Path("elsewhere/x.toml")


def test_an_override_changes_its_value_and_nothing_else(tmp_path: Path) -> None:
    text = GOOD + (
        '[overrides."pipeline/PL_Process_Customer_Data"]\n'
        '"properties.activities[RunCustomerProcessingNotebook].policy.retry" = 5\n'
    )
    resources = load_resources(REPOSITORY / "adf")
    changed = apply_overrides(resources, load_environment(write(tmp_path, text), {}))
    key = ResourceKey("pipeline", "PL_Process_Customer_Data")
    assert changed[key].document["properties"]["activities"][0]["policy"]["retry"] == 5
    assert resources[key].document["properties"]["activities"][0]["policy"]["retry"] == 2
    assert b'"retry": 5' in changed[key].content
    untouched = [other for other in resources if other != key]
    assert all(changed[other].content is resources[other].content for other in untouched)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            '[overrides."pipeline/PL_None"]\n"properties.a" = 1',
            'overrides."pipeline/PL_None": the bundle has no such object.',
        ),
        (
            '[overrides."linkedService/AzureKeyVaultLinkedService"]\n"properties.typeProperties.url" = 1',
            "properties.typeProperties.url: no such key; properties.typeProperties has baseUrl.",
        ),
    ],
)
def test_an_override_of_what_is_not_there_is_refused(tmp_path: Path, override: str, said: str) -> None:
    environment = load_environment(write(tmp_path, GOOD + override), {})
    with pytest.raises(EnvironmentFileError) as caught:
        apply_overrides(load_resources(REPOSITORY / "adf"), environment)
    assert said in str(caught.value)
