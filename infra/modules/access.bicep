// Who may do what: every role assignment of the environment, each with its reason (only the Teams workflow's stands beside its secret).
param storageAccountName string
param containerName string
param vaultName string
param factoryName string
param databricksName string
param collectionRuleName string

param accessConnectorPrincipalId string
param factoryPrincipalId string
param factoryIdentityRunsNotebooks bool
param pipelinePrincipalId string
param azureDatabricksPrincipalId string
param deployerPrincipalId string
param infrastructurePrincipalId string
param plannerPrincipalId string

@description('Object id of whoever runs this deployment: a person the first time, the infrastructure identity in CI.')
param deployedBy string

// Built-in roles: learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roles = {
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  dataFactoryContributor: '673868aa-7521-48a0-acc6-0f60742d39f5'
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
  roleBasedAccessControlAdministrator: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
}

// Contributor, and the right to assign roles, are given by a person, the first time: the infrastructure identity may not.
var byInfrastructure = deployedBy == infrastructurePrincipalId

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource container 'containers' existing = {
      name: containerName
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource factory 'Microsoft.DataFactory/factories@2018-06-01' existing = {
  name: factoryName
}

resource databricks 'Microsoft.Databricks/workspaces@2024-05-01' existing = {
  name: databricksName
}

resource collectionRule 'Microsoft.Insights/dataCollectionRules@2023-03-11' existing = {
  name: collectionRuleName
}

resource connectorOnContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account::blobs::container
  name: guid(account::blobs::container.id, accessConnectorPrincipalId, roles.storageBlobDataContributor)
  properties: {
    principalId: accessConnectorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    description: 'Unity Catalog reads and writes raw-data for the clusters with this identity; no other container.'
  }
}

resource connectorOnAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, accessConnectorPrincipalId, roles.storageBlobDelegator)
  properties: {
    principalId: accessConnectorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDelegator)
    description: 'Unity Catalog signs the short-lived tokens it gives to clusters; signing is a right on the account, and reads no data.'
  }
}

resource factoryOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, factoryPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    description: 'The Databricks linked service reads databricks-pat through AzureKeyVaultLinkedService.'
  }
}

resource factoryOnDatabricks 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (factoryIdentityRunsNotebooks && !byInfrastructure) {
  scope: databricks
  name: guid(databricks.id, factoryPrincipalId, roles.contributor)
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.contributor)
    description: 'A linked service with managed identity needs Contributor on the workspace. With the token it needs nothing here, so this is off.'
  }
}

resource databricksOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, azureDatabricksPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: azureDatabricksPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    description: 'The application AzureDatabricks reads the vault for the secret scope; on a vault with RBAC it is not let in by itself.'
  }
}

resource pipelineOnCollectionRule 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: collectionRule
  name: guid(collectionRule.id, pipelinePrincipalId, roles.monitoringMetricsPublisher)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    description: 'Notebooks post their steps to this rule, and can neither read logs nor post anywhere else.'
  }
}

resource deployerOnFactory 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: factory
  name: guid(factory.id, deployerPrincipalId, roles.dataFactoryContributor)
  properties: {
    principalId: deployerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.dataFactoryContributor)
    description: 'deploy.py writes the factory\'s objects, starts triggers and runs; its rights in the workspace come from setup_workspace.py.'
  }
}

resource plannerOnGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, plannerPrincipalId, roles.reader)
  properties: {
    principalId: plannerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.reader)
    description: 'CI makes plans before anyone has approved: it reads the factory and the outputs of this deployment, no secret and no data.'
  }
}

// setup_workspace.py reads sql-user and sql-password and writes databricks-pat as whoever deploys the infrastructure.
resource operatorsOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in union([deployedBy], [infrastructurePrincipalId]): {
    scope: vault
    name: guid(vault.id, principalId, roles.keyVaultSecretsOfficer)
    properties: {
      principalId: principalId
      principalType: principalId == infrastructurePrincipalId ? 'ServicePrincipal' : null
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
      description: 'setup_workspace.py signs in as the pipelines\' principal to renew databricks-pat, and stores it.'
    }
  }
]

resource infrastructureOnGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!byInfrastructure) {
  name: guid(resourceGroup().id, infrastructurePrincipalId, roles.contributor)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.contributor)
    description: 'CI deploys this template into this resource group.'
  }
}

var assignable = [
  roles.dataFactoryContributor
  roles.keyVaultSecretsOfficer
  roles.keyVaultSecretsUser
  roles.monitoringMetricsPublisher
  roles.reader
  roles.storageBlobDataContributor
  roles.storageBlobDelegator
]

var assignableRoles = join(assignable, ', ')

resource infrastructureAssignsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!byInfrastructure) {
  name: guid(resourceGroup().id, infrastructurePrincipalId, roles.roleBasedAccessControlAdministrator)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.roleBasedAccessControlAdministrator)
    description: 'CI keeps the assignments of this file as they are written; the condition keeps it from giving any other role.'
    conditionVersion: '2.0'
    condition: '((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${assignableRoles}})) AND ((!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${assignableRoles}}))'
  }
}
