// The vault and the secrets that come as parameters. databricks-pat is written by scripts/setup_workspace.py, teams-webhook-url by teams.bicep.
param vaultName string
param location string
param tags object
param softDeleteRetentionDays int
param workspaceId string

@secure()
param sqlUser string

@secure()
param sqlPassword string

@secure()
param restCountriesApiKey string

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

// An empty parameter leaves the secret that is there untouched, so that CI deploys without knowing one.
resource sqlUserSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(sqlUser)) {
  //checkov:skip=CKV_AZURE_41:An application id is no secret and does not expire
  //checkov:skip=CKV_AZURE_114:contentType is set below; the check does not look into conditional resources
  parent: vault
  name: 'sql-user'
  properties: {
    value: sqlUser
    contentType: 'Application id of the service principal that the pipelines run as'
  }
}

resource sqlPasswordSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(sqlPassword)) {
  //checkov:skip=CKV_AZURE_41:Entra ID enforces the expiry of a client secret; a second date here could only disagree
  //checkov:skip=CKV_AZURE_114:contentType is set below; the check does not look into conditional resources
  parent: vault
  name: 'sql-password'
  properties: {
    value: sqlPassword
    contentType: 'Client secret of the service principal that the pipelines run as'
  }
}

resource countryApiSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(restCountriesApiKey)) {
  //checkov:skip=CKV_AZURE_41:The country API gives its keys no expiry date
  //checkov:skip=CKV_AZURE_114:contentType is set below; the check does not look into conditional resources
  parent: vault
  name: 'restcountries-api-key'
  properties: {
    value: restCountriesApiKey
    contentType: 'Key of the REST Countries API v5'
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
