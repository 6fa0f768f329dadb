// Who may do what: every role assignment of the environment, each with its reason (only the Teams workflow's stands beside its secret).
// Conditions and counts come from parameters that are known before the deployment begins: so what-if shows every assignment.
param storageAccountName string
param containerName string
param vaultName string
param operationsVaultName string
param factoryName string
param databricksName string
param collectionRuleName string

@description('True: the factory starts notebooks as itself, and they sign in by a service credential.')
param managedIdentities bool

@description('True in a workflow. Contributor, the right to assign roles and the rights on secrets are given by a person, once.')
param deployedByWorkflow bool

param accessConnectorPrincipalId string
param notebooksPrincipalId string
param factoryPrincipalId string
param pipelinePrincipalId string
param azureDatabricksPrincipalId string
param deployerPrincipalId string
param infrastructurePrincipalId string
param plannerPrincipalId string
param renewerPrincipalId string
param teamsPrincipalId string

@description('Object id of the person who runs this deployment; in a workflow it is the infrastructure identity, which gets nothing by it.')
param operatorPrincipalId string

var roleType = 'Microsoft.Authorization/roleDefinitions'

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

resource operationsVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: operationsVaultName
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
    roleDefinitionId: subscriptionResourceId(roleType, roles.storageBlobDataContributor)
    description: 'Unity Catalog reads and writes raw-data for the clusters with this identity; no other container.'
  }
}

resource connectorOnAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, accessConnectorPrincipalId, roles.storageBlobDelegator)
  properties: {
    principalId: accessConnectorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.storageBlobDelegator)
    description: 'Unity Catalog signs the short-lived tokens it gives to clusters; signing is a right on the account, and reads no data.'
  }
}

resource notebooksOnContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedIdentities) {
  scope: account::blobs::container
  name: guid(account::blobs::container.id, notebooksPrincipalId, roles.storageBlobDataContributor)
  properties: {
    principalId: notebooksPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.storageBlobDataContributor)
    description: 'Notebooks land and promote files in raw-data by their service credential; no other container.'
  }
}

resource notebooksOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedIdentities) {
  scope: vault
  name: guid(vault.id, notebooksPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: notebooksPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsUser)
    description: 'Notebooks read their secrets, and this vault holds no others.'
  }
}

resource notebooksOnCollectionRule 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedIdentities) {
  scope: collectionRule
  name: guid(collectionRule.id, notebooksPrincipalId, roles.monitoringMetricsPublisher)
  properties: {
    principalId: notebooksPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.monitoringMetricsPublisher)
    description: 'Notebooks post their steps to this rule, and can neither read logs nor post anywhere else.'
  }
}

resource pipelineOnContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!managedIdentities) {
  scope: account::blobs::container
  name: guid(account::blobs::container.id, pipelinePrincipalId, roles.storageBlobDataContributor)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.storageBlobDataContributor)
    description: 'Without a service credential notebooks sign in at the lake as the pipelines\' principal; no other container.'
  }
}

resource pipelineOnCollectionRule 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!managedIdentities) {
  scope: collectionRule
  name: guid(collectionRule.id, pipelinePrincipalId, roles.monitoringMetricsPublisher)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.monitoringMetricsPublisher)
    description: 'Notebooks post their steps to this rule, and can neither read logs nor post anywhere else.'
  }
}

resource factoryOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: operationsVault
  name: guid(operationsVault.id, factoryPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsUser)
    description: 'AzureKeyVaultLinkedService reads databricks-pat; what notebooks read is in the other vault.'
  }
}

resource factoryOnDatabricks 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedIdentities && !deployedByWorkflow) {
  scope: databricks
  name: guid(databricks.id, factoryPrincipalId, roles.contributor)
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.contributor)
    description: 'The factory starts notebooks as itself, for which the linked service needs Contributor on the workspace.'
  }
}

resource databricksOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!managedIdentities) {
  scope: vault
  name: guid(vault.id, azureDatabricksPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: azureDatabricksPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsUser)
    description: 'The application AzureDatabricks reads the vault for the secret scope; on a vault with RBAC it is not let in by itself.'
  }
}

resource deployerOnFactory 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: factory
  name: guid(factory.id, deployerPrincipalId, roles.dataFactoryContributor)
  properties: {
    principalId: deployerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.dataFactoryContributor)
    description: 'deploy.py writes the factory\'s objects, starts triggers and runs; its rights in the workspace come from setup_workspace.py.'
  }
}

resource plannerOnGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, plannerPrincipalId, roles.reader)
  properties: {
    principalId: plannerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.reader)
    description: 'CI makes plans before anyone has approved: it reads the factory and the outputs of this deployment, no secret and no data.'
  }
}

var groupId = resourceGroup().id

// What-if asks for two actions that Reader lacks. It changes nothing, and with the validation level ProviderNoRbac needs no right to.
resource whatIfRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (!deployedByWorkflow) {
  name: guid(resourceGroup().id, 'what-if')
  properties: {
    roleName: 'What-if in ${resourceGroup().name} (${uniqueString(resourceGroup().id)})'
    description: 'Asks what a deployment would change.'
    type: 'CustomRole'
    assignableScopes: [
      groupId
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Resources/deployments/validate/action'
          'Microsoft.Resources/deployments/whatIf/action'
        ]
      }
    ]
  }
}

resource plannerAsksWhatIf 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  name: guid(resourceGroup().id, plannerPrincipalId, 'what-if')
  properties: {
    principalId: plannerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: whatIfRole.id
    description: 'A pull request shows what its template would change in dev.'
  }
}

resource operatorOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: vault
  name: guid(vault.id, operatorPrincipalId, roles.keyVaultSecretsOfficer)
  properties: {
    principalId: operatorPrincipalId
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsOfficer)
    description: 'Whoever sets up and rotates secrets by hand writes those that notebooks read.'
  }
}

resource operatorOnOperationsVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: operationsVault
  name: guid(operationsVault.id, operatorPrincipalId, roles.keyVaultSecretsOfficer)
  properties: {
    principalId: operatorPrincipalId
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsOfficer)
    description: 'Whoever runs setup_workspace.py by hand stores databricks-pat.'
  }
}

resource infrastructureOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: vault
  name: guid(vault.id, infrastructurePrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsUser)
    description: 'setup_workspace.py signs in as the pipelines\' principal to renew databricks-pat, and looks at when secrets end.'
  }
}

resource infrastructureOnOperationsVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: operationsVault
  name: guid(operationsVault.id, infrastructurePrincipalId, roles.keyVaultSecretsOfficer)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsOfficer)
    description: 'setup_workspace.py stores databricks-pat, and looks at when secrets end.'
  }
}

resource renewerOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: vault
  name: guid(vault.id, renewerPrincipalId, roles.keyVaultSecretsUser)
  properties: {
    principalId: renewerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsUser)
    description: 'token.yml signs in as the pipelines\' principal to renew databricks-pat, and looks at when secrets end.'
  }
}

resource renewerOnOperationsVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  scope: operationsVault
  name: guid(operationsVault.id, renewerPrincipalId, roles.keyVaultSecretsOfficer)
  properties: {
    principalId: renewerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.keyVaultSecretsOfficer)
    description: 'token.yml stores databricks-pat, and looks at when secrets end.'
  }
}

resource renewerOnGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, renewerPrincipalId, roles.reader)
  properties: {
    principalId: renewerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.reader)
    description: 'token.yml reads the outputs of this deployment, no secret and no data.'
  }
}

resource infrastructureOnGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  name: guid(resourceGroup().id, infrastructurePrincipalId, roles.contributor)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.contributor)
    description: 'CI deploys this template into this resource group.'
  }
}

// What CI may give, and to whom: the assignments above that it deploys itself. Its own identity is not among them.
var assignable = [
  roles.dataFactoryContributor
  roles.keyVaultSecretsUser
  roles.monitoringMetricsPublisher
  roles.reader
  roles.storageBlobDataContributor
  roles.storageBlobDelegator
]

var assignees = [
  accessConnectorPrincipalId
  azureDatabricksPrincipalId
  deployerPrincipalId
  factoryPrincipalId
  notebooksPrincipalId
  pipelinePrincipalId
  plannerPrincipalId
  renewerPrincipalId
  teamsPrincipalId
]

var assignments = 'Microsoft.Authorization/roleAssignments'
var rolesAsked = '@Request[${assignments}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${join(assignable, ', ')}}'
var toAsked = '@Request[${assignments}:PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(assignees, ', ')}}'
var rolesThere = '@Resource[${assignments}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${join(assignable, ', ')}}'
var toThere = '@Resource[${assignments}:PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(assignees, ', ')}}'
var mayWrite = '(!(ActionMatches{\'${assignments}/write\'})) OR (${rolesAsked} AND ${toAsked})'
var mayDelete = '(!(ActionMatches{\'${assignments}/delete\'})) OR (${rolesThere} AND ${toThere})'

resource infrastructureAssignsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!deployedByWorkflow) {
  name: guid(resourceGroup().id, infrastructurePrincipalId, roles.roleBasedAccessControlAdministrator)
  properties: {
    principalId: infrastructurePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, roles.roleBasedAccessControlAdministrator)
    description: 'CI keeps the assignments of this file as they are written; the condition keeps it to these roles and these principals.'
    conditionVersion: '2.0'
    condition: '(${mayWrite}) AND (${mayDelete})'
  }
}
