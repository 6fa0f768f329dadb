// The data factory with an identity of its own. Its objects come from adf/ by scripts/deploy.py.
param factoryName string
param location string
param tags object
param workspaceId string

@description('The GitHub repository that ADF Studio edits: owner/name. Empty: no Git integration.')
param studioRepository string

// A deployment without this block would take the Git integration away from a factory that has it.
var studio = {
  type: 'FactoryGitHubConfiguration'
  accountName: first(split(studioRepository, '/'))
  repositoryName: last(split(studioRepository, '/'))
  collaborationBranch: 'main'
  rootFolder: '/adf'
}

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
    repoConfiguration: empty(studioRepository) ? null : studio
  }
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
output createdAt string = factory.properties.createTime
