"""The Bicep files: they parse with both parsers, and hold nothing that the compiler would refuse or warn about."""

import json
import re
from pathlib import Path

import pycep
import pytest

from infra.bicep import BicepFile, findings, literal, parameter_values, parse, properties, read, references, text, walk

INFRA = Path(__file__).resolve().parents[2] / "infra"
BICEP_FILES = sorted(INFRA.rglob("*.bicep"))
API_VERSIONS = json.loads((Path(__file__).parent / "api_versions.json").read_text(encoding="utf-8"))["versions"]
ENVIRONMENTS = ("dev", "prod")


def name_of(path: Path) -> str:
    return str(path.relative_to(INFRA))


def resource(file: BicepFile, name: str) -> str:
    return text(file.declarations[name].node)


@pytest.mark.parametrize("path", BICEP_FILES, ids=name_of)
def test_a_file_holds_nothing_that_a_compiler_would_refuse(path):
    assert findings(read(path), API_VERSIONS) == []


@pytest.mark.parametrize("path", BICEP_FILES, ids=name_of)
def test_a_file_parses_with_pycep_too(path):
    assert pycep.BicepParser().parse(text=path.read_text(encoding="utf-8"))


BROKEN = {
    "syntax": ("var a = {\n", "syntax error"),
    "undeclared symbol": ("output a string = missing", "missing: no such param"),
    "unused parameter": ("param a string", "param a: never used"),
    "unused variable": ("var a = 1", "var a: never used"),
    "unused existing": (
        "resource a 'Microsoft.KeyVault/vaults@2024-11-01' existing = {\n  name: 'a'\n}",
        "resource a: never used",
    ),
    "unknown function": ("output a string = upper('a')", "upper(): no such function"),
    "unknown decorator": ("@secret()\nparam a string\noutput b string = a", "secret(): no such function"),
    "unknown version": (
        "resource a 'Microsoft.KeyVault/vaults@2024-11-02' = {\n  name: 'a'\n}",
        "no such API version",
    ),
    "unknown type": (
        "resource a 'Microsoft.KeyVault/vault@2024-11-01' = {\n  name: 'a'\n}",
        "not in api_versions.json",
    ),
    "parent that is no resource": (
        "var v = 'x'\nresource a 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {\n  parent: v\n  name: 'a'\n}",
        "v: parent, scope and dependsOn name resources",
    ),
    "dependsOn that is no resource": (
        "var v = 'x'\nresource a 'Microsoft.KeyVault/vaults@2024-11-01' = {\n  name: 'a'\n  dependsOn: [v]\n}",
        "v: parent, scope and dependsOn name resources",
    ),
    "missing module": ("module m 'modules/none.bicep' = {\n  name: 'm'\n  params: {}\n}", "no such module"),
    "unknown module parameter": (
        "module m 'modules/queries.bicep' = {\n  name: 'm'\n  params: {\n    workspaceName: 'w'\n    other: 1\n  }\n}",
        "has no parameter other",
    ),
    "missing module parameter": (
        "module m 'modules/queries.bicep' = {\n  name: 'm'\n  params: {}\n}",
        "required parameter workspaceName is not given",
    ),
    "secret into an open parameter": (
        "@secure()\nparam p string\nmodule m 'modules/queries.bicep' = {\n  name: 'm'\n  params: {\n"
        "    workspaceName: p\n  }\n}",
        "workspaceName is given a secret and is not @secure()",
    ),
    "missing module output": (
        "module m 'modules/queries.bicep' = {\n  name: 'm'\n  params: {\n    workspaceName: 'w'\n  }\n}\n"
        "output o string = m.outputs.none",
        "has no output none",
    ),
    "missing file": ("output a string = loadTextContent('none.kql')", "no such file"),
    "address of one cloud": ("output a string = 'https://a.vault.azure.net/'", "take it from environment()"),
    "open secret": (
        "param sqlPassword string\nvar a = sqlPassword\noutput b object = {\n  a: a\n}",
        "is not @secure()",
    ),
    "secret output": ("@secure()\nparam p string\noutput o string = p", "output o: shows a secret"),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
def test_each_kind_of_fault_is_found(source, message):
    assert any(message in finding for finding in findings(parse(source, INFRA / "broken.bicep"), API_VERSIONS))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_gives_every_required_parameter_and_no_other(environment):
    template, values = parameter_values(INFRA / "environments" / f"{environment}.bicepparam")
    parameters = {parameter.name: parameter for parameter in read(template).of_kind("param")}
    assert values.keys() <= parameters.keys()
    assert {name for name, parameter in parameters.items() if parameter.is_required} <= values.keys()


def test_the_environments_hold_their_differences_only():
    dev, prod = (
        {
            name: text(value)
            for name, value in parameter_values(INFRA / "environments" / f"{environment}.bicepparam")[1].items()
            if not text(value).startswith("readEnvironmentVariable")
        }
        for environment in ENVIRONMENTS
    )
    assert dev.keys() == prod.keys()
    assert all(dev[name] != prod[name] for name in dev)


def test_a_secret_reaches_a_deployment_only_as_a_secure_parameter_from_the_environment():
    secrets = {p.name for p in read(INFRA / "main.bicep").of_kind("param") if "secure" in p.decorators}
    assert secrets == {"sqlUser", "sqlPassword", "restCountriesApiKey", "teamsWebhookUrl"}
    for environment in ENVIRONMENTS:
        values = parameter_values(INFRA / "environments" / f"{environment}.bicepparam")[1]
        assert all(text(values[name]).startswith("readEnvironmentVariable(") for name in secrets)


def test_every_module_is_used_once_by_main():
    used = [module.type_or_path for module in read(INFRA / "main.bicep").of_kind("module")]
    assert sorted(used) == sorted(f"modules/{path.name}" for path in (INFRA / "modules").glob("*.bicep"))


def test_only_main_decides_names_tags_and_location():
    for path in (INFRA / "modules").glob("*.bicep"):
        file = read(path)
        assert not any(
            parameter.name in ("tags", "location") and not parameter.is_required for parameter in file.of_kind("param")
        )
        assert "resourceGroup().location" not in text(file.root)


def test_names_fit_what_azure_allows_for_the_longest_environment():
    names = properties(read(INFRA / "main.bicep").declarations["names"].node.named_children[-1])
    longest = {"workload": "ingestion", "environmentName": "prod", "nameSuffix": "abcdef"}
    limits = {
        "storageAccount": r"[a-z0-9]{3,24}",
        "keyVault": r"[a-z][a-z0-9-]{1,22}[a-z0-9]",
        "sqlServer": r"[a-z0-9-]{1,63}",
        "dataFactory": r"[A-Za-z0-9-]{3,63}",
        "databricks": r"[A-Za-z0-9_-]{3,64}",
    }
    for name, pattern in limits.items():
        value = re.sub(r"\$\{(\w+)\}", lambda match: longest[match[1]], text(names[name]).strip("'"))
        assert re.fullmatch(pattern, value), (name, value)


def test_the_lake_knows_identities_only_and_forgets_nothing_at_once():
    storage = read(INFRA / "modules" / "storage.bicep")
    account = resource(storage, "account")
    for line in ("isHnsEnabled: true", "allowBlobPublicAccess: false", "allowSharedKeyAccess: false"):
        assert line in account
    assert resource(storage, "blobs").count("enabled: true") == 2
    lifecycle = resource(storage, "lifecycle")
    assert set(re.findall(r"/(_\w+)/", lifecycle)) == {"_staging", "_trash"}, "_previous may hold the only copy"


def test_the_vault_uses_roles_and_cannot_be_purged():
    vault = resource(read(INFRA / "modules" / "vault.bicep"), "vault")
    assert "enableRbacAuthorization: true" in vault
    assert "enablePurgeProtection: true" in vault


def test_the_server_has_no_password_and_every_database_is_audited():
    sql = read(INFRA / "modules" / "sql.bicep")
    assert "azureADOnlyAuthentication: true" in resource(sql, "server")
    assert "administratorLogin" not in text(sql.root)
    assert "isAzureMonitorTargetEnabled: true" in resource(sql, "auditing")
    assert "parent: server" in resource(sql, "auditing")
    assert "SQLSecurityAuditEvents" in resource(sql, "auditLogs")


def test_every_service_sends_its_logs_to_the_workspace():
    categories = {
        "factory": ["PipelineRuns", "ActivityRuns", "TriggerRuns"],
        "databricks": ["jobs", "notebook", "clusters", "accounts"],
        "vault": ["AuditEvent"],
        "sql": ["SQLSecurityAuditEvents", "Errors", "Timeouts", "Deadlocks"],
        "storage": ["StorageRead", "StorageWrite", "StorageDelete"],
        "teams": ["WorkflowRuntime"],
    }
    for module, expected in categories.items():
        source = text(read(INFRA / "modules" / f"{module}.bicep").root)
        assert re.findall(r"category: '(\w+)'\n\s+enabled: true", source) == expected, module
    assert "logAnalyticsDestinationType: 'Dedicated'" in text(read(INFRA / "modules" / "factory.bicep").root)


def test_one_failed_run_is_enough_for_an_alert():
    alerts = read(INFRA / "modules" / "alerts.bicep")
    assert re.findall(r"metric: '(\w+)'", text(alerts.root)) == ["PipelineFailedRuns", "TriggerFailedRuns"]
    rule = resource(alerts, "failures")
    assert "operator: 'GreaterThan'" in rule
    assert "threshold: 0\n" in rule
    assert "timeAggregation: 'Total'" in rule


def test_every_alert_reaches_mail_and_teams_in_the_common_schema():
    alerts = read(INFRA / "modules" / "alerts.bicep")
    assert resource(alerts, "actionGroup").count("useCommonAlertSchema: true") == 2
    assert "actionGroupId: actionGroup.id" in resource(alerts, "failures")
    assert "actionGroups: [actionGroup.id]" in resource(alerts, "missingRun")


def test_the_missing_run_rule_counts_from_the_factorys_creation():
    query = (INFRA / "queries" / "alerts" / "no-successful-country-run.kql").read_text(encoding="utf-8")
    assert "datetime(2000-01-01T00:00:00Z)" in query
    assert "replace(missingRunQuery, '2000-01-01T00:00:00Z', factoryCreatedAt)" in resource(
        read(INFRA / "modules" / "alerts.bicep"), "missingRun"
    )
    assert "factory.properties.createTime" in text(read(INFRA / "modules" / "factory.bicep").outputs["createdAt"].node)


# Principal, where, role: what access.bicep gives, and nothing more.
ASSIGNMENTS = {
    "connectorOnContainer": ("accessConnectorPrincipalId", "account::blobs::container", "storageBlobDataContributor"),
    "pipelineOnContainer": ("pipelinePrincipalId", "account::blobs::container", "storageBlobDataContributor"),
    "connectorOnAccount": ("accessConnectorPrincipalId", "account", "storageBlobDelegator"),
    "factoryOnVault": ("factoryPrincipalId", "vault", "keyVaultSecretsUser"),
    "factoryOnDatabricks": ("factoryPrincipalId", "databricks", "contributor"),
    "databricksOnVault": ("azureDatabricksPrincipalId", "vault", "keyVaultSecretsUser"),
    "pipelineOnCollectionRule": ("pipelinePrincipalId", "collectionRule", "monitoringMetricsPublisher"),
    "deployerOnFactory": ("deployerPrincipalId", "factory", "dataFactoryContributor"),
    "plannerOnGroup": ("plannerPrincipalId", None, "reader"),
    "operatorsOnVault": ("principalId", "vault", "keyVaultSecretsOfficer"),
    "infrastructureOnGroup": ("infrastructurePrincipalId", None, "contributor"),
    "infrastructureAssignsRoles": ("infrastructurePrincipalId", None, "roleBasedAccessControlAdministrator"),
}


def test_every_role_assignment_is_known_and_gives_its_reason():
    access = read(INFRA / "modules" / "access.bicep")
    found = {}
    for assignment in access.of_kind("resource"):
        if not assignment.type_or_path.startswith("Microsoft.Authorization/roleAssignments"):
            continue
        body = properties(assignment.body)
        values = properties(body["properties"])
        role = re.search(r"roles\.(\w+)\)$", text(values["roleDefinitionId"]))
        assert role
        found[assignment.name] = (
            text(values["principalId"]),
            text(body["scope"]) if "scope" in body else None,
            role[1],
        )
        assert len(literal(values["description"]) or "") > 30, assignment.name
        assert role[1] in text(body["name"]), f"{assignment.name}: the name must differ from role to role"
    assert found == ASSIGNMENTS


def test_ci_can_assign_only_the_roles_that_it_needs_to_and_none_to_itself():
    access = read(INFRA / "modules" / "access.bicep")
    assignable = set(re.findall(r"roles\.(\w+)", resource(access, "assignable")))
    given_by_ci = {
        role
        for name, (_, _, role) in ASSIGNMENTS.items()
        if "!byInfrastructure" not in resource(access, name).split("{")[0]
    }
    assert assignable == given_by_ci
    assert not assignable & {"contributor", "roleBasedAccessControlAdministrator"}


def test_role_ids_are_the_built_in_ones():
    # learn.microsoft.com/azure/role-based-access-control/built-in-roles
    known = {
        "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "dataFactoryContributor": "673868aa-7521-48a0-acc6-0f60742d39f5",
        "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
        "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
        "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "roleBasedAccessControlAdministrator": "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "storageBlobDelegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    }
    declared = properties(read(INFRA / "modules" / "access.bicep").declarations["roles"].node.named_children[-1])
    assert {name: literal(value) for name, value in declared.items()} == known
    assert known["keyVaultSecretsUser"] in resource(read(INFRA / "modules" / "teams.bicep"), "workflowOnSecret")


def test_github_is_trusted_for_its_environment_only():
    source = text(read(INFRA / "modules" / "identities.bicep").root)
    assert "subject: 'repo:${gitHubRepository}:environment:${gitHubEnvironment}'" in source
    assert source.count("properties: gitHubTrust") == 2
    planner = resource(read(INFRA / "modules" / "identities.bicep"), "plannerTrust")
    assert "subject: 'repo:${gitHubRepository}:environment:${gitHubEnvironment}-plan'" in planner


def test_symbols_of_every_file_are_found_at_all():
    assert sum(1 for path in BICEP_FILES for _ in references(read(path))) > 200
    assert sum(1 for path in BICEP_FILES for node in walk(read(path).root) if node.type == "resource_declaration") > 40
