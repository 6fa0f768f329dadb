// Everything continuous-ingestion needs in Azure, in one resource group. Names, tags and the location are decided here, and nowhere else.
targetScope = 'resourceGroup'

@description('The environment: part of every name, and a tag.')
@minLength(2)
@maxLength(4)
param environmentName string

@description('Makes names unique that all of Azure shares. Give another one when a deleted vault still holds its name.')
@minLength(3)
@maxLength(6)
param nameSuffix string = take(uniqueString(resourceGroup().id), 6)

param location string = resourceGroup().location

@description('Who gets the alert mails.')
param alertEmail string

@description('The schedule trigger runs here, so a fire that did not come and 13 hours without a successful run are alerts.')
param scheduleRuns bool = true

@description('How many hours old the newest landing of each target may be, at most 47: what a log alert can look back on.')
param expectedHours object = {
  countries: 13
}

@description('Days for which quarantined rows and their reports are kept.')
@minValue(1)
@maxValue(730)
param quarantineDays int = 30

@description('True: the database answers only on a private endpoint, and clusters run in a network of their own. False: firewall rules, and no cost at rest.')
param privateNetworking bool

@description('The one address from which infra/sql is run over the internet. Empty: none.')
param operatorIpAddress string = ''

@description('What GitHub puts before ":environment:" in the subject of this repository\'s tokens: repo:OWNER/NAME, or repo:OWNER@ID/NAME@ID.')
param gitHubSubjectPrefix string

@description('The GitHub repository that ADF Studio edits: owner/name. Empty: Studio has no Git integration here.')
param studioRepository string = ''

@description('The factory\'s Git integration as it is now, so that a deployment leaves it as it is. Empty: there is none yet.')
param studioConfiguration object = {}

@description('Name of the Entra group that administers the SQL server.')
param sqlAdministratorsName string

@description('Object id of that group.')
param sqlAdministratorsId string

@description('Object id of the service principal that the pipelines run as.')
param pipelinePrincipalId string

@description('Application id of that service principal.')
param pipelineApplicationId string

@description('Object id, in this tenant, of the first-party application AzureDatabricks (2ff814a6-3304-4ab8-85cb-cd0e6f879c1d).')
param azureDatabricksPrincipalId string

@description('True: the factory starts notebooks as itself, and they sign in by a service credential: nothing expires. False: a token and a client secret.')
param managedIdentities bool = true

@description('A workflow deploys this: rights that only a person may give stay as a person gave them.')
param deployedByWorkflow bool

@description('What notebooks run on: a job cluster of their own for each activity, or a job of their own on serverless compute.')
@allowed(['job-clusters', 'serverless'])
param compute string = 'job-clusters'

@description('Catalog and schema of Unity Catalog for tables. Empty: tables are folders of the lake.')
param catalog string = ''

@description('See catalog.')
param schema string = ''

@description('Days for which a deleted vault or secret can be recovered.')
@minValue(7)
@maxValue(90)
param softDeleteRetentionDays int

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int

@description('Minutes without a query after which the database pauses; -1: never.')
param sqlAutoPauseMinutes int = 60

@description('Client secret of the pipelines\' service principal. Empty: the secret stays as it is.')
@secure()
param sqlPassword string = ''

@description('When that client secret ends, such as 2027-11-28T00:00:00Z. The vault tells a month before.')
param sqlPasswordEnds string = ''

@description('Key of the country API. Empty: the secret stays as it is.')
@secure()
param restCountriesApiKey string = ''

@description('Address of the Teams Workflows webhook. Empty: the secret stays as it is.')
@secure()
param teamsWebhookUrl string = ''

var workload = 'ingestion'

var tags = {
  application: 'continuous-ingestion'
  environment: environmentName
}

var names = {
  accessConnector: 'dbac-${workload}-${environmentName}'
  actionGroup: 'ag-${workload}-${environmentName}'
  credential: '${workload}-${environmentName}-${nameSuffix}'
  dashboard: 'Continuous ingestion (${environmentName})'
  database: 'sqldb-${workload}'
  databricks: 'dbw-${workload}-${environmentName}'
  databricksResourceGroup: 'rg-${workload}-${environmentName}-databricks-${nameSuffix}'
  dataFactory: 'adf-${workload}-${environmentName}-${nameSuffix}'
  deployer: 'id-${workload}-${environmentName}-deployer'
  infrastructure: 'id-${workload}-${environmentName}-infrastructure'
  keyVault: 'kv-${workload}-${environmentName}-${nameSuffix}'
  logs: 'log-${workload}-${environmentName}'
  notebooksConnector: 'dbac-${workload}-${environmentName}-notebooks'
  notebookSteps: 'dcr-${workload}-${environmentName}'
  operationsVault: 'kv-ops-${environmentName}-${nameSuffix}'
  sqlServer: 'sql-${workload}-${environmentName}-${nameSuffix}'
  planner: 'id-${workload}-${environmentName}-planner'
  renewer: 'id-${workload}-${environmentName}-renewer'
  storageAccount: 'st${workload}${environmentName}${nameSuffix}'
  teams: 'logic-${workload}-${environmentName}-teams'
  virtualNetwork: 'vnet-${workload}-${environmentName}'
}

var vaultNames = [
  names.keyVault
  names.operationsVault
]

module logs 'modules/logs.bicep' = {
  name: 'logs'
  params: {
    workspaceName: names.logs
    collectionRuleName: names.notebookSteps
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  params: {
    virtualNetworkName: names.virtualNetwork
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    accountName: names.storageAccount
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
    privateNetworking: privateNetworking
    publicSubnetId: privateNetworking ? network!.outputs.publicSubnetId : ''
    privateSubnetId: privateNetworking ? network!.outputs.privateSubnetId : ''
    allowedConnectorIds: [
      databricks.outputs.accessConnectorId
      databricks.outputs.notebooksConnectorId
    ]
    quarantineDays: quarantineDays
  }
}

module sql 'modules/sql.bicep' = {
  name: 'sql'
  params: {
    serverName: names.sqlServer
    databaseName: names.database
    location: location
    tags: tags
    administratorsName: sqlAdministratorsName
    administratorsId: sqlAdministratorsId
    autoPauseMinutes: sqlAutoPauseMinutes
    operatorIpAddress: operatorIpAddress
    privateNetworking: privateNetworking
    privateEndpointSubnetId: privateNetworking ? network!.outputs.privateEndpointSubnetId : ''
    privateDnsZoneId: privateNetworking ? network!.outputs.sqlDnsZoneId : ''
    workspaceId: logs.outputs.workspaceId
  }
}

// Two vaults: whoever may read a secret scope reads all of the vault behind it, and notebooks are to read their own secrets only.
module vaults 'modules/vault.bicep' = [
  for vaultName in vaultNames: {
    name: vaultName
    params: {
      vaultName: vaultName
      location: location
      tags: tags
      softDeleteRetentionDays: softDeleteRetentionDays
      workspaceId: logs.outputs.workspaceId
    }
  }
]

module secrets 'modules/secrets.bicep' = {
  name: 'secrets'
  params: {
    vaultName: vaults[0].outputs.vaultName
    sqlUser: pipelineApplicationId
    sqlPassword: sqlPassword
    sqlPasswordEnds: sqlPasswordEnds
    restCountriesApiKey: restCountriesApiKey
  }
}

module databricks 'modules/databricks.bicep' = {
  name: 'databricks'
  params: {
    workspaceName: names.databricks
    managedResourceGroupName: names.databricksResourceGroup
    accessConnectorName: names.accessConnector
    notebooksConnectorName: names.notebooksConnector
    location: location
    tags: tags
    privateNetworking: privateNetworking
    virtualNetworkId: privateNetworking ? network!.outputs.virtualNetworkId : ''
    publicSubnetName: privateNetworking ? network!.outputs.publicSubnetName : ''
    privateSubnetName: privateNetworking ? network!.outputs.privateSubnetName : ''
    logWorkspaceId: logs.outputs.workspaceId
  }
}

module factory 'modules/factory.bicep' = {
  name: 'factory'
  params: {
    factoryName: names.dataFactory
    location: location
    tags: tags
    studioRepository: studioRepository
    studioConfiguration: studioConfiguration
    workspaceId: logs.outputs.workspaceId
  }
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    deployerName: names.deployer
    infrastructureName: names.infrastructure
    plannerName: names.planner
    renewerName: names.renewer
    location: location
    tags: tags
    gitHubSubjectPrefix: gitHubSubjectPrefix
    gitHubEnvironment: environmentName
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    storageAccountName: storage.outputs.accountName
    containerName: storage.outputs.containerName
    vaultName: vaults[0].outputs.vaultName
    operationsVaultName: vaults[1].outputs.vaultName
    factoryName: factory.outputs.factoryName
    databricksName: databricks.outputs.workspaceName
    collectionRuleName: logs.outputs.collectionRuleName
    managedIdentities: managedIdentities
    deployedByWorkflow: deployedByWorkflow
    accessConnectorPrincipalId: databricks.outputs.accessConnectorPrincipalId
    notebooksPrincipalId: databricks.outputs.notebooksPrincipalId
    factoryPrincipalId: factory.outputs.principalId
    pipelinePrincipalId: pipelinePrincipalId
    azureDatabricksPrincipalId: azureDatabricksPrincipalId
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    infrastructurePrincipalId: identities.outputs.infrastructurePrincipalId
    plannerPrincipalId: identities.outputs.plannerPrincipalId
    renewerPrincipalId: identities.outputs.renewerPrincipalId
    teamsPrincipalId: teams.outputs.principalId
    operatorPrincipalId: deployer().objectId
  }
}

module queries 'modules/queries.bicep' = {
  name: 'queries'
  params: {
    workspaceName: logs.outputs.workspaceName
  }
}

module dashboard 'modules/dashboard.bicep' = {
  name: 'dashboard'
  params: {
    displayName: names.dashboard
    location: location
    tags: tags
    workspaceId: logs.outputs.workspaceId
  }
}

module teams 'modules/teams.bicep' = {
  name: 'teams'
  params: {
    workflowName: names.teams
    location: location
    tags: tags
    vaultName: vaults[1].outputs.vaultName
    teamsWebhookUrl: teamsWebhookUrl
    workspaceId: logs.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    actionGroupName: names.actionGroup
    location: location
    tags: tags
    email: alertEmail
    teamsWorkflowName: teams.outputs.workflowName
    factoryId: factory.outputs.factoryId
    factoryCreatedAt: factory.outputs.createdAt
    workspaceId: logs.outputs.workspaceId
    scheduleRuns: scheduleRuns
    expectedHours: expectedHours
    vaultNames: vaultNames
  }
  dependsOn: [vaults]
}

// What deploy.py and setup_workspace.py read as environment variables: dataFactoryName is DATA_FACTORY_NAME, and so on.
output azureTenantId string = tenant().tenantId
output azureSubscriptionId string = subscription().subscriptionId
output azureResourceGroup string = resourceGroup().name
output azureClientId string = identities.outputs.deployerClientId
output azureInfrastructureClientId string = identities.outputs.infrastructureClientId
output azurePlannerClientId string = identities.outputs.plannerClientId
output azureRenewerClientId string = identities.outputs.renewerClientId
output pipelineApplicationId string = pipelineApplicationId
output dataFactoryName string = factory.outputs.factoryName
output dataFactoryClientId string = factory.outputs.clientId
output databricksHost string = databricks.outputs.host
// Not databricksWorkspaceId: the SDK sends DATABRICKS_WORKSPACE_ID, where it is set, as the workspace's number.
output databricksResourceId string = databricks.outputs.workspaceId
output databricksAccessConnectorId string = databricks.outputs.accessConnectorId
output notebooksConnectorId string = databricks.outputs.notebooksConnectorId
output notebooksClientId string = databricks.outputs.notebooksClientId
output keyVaultId string = vaults[0].outputs.vaultId
output keyVaultUrl string = vaults[0].outputs.url
output operationsVaultUrl string = vaults[1].outputs.url
output storageAccountName string = storage.outputs.accountName
output sqlServerName string = sql.outputs.serverName
output sqlDatabaseName string = sql.outputs.databaseName
output logIngestionUrl string = logs.outputs.ingestionUrl
// What is chosen: how the factory signs in to Databricks, and what the notebooks sign in with; empty texts are settings that are not set.
output signIn string = managedIdentities ? 'managed-identity' : 'token'
output compute string = compute
output credential string = managedIdentities ? names.credential : ''
output catalog string = catalog
output schema string = schema
