// The identities that GitHub's workflows sign in as, without a stored secret: one deploys the bundle, one the infrastructure, one only
// reads, for plans that are made before anyone has approved anything, and one renews the token every week, without anyone's approval.
param deployerName string
param infrastructureName string
param plannerName string
param renewerName string
param location string
param tags object
param gitHubEnvironment string

@description('repo:OWNER/NAME, or repo:OWNER@ID/NAME@ID for repositories with immutable subjects; letter for letter as GitHub has it.')
param gitHubSubjectPrefix string

var gitHubTrust = {
  issuer: 'https://token.actions.githubusercontent.com'
  subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}'
  audiences: ['api://AzureADTokenExchange']
}

resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: deployerName
  location: location
  tags: tags
}

resource deployerTrust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: deployer
  name: 'github-${gitHubEnvironment}'
  properties: gitHubTrust
}

resource infrastructure 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: infrastructureName
  location: location
  tags: tags
}

resource infrastructureTrust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: infrastructure
  name: 'github-${gitHubEnvironment}'
  properties: gitHubTrust
}

resource planner 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: plannerName
  location: location
  tags: tags
}

resource plannerTrust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: planner
  name: 'github-${gitHubEnvironment}-plan'
  properties: {
    issuer: gitHubTrust.issuer
    subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}-plan'
    audiences: gitHubTrust.audiences
  }
}

resource renewer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: renewerName
  location: location
  tags: tags
}

resource renewerTrust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {
  parent: renewer
  name: 'github-${gitHubEnvironment}-token'
  properties: {
    issuer: gitHubTrust.issuer
    subject: '${gitHubSubjectPrefix}:environment:${gitHubEnvironment}-token'
    audiences: gitHubTrust.audiences
  }
}

output deployerClientId string = deployer.properties.clientId
output deployerPrincipalId string = deployer.properties.principalId
output infrastructureClientId string = infrastructure.properties.clientId
output infrastructurePrincipalId string = infrastructure.properties.principalId
output plannerClientId string = planner.properties.clientId
output plannerPrincipalId string = planner.properties.principalId
output renewerClientId string = renewer.properties.clientId
output renewerPrincipalId string = renewer.properties.principalId
