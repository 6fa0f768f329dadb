// Alerts into Teams: a Logic App that turns an alert in the common alert schema into an Adaptive Card for a Teams Workflows webhook.
param workflowName string
param location string
param tags object
param vaultName string
param workspaceId string

@description('Address of the Teams Workflows webhook. Empty: the secret stays as it is.')
@secure()
param teamsWebhookUrl string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// The workflow reads the address when an alert comes, so that a new one takes effect at once.
resource webhookSecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(teamsWebhookUrl)) {
  //checkov:skip=CKV_AZURE_41:Teams gives its webhooks no expiry date
  //checkov:skip=CKV_AZURE_114:contentType is set below; the check does not look into conditional resources
  parent: vault
  name: 'teams-webhook-url'
  properties: {
    value: teamsWebhookUrl
    contentType: 'Address of the Teams Workflows webhook'
  }
}

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: workflowName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    definition: loadJsonContent('../workflows/alert_to_teams.json')
    parameters: {
      webhookSecretUrl: {
        value: '${vault.properties.vaultUri}secrets/teams-webhook-url?api-version=7.4'
      }
      vaultAudience: {
        value: 'https://${skip(environment().suffixes.keyvaultDns, 1)}'
      }
      portalUrl: {
        value: environment().portal
      }
    }
  }
}

var roleType = 'Microsoft.Authorization/roleDefinitions'

// Key Vault Secrets User on this one secret: the workflow reads the webhook's address, and no other secret.
resource workflowOnSecret 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(teamsWebhookUrl)) {
  scope: webhookSecret
  name: guid(vault.id, workflowName, 'teams-webhook-url')
  properties: {
    principalId: workflow.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleType, '4633458b-17de-408a-b874-0445c86b69e6')
    description: 'The workflow reads the address of the Teams webhook when an alert comes.'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workflow
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'WorkflowRuntime'
        enabled: true
      }
    ]
  }
}

output workflowName string = workflow.name
output principalId string = workflow.identity.principalId
