// The data factory with an identity of its own. Its objects come from adf/ by scripts/deploy.py.
param factoryName string
param location string
param tags object
param workspaceId string

@description('The GitHub repository that ADF Studio edits: owner/name. Empty: no Git integration.')
param studioRepository string

@description('The Git integration as it is now (infra/deploy.sh reads it). Empty: there is none yet.')
param studioConfiguration object

// Set once. Studio keeps more in it (lastCommitId): afterwards each deployment hands back what it found.
var firstConfiguration = {
  type: 'FactoryGitHubConfiguration'
  accountName: first(split(studioRepository, '/'))
  repositoryName: last(split(studioRepository, '/'))
  collaborationBranch: 'main'
  rootFolder: '/adf'
}

// Studio edits Git and does not publish: deploy.py does, with the values of each environment in place of those in Git.
var neverPublished = {
  disablePublish: true
}

var configuration = union(empty(studioConfiguration) ? firstConfiguration : studioConfiguration, neverPublished)

resource factory 'Microsoft.DataFactory/factories@2018-06-01' = {
  //checkov:skip=CKV_AZURE_104:deploy.py and ADF Studio reach the factory over the internet, with Entra sign-in; it takes no other inbound traffic
  name: factoryName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publicNetworkAccess: 'Enabled'
    repoConfiguration: empty(studioRepository) && empty(studioConfiguration) ? null : any(configuration)
  }
}

// The application id of the factory's identity: what Databricks knows a service principal by.
resource identity 'Microsoft.ManagedIdentity/identities@2023-01-31' existing = {
  scope: factory
  name: 'default'
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: factory
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'PipelineRuns'
        enabled: true
      }
      {
        category: 'ActivityRuns'
        enabled: true
      }
      {
        category: 'TriggerRuns'
        enabled: true
      }
    ]
  }
}

output factoryId string = factory.id
output factoryName string = factory.name
output principalId string = factory.identity.principalId
output clientId string = identity.properties.clientId
output createdAt string = factory.properties.createTime
