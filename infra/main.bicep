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

@description('The schedule trigger runs here, so 13 hours without a successful run are an alert.')
param scheduleRuns bool = true

@description('True: the database answers only on a private endpoint, and clusters run in a network of their own. False: firewall rules, and no cost at rest.')
param privateNetworking bool

@description('The one address from which infra/sql is run over the internet. Empty: none.')
param operatorIpAddress string = ''

@description('The GitHub repository whose workflows deploy: owner/name.')
param gitHubRepository string

@description('The GitHub repository that ADF Studio edits: owner/name. Empty: Studio has no Git integration here.')
param studioRepository string = ''

@description('Name of the Entra group that administers the SQL server.')
param sqlAdministratorsName string

@description('Object id of that group.')
param sqlAdministratorsId string

@description('Object id of the service principal that the pipelines run as.')
param pipelinePrincipalId string

@description('Object id, in this tenant, of the first-party application AzureDatabricks (2ff814a6-3304-4ab8-85cb-cd0e6f879c1d).')
param azureDatabricksPrincipalId string

@description('Let the factory\'s own identity start clusters: only for a linked service that is switched from the token to managed identity.')
param factoryIdentityRunsNotebooks bool = false

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

@description('Application id of the pipelines\' service principal. Empty: the secret stays as it is.')
@secure()
param sqlUser string = ''

@description('Client secret of the pipelines\' service principal. Empty: the secret stays as it is.')
@secure()
param sqlPassword string = ''

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
  dashboard: 'Continuous ingestion (${environmentName})'
  database: 'sqldb-${workload}'
  databricks: 'dbw-${workload}-${environmentName}'
  databricksResourceGroup: 'rg-${workload}-${environmentName}-databricks-${nameSuffix}'
  dataFactory: 'adf-${workload}-${environmentName}-${nameSuffix}'
  deployer: 'id-${workload}-${environmentName}-deployer'
  infrastructure: 'id-${workload}-${environmentName}-infrastructure'
  keyVault: 'kv-${workload}-${environmentName}-${nameSuffix}'
  logs: 'log-${workload}-${environmentName}'
  notebookSteps: 'dcr-${workload}-${environmentName}'
  sqlServer: 'sql-${workload}-${environmentName}-${nameSuffix}'
  planner: 'id-${workload}-${environmentName}-planner'
  storageAccount: 'st${workload}${environmentName}${nameSuffix}'
  teams: 'logic-${workload}-${environmentName}-teams'
  virtualNetwork: 'vnet-${workload}-${environmentName}'
}

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
    allowedSubnetIds: privateNetworking ? network!.outputs.clusterSubnetIds : []
    allowedConnectorId: databricks.outputs.accessConnectorId
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
    privateEndpointSubnetId: privateNetworking ? network!.outputs.privateEndpointSubnetId : ''
    privateDnsZoneId: privateNetworking ? network!.outputs.sqlDnsZoneId : ''
    workspaceId: logs.outputs.workspaceId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    vaultName: names.keyVault
    location: location
    tags: tags
    softDeleteRetentionDays: softDeleteRetentionDays
    sqlUser: sqlUser
    sqlPassword: sqlPassword
    restCountriesApiKey: restCountriesApiKey
    workspaceId: logs.outputs.workspaceId
  }
}

module databricks 'modules/databricks.bicep' = {
  name: 'databricks'
  params: {
    workspaceName: names.databricks
    managedResourceGroupName: names.databricksResourceGroup
    accessConnectorName: names.accessConnector
    location: location
    tags: tags
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
    workspaceId: logs.outputs.workspaceId
  }
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    deployerName: names.deployer
    infrastructureName: names.infrastructure
    plannerName: names.planner
    location: location
    tags: tags
    gitHubRepository: gitHubRepository
    gitHubEnvironment: environmentName
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  params: {
    storageAccountName: storage.outputs.accountName
    containerName: storage.outputs.containerName
    vaultName: vault.outputs.vaultName
    factoryName: factory.outputs.factoryName
    databricksName: databricks.outputs.workspaceName
    collectionRuleName: logs.outputs.collectionRuleName
    accessConnectorPrincipalId: databricks.outputs.accessConnectorPrincipalId
    factoryPrincipalId: factory.outputs.principalId
    factoryIdentityRunsNotebooks: factoryIdentityRunsNotebooks
    pipelinePrincipalId: pipelinePrincipalId
    azureDatabricksPrincipalId: azureDatabricksPrincipalId
    deployerPrincipalId: identities.outputs.deployerPrincipalId
    infrastructurePrincipalId: identities.outputs.infrastructurePrincipalId
    plannerPrincipalId: identities.outputs.plannerPrincipalId
    deployedBy: deployer().objectId
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
    vaultName: vault.outputs.vaultName
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
  }
}

// What deploy.py and setup_workspace.py read as environment variables: dataFactoryName is DATA_FACTORY_NAME, and so on.
output azureTenantId string = tenant().tenantId
output azureSubscriptionId string = subscription().subscriptionId
output azureResourceGroup string = resourceGroup().name
output azureClientId string = identities.outputs.deployerClientId
output azureInfrastructureClientId string = identities.outputs.infrastructureClientId
output azurePlannerClientId string = identities.outputs.plannerClientId
output dataFactoryName string = factory.outputs.factoryName
output databricksHost string = databricks.outputs.host
// Not databricksWorkspaceId: the SDK sends DATABRICKS_WORKSPACE_ID, where it is set, as the workspace's number.
output databricksResourceId string = databricks.outputs.workspaceId
output databricksAccessConnectorId string = databricks.outputs.accessConnectorId
output keyVaultId string = vault.outputs.vaultId
output keyVaultUrl string = vault.outputs.url
output storageAccountName string = storage.outputs.accountName
output sqlServerName string = sql.outputs.serverName
output sqlDatabaseName string = sql.outputs.databaseName
output logIngestionUrl string = logs.outputs.ingestionUrl
