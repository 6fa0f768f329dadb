// The lake: an account with hierarchical namespace that knows identities only, and the container raw-data.
param accountName string
param location string
param tags object
param workspaceId string

@description('True: only the two subnets reach the account. False: any network does, with an identity that has a role.')
param privateNetworking bool

param publicSubnetId string
param privateSubnetId string

@description('The access connectors, which Unity Catalog comes through from outside of those subnets.')
param allowedConnectorIds array

param quarantineDays int

var clusterSubnets = [
  {
    id: publicSubnetId
    action: 'Allow'
  }
  {
    id: privateSubnetId
    action: 'Allow'
  }
]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  //checkov:skip=CKV_AZURE_35:Deny with privateNetworking (prod); dev has no network of its own to allow, and no keys to lose
  //checkov:skip=CKV_AZURE_206:Raw data can be landed again from its sources: three copies in one place are enough
  //checkov:skip=CKV_AZURE_43:The name is a parameter: main.bicep makes it of lower-case letters and digits, at most 24
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    isHnsEnabled: true
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetworking ? 'Deny' : 'Allow'
      virtualNetworkRules: privateNetworking ? clusterSubnets : []
      resourceAccessRules: [
        {
          tenantId: tenant().tenantId
          resourceId: allowedConnectorIds[0]
        }
        {
          tenantId: tenant().tenantId
          resourceId: allowedConnectorIds[1]
        }
      ]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

// The folders countries/, customer_data/ and product_data/ come into being with the first file landed in them.
resource rawData 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'raw-data'
  properties: {
    publicAccess: 'None'
  }
}

// A run that dies leaves its staging folder behind; the next run cleans up after it, and the first rule after runs that never come.
// Bad rows stay in quarantine with their run's id and their reasons, until they are quarantineDays old.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'delete-old-staging-data'
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: [
                '${rawData.name}/_staging/'
                '${rawData.name}/_trash/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 7
                }
              }
            }
          }
        }
        {
          name: 'delete-old-quarantine'
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${rawData.name}/quarantine/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: quarantineDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

output accountName string = account.name
output containerName string = rawData.name
