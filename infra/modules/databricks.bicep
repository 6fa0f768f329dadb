// The Databricks workspace, and two access connectors: the identity that reaches the lake for Unity Catalog, and the one that
// notebooks sign in with where they have a service credential (managedIdentities).
param workspaceName string
param managedResourceGroupName string
param accessConnectorName string
param notebooksConnectorName string
param location string
param tags object
param logWorkspaceId string

@description('True: clusters run in the network below, without public addresses. False: in the network that Databricks manages.')
param privateNetworking bool

param virtualNetworkId string

param publicSubnetName string
param privateSubnetName string

var privateNetworkParameters = {
  enableNoPublicIp: {
    value: true
  }
  customVirtualNetworkId: {
    value: virtualNetworkId
  }
  customPublicSubnetName: {
    value: publicSubnetName
  }
  customPrivateSubnetName: {
    value: privateSubnetName
  }
}

// In a managed network "no public IP" would bring a NAT gateway that is paid for at rest.
var managedNetworkParameters = {
  enableNoPublicIp: {
    value: false
  }
}

resource workspace 'Microsoft.Databricks/workspaces@2024-05-01' = {
  //checkov:skip=CKV2_AZURE_48:The root DBFS holds no data of ours; everything lands in the account of storage.bicep
  //checkov:skip=CKV_AZURE_158:GitHub's runners and the factory reach the workspace over the internet, with Entra sign-in or a token
  name: workspaceName
  location: location
  tags: tags
  sku: {
    name: 'premium'
  }
  properties: {
    managedResourceGroupId: subscriptionResourceId('Microsoft.Resources/resourceGroups', managedResourceGroupName)
    publicNetworkAccess: 'Enabled'
    requiredNsgRules: 'AllRules'
    parameters: privateNetworking ? privateNetworkParameters : managedNetworkParameters
  }
}

resource accessConnector 'Microsoft.Databricks/accessConnectors@2024-05-01' = {
  name: accessConnectorName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
}

resource notebooksConnector 'Microsoft.Databricks/accessConnectors@2024-05-01' = {
  name: notebooksConnectorName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
}

// Its application id: infra/sql/03_reader.sql makes the database's user from it.
resource notebooksIdentity 'Microsoft.ManagedIdentity/identities@2023-01-31' existing = {
  scope: notebooksConnector
  name: 'default'
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'logs'
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'jobs'
        enabled: true
      }
      {
        category: 'notebook'
        enabled: true
      }
      {
        category: 'clusters'
        enabled: true
      }
      {
        category: 'accounts'
        enabled: true
      }
    ]
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output host string = 'https://${workspace.properties.workspaceUrl}'
output accessConnectorId string = accessConnector.id
output accessConnectorPrincipalId string = accessConnector.identity.principalId
output notebooksConnectorId string = notebooksConnector.id
output notebooksPrincipalId string = notebooksConnector.identity.principalId
output notebooksClientId string = notebooksIdentity.properties.clientId
