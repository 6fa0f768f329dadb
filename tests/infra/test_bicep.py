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
    "condition that only the deployment knows": (
        "resource v 'Microsoft.KeyVault/vaults@2024-11-01' = if (deployer().objectId == 'x') {\n  name: 'v'\n}",
        "is known only during the deployment",
    ),
    "count that only the deployment knows": (
        "resource a 'Microsoft.KeyVault/vaults@2024-11-01' existing = {\n  name: 'a'\n}\n"
        "resource v 'Microsoft.KeyVault/vaults@2024-11-01' = [\n"
        "  for name in a.properties.names: {\n    name: name\n  }\n]",
        "is known only during the deployment",
    ),
    "call that the formatter breaks": (
        "output a string = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', "
        "'00000000-0000-0000-0000-000000000000-0000')",
        "wider than 120, the formatter breaks it",
    ),
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
            if "readEnvironmentVariable(" not in text(value)
        }
        for environment in ENVIRONMENTS
    )
    assert dev.keys() == prod.keys()
    assert all(dev[name] != prod[name] for name in dev)


def test_a_secret_reaches_a_deployment_only_as_a_secure_parameter_from_the_environment():
    secrets = {p.name for p in read(INFRA / "main.bicep").of_kind("param") if "secure" in p.decorators}
    assert secrets == {"sqlPassword", "restCountriesApiKey", "teamsWebhookUrl"}
    for environment in ENVIRONMENTS:
        values = parameter_values(INFRA / "environments" / f"{environment}.bicepparam")[1]
        assert all(text(values[name]).startswith("readEnvironmentVariable(") for name in secrets)


def test_a_client_secret_carries_its_end_so_that_the_vault_can_tell_of_it():
    secret = resource(read(INFRA / "modules" / "secrets.bicep"), "sqlPasswordSecret")
    assert "exp: dateTimeToEpoch(sqlPasswordEnds)" in secret


def test_a_deployment_without_a_secret_writes_no_new_version_of_one():
    secrets = read(INFRA / "modules" / "secrets.bicep").of_kind("resource")
    conditions = {one.name: re.search(r"if \((.+)\) \{", text(one.node)) for one in secrets if not one.is_existing}
    assert {name: found and found[1] for name, found in conditions.items()} == {
        "sqlUserSecret": "!empty(sqlPassword)",
        "sqlPasswordSecret": "!empty(sqlPassword)",
        "countryApiSecret": "!empty(restCountriesApiKey)",
    }


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
        "operationsVault": r"[a-z][a-z0-9-]{1,22}[a-z0-9]",
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


def test_bad_rows_stay_in_quarantine_for_thirty_days():
    lifecycle = resource(read(INFRA / "modules" / "storage.bicep"), "lifecycle")
    rule = lifecycle.partition("'delete-old-quarantine'")[2]
    assert "prefixMatch: ['${rawData.name}/quarantine/']" in rule
    assert "daysAfterModificationGreaterThan: quarantineDays" in rule
    assert text(read(INFRA / "main.bicep").declarations["quarantineDays"].node).endswith("= 30")


# Source: learn.microsoft.com/azure/databricks/security/network/classic/vnet-inject.
# Name, direction, protocol, to, ports.
DATABRICKS_RULES = {
    ("worker-to-worker-inbound", "Inbound", "*", "VirtualNetwork", ("*",)),
    ("worker-to-worker-outbound", "Outbound", "*", "VirtualNetwork", ("*",)),
    ("worker-to-databricks-webapp", "Outbound", "Tcp", "AzureDatabricks", ("443", "3306", "8443-8451")),
    ("worker-to-sql", "Outbound", "Tcp", "Sql", ("3306",)),
    ("worker-to-storage", "Outbound", "Tcp", "Storage", ("443",)),
    ("worker-to-eventhub", "Outbound", "Tcp", "EventHub", ("9093",)),
}


def test_the_rules_that_databricks_puts_in_its_subnets_group_stand_in_the_template():
    network = read(INFRA / "modules" / "network.bicep")
    rules = [
        properties(rule) for rule in network.declarations["databricksRules"].node.named_children[-1].named_children
    ]
    assert {
        (
            *(literal(rule[name]) for name in ("name", "direction", "protocol", "to")),
            tuple(literal(port) for port in rule["ports"].named_children),
        )
        for rule in rules
    } == DATABRICKS_RULES
    for direction in ("Inbound", "Outbound"):
        priorities = [text(rule["priority"]) for rule in rules if literal(rule["direction"]) == direction]
        assert len(set(priorities)) == len(priorities)
    group = resource(network, "clusterSecurityGroup")
    assert "for rule in databricksRules" in group
    assert "'Microsoft.Databricks-workspaces_UseOnly_databricks-${rule.name}'" in group


def test_the_subnet_of_the_private_endpoints_has_a_security_group_of_its_own():
    network = resource(read(INFRA / "modules" / "network.bicep"), "virtualNetwork")
    groups = re.findall(r"networkSecurityGroup: \{\s+id: (\w+)\.id", network)
    assert groups == ["clusterSecurityGroup", "clusterSecurityGroup", "endpointSecurityGroup"]


def test_a_deployment_leaves_studios_git_integration_as_it_found_it_and_studio_cannot_publish():
    factory = read(INFRA / "modules" / "factory.bicep")
    assert "disablePublish: true" in resource(factory, "neverPublished")
    configuration = resource(factory, "configuration")
    assert "empty(studioConfiguration) ? firstConfiguration : studioConfiguration" in configuration
    assert "neverPublished" in configuration
    for environment in ENVIRONMENTS:
        values = parameter_values(INFRA / "environments" / f"{environment}.bicepparam")[1]
        assert "STUDIO_CONFIGURATION" in text(values["studioConfiguration"])


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
    for name in ("silence", "expiringCredential"):
        assert "actionGroups: [actionGroup.id]" in resource(alerts, name)


def test_every_query_of_an_alert_has_its_rule_and_counts_from_the_factorys_creation():
    alerts = read(INFRA / "modules" / "alerts.bicep")
    queries = {path.stem: path.read_text(encoding="utf-8") for path in (INFRA / "queries" / "alerts").glob("*.kql")}
    silences = resource(alerts, "silences")
    assert set(re.findall(r"queries/alerts/([\w-]+)\.kql", silences)) == queries.keys()
    assert set(re.findall(r"name: '(\w+(?:-\w+)+)'", silences)) == queries.keys()
    assert "replace(rule.query, createdAt, factoryCreatedAt)" in resource(alerts, "silence")
    placeholder = text(alerts.declarations["createdAt"].node.named_children[-1]).strip("'")
    assert [name for name, query in queries.items() if placeholder not in query] == ["shrunken-table"]
    assert "factory.properties.createTime" in text(read(INFRA / "modules" / "factory.bicep").outputs["createdAt"].node)
    assert '"countries", 13' in queries["stale-table"]
    assert "'\"countries\", 13'" in silences


def test_a_log_alert_looks_back_as_far_as_its_query():
    rule = resource(read(INFRA / "modules" / "alerts.bicep"), "silence")
    assert "windowSize: 'P2D'" in rule, "two days are the most that a log alert may look back on"
    for path in (INFRA / "queries" / "alerts").glob("*.kql"):
        spans = re.findall(r"\bago\((\d+)([dh])\)", path.read_text(encoding="utf-8"))
        assert spans
        assert all(int(number) * (24 if unit == "d" else 1) <= 48 for number, unit in spans), path.name


def test_whatever_ends_in_a_vault_is_told_of_a_month_before():
    alerts = read(INFRA / "modules" / "alerts.bicep")
    events = re.findall(r"'Microsoft\.KeyVault\.(\w+)'", resource(alerts, "expiringCredential"))
    assert events == [
        f"{what}{when}" for what in ("Secret", "Certificate", "Key") for when in ("NearExpiry", "Expired")
    ]
    assert "CloudEventSchemaV1_0" in resource(alerts, "expiringCredential")
    main = read(INFRA / "main.bicep")
    assert "for (vaultName, i) in vaultNames" in resource(alerts, "vaultEvents")
    assert re.findall(r"names\.(\w+)", resource(main, "vaultNames")) == ["keyVault", "operationsVault"]


# Principal, where, role: what access.bicep gives, and nothing more.
ASSIGNMENTS = {
    "connectorOnContainer": ("accessConnectorPrincipalId", "account::blobs::container", "storageBlobDataContributor"),
    "connectorOnAccount": ("accessConnectorPrincipalId", "account", "storageBlobDelegator"),
    "notebooksOnContainer": ("notebooksPrincipalId", "account::blobs::container", "storageBlobDataContributor"),
    "notebooksOnVault": ("notebooksPrincipalId", "vault", "keyVaultSecretsUser"),
    "notebooksOnCollectionRule": ("notebooksPrincipalId", "collectionRule", "monitoringMetricsPublisher"),
    "pipelineOnContainer": ("pipelinePrincipalId", "account::blobs::container", "storageBlobDataContributor"),
    "pipelineOnCollectionRule": ("pipelinePrincipalId", "collectionRule", "monitoringMetricsPublisher"),
    "factoryOnVault": ("factoryPrincipalId", "operationsVault", "keyVaultSecretsUser"),
    "factoryOnDatabricks": ("factoryPrincipalId", "databricks", "contributor"),
    "databricksOnVault": ("azureDatabricksPrincipalId", "vault", "keyVaultSecretsUser"),
    "deployerOnFactory": ("deployerPrincipalId", "factory", "dataFactoryContributor"),
    "plannerOnGroup": ("plannerPrincipalId", None, "reader"),
    "plannerAsksWhatIf": ("plannerPrincipalId", None, "what-if"),
    "operatorOnVault": ("operatorPrincipalId", "vault", "keyVaultSecretsOfficer"),
    "operatorOnOperationsVault": ("operatorPrincipalId", "operationsVault", "keyVaultSecretsOfficer"),
    "infrastructureOnVault": ("infrastructurePrincipalId", "vault", "keyVaultSecretsUser"),
    "infrastructureOnOperationsVault": ("infrastructurePrincipalId", "operationsVault", "keyVaultSecretsOfficer"),
    "renewerOnVault": ("renewerPrincipalId", "vault", "keyVaultSecretsUser"),
    "renewerOnOperationsVault": ("renewerPrincipalId", "operationsVault", "keyVaultSecretsOfficer"),
    "renewerOnGroup": ("renewerPrincipalId", None, "reader"),
    "infrastructureOnGroup": ("infrastructurePrincipalId", None, "contributor"),
    "infrastructureAssignsRoles": ("infrastructurePrincipalId", None, "roleBasedAccessControlAdministrator"),
}
# Which of the two ways to sign in an assignment is for; the others are for both.
ONE_WAY = {
    "managedIdentities": {
        *("notebooksOnContainer", "notebooksOnVault", "notebooksOnCollectionRule", "factoryOnDatabricks"),
    },
    "!managedIdentities": {"pipelineOnContainer", "pipelineOnCollectionRule", "databricksOnVault"},
}


def condition_of(access: BicepFile, name: str) -> set[str]:
    """What an assignment is made for: the terms of its condition."""
    found = re.search(r"= if \((.+)\) \{", resource(access, name))
    return set(found[1].split(" && ")) if found else set()


def test_every_role_assignment_is_known_and_gives_its_reason():
    access = read(INFRA / "modules" / "access.bicep")
    found = {}
    for assignment in access.of_kind("resource"):
        if not assignment.type_or_path.startswith("Microsoft.Authorization/roleAssignments"):
            continue
        body = properties(assignment.body)
        values = properties(body["properties"])
        definition = text(values["roleDefinitionId"])
        role = re.search(r"roles\.(\w+)\s*\)$", definition.replace("whatIfRole.id", "roles.what_if)"))
        assert role
        given = role[1].replace("_", "-")
        found[assignment.name] = (
            text(values["principalId"]),
            text(body["scope"]) if "scope" in body else None,
            given,
        )
        assert len(literal(values["description"]) or "") > 30, assignment.name
        assert given in text(body["name"]), f"{assignment.name}: the name must differ from role to role"
    assert found == ASSIGNMENTS


@pytest.mark.parametrize("way", ONE_WAY)
def test_nobody_keeps_a_right_that_the_chosen_way_to_sign_in_does_not_use(way):
    access = read(INFRA / "modules" / "access.bicep")
    assert {name for name in ASSIGNMENTS if way in condition_of(access, name)} == ONE_WAY[way]


def test_a_vault_for_notebooks_and_one_for_the_rest():
    written_to = {
        "secrets": {"sql-user", "sql-password", "restcountries-api-key"},
        "teams": {"teams-webhook-url"},
    }
    main = read(INFRA / "main.bicep")
    for module, names in written_to.items():
        resources = read(INFRA / "modules" / f"{module}.bicep").of_kind("resource")
        secrets = [one for one in resources if one.type_or_path.startswith("Microsoft.KeyVault/vaults/secrets")]
        assert {literal(properties(one.body)["name"]) for one in secrets} == names
    assert "vaultName: vaults[0].outputs.vaultName" in resource(main, "secrets")
    assert "vaultName: vaults[1].outputs.vaultName" in resource(main, "teams")
    readers = {
        scope: {who for who, where, _ in ASSIGNMENTS.values() if where == scope}
        for scope in ("vault", "operationsVault")
    }
    assert "azureDatabricksPrincipalId" not in readers["operationsVault"], "READ on a scope is READ on the whole vault"
    assert "notebooksPrincipalId" not in readers["operationsVault"]
    assert "factoryPrincipalId" not in readers["vault"]


def test_ci_can_assign_only_what_it_deploys_and_nothing_to_itself():
    access = read(INFRA / "modules" / "access.bicep")
    by_ci = {
        name: given for name, given in ASSIGNMENTS.items() if "!deployedByWorkflow" not in condition_of(access, name)
    }
    assignable = set(re.findall(r"roles\.(\w+)", resource(access, "assignable")))
    assert assignable == {role for _, _, role in by_ci.values()}
    assert not assignable & {"contributor", "roleBasedAccessControlAdministrator", "keyVaultSecretsOfficer"}
    assignees = set(re.findall(r"\w+PrincipalId", resource(access, "assignees")))
    # The Teams workflow's assignment stands in teams.bicep.
    assert assignees == {who for who, _, _ in by_ci.values()} | {"teamsPrincipalId"}
    assert "infrastructurePrincipalId" not in assignees


def test_the_condition_on_role_assignments_asks_for_role_and_principal_of_what_is_written_and_of_what_is_deleted():
    access = read(INFRA / "modules" / "access.bicep")
    for what, of in (("Request", "Asked"), ("Resource", "There")):
        assert f"@{what}[${{assignments}}:RoleDefinitionId]" in resource(access, f"roles{of}")
        assert f"@{what}[${{assignments}}:PrincipalId]" in resource(access, f"to{of}")
        assert "join(assignees, " in resource(access, f"to{of}")
    assert "(${rolesAsked} AND ${toAsked})" in resource(access, "mayWrite")
    assert "(${rolesThere} AND ${toThere})" in resource(access, "mayDelete")
    assert "condition: '(${mayWrite}) AND (${mayDelete})'" in resource(access, "infrastructureAssignsRoles")


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


def test_github_is_trusted_for_its_environment_only_by_the_prefix_that_github_gives_the_repository():
    identities = read(INFRA / "modules" / "identities.bicep")
    source = text(identities.root)
    assert "subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}'" in source
    assert source.count("properties: gitHubTrust") == 2
    planner = resource(identities, "plannerTrust")
    assert "subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}-plan'" in planner
    renewer = resource(identities, "renewerTrust")
    assert "subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}-token'" in renewer
    assert "subject: 'repo:" not in source, "names alone are no longer the subject of every repository"


def test_symbols_of_every_file_are_found_at_all():
    assert sum(1 for path in BICEP_FILES for _ in references(read(path))) > 200
    assert sum(1 for path in BICEP_FILES for node in walk(read(path).root) if node.type == "resource_declaration") > 40
