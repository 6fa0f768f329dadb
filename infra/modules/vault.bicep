// A vault with roles and purge protection, its audit log, and word of whatever in it is about to end (alerts.bicep listens).
param vaultName string
param location string
param tags object
param softDeleteRetentionDays int
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  //checkov:skip=CKV_AZURE_109:The vault's lock is Entra ID and RBAC: GitHub's runners, which write databricks-pat, have no fixed address
  //checkov:skip=CKV_AZURE_189:GitHub's runners and the people who rotate secrets reach it over the internet, with an identity that has a role
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: softDeleteRetentionDays
    enablePurgeProtection: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

output vaultId string = vault.id
output vaultName string = vault.name
output url string = vault.properties.vaultUri
