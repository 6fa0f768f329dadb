// What notebooks may read: the secrets that come as parameters. The other vault holds databricks-pat, which scripts/setup_workspace.py
// writes, and teams-webhook-url, which teams.bicep writes. An empty parameter leaves the secret that is there untouched.
param vaultName string
param sqlUser string

@secure()
param sqlPassword string

@description('When sqlPassword ends, as Entra ID says it.')
param sqlPasswordEnds string

@secure()
param restCountriesApiKey string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// Only together with the password: a new version of the secret at every deployment would be a change at every deployment.
resource sqlUserSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(sqlPassword)) {
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
  //checkov:skip=CKV_AZURE_41:exp is set below, to the end of the client secret; the check does not look into conditional resources
  //checkov:skip=CKV_AZURE_114:contentType is set below; the check does not look into conditional resources
  parent: vault
  name: 'sql-password'
  properties: {
    value: sqlPassword
    contentType: 'Client secret of the service principal that the pipelines run as'
    attributes: {
      exp: dateTimeToEpoch(sqlPasswordEnds)
    }
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
