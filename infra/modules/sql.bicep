// The source database: serverless, administered by an Entra group only, audited; open by firewall rules or by a private endpoint.
param serverName string
param databaseName string
param location string
param tags object
param workspaceId string

@description('Name of the Entra group that administers the server.')
param administratorsName string

@description('Object id of that group.')
param administratorsId string

param autoPauseMinutes int

@description('The one address from which infra/sql is run over the internet. Empty: none.')
param operatorIpAddress string

@description('True: a private endpoint in the subnet below. False: firewall rules.')
param privateNetworking bool

param privateEndpointSubnetId string

param privateDnsZoneId string

resource server 'Microsoft.Sql/servers@2023-08-01' = {
  //checkov:skip=CKV_AZURE_113:Off where there is a private endpoint (prod); dev has no network of its own and lets in Azure and one operator, with Entra sign-in only
  name: serverName
  location: location
  tags: tags
  properties: {
    minimalTlsVersion: '1.2'
    publicNetworkAccess: privateNetworking ? 'Disabled' : 'Enabled'
    administrators: {
      administratorType: 'ActiveDirectory'
      azureADOnlyAuthentication: true
      principalType: 'Group'
      login: administratorsName
      sid: administratorsId
      tenantId: tenant().tenantId
    }
  }
}

resource database 'Microsoft.Sql/servers/databases@2023-08-01' = {
  //checkov:skip=CKV_AZURE_229:A source of samples and of batch reads every few hours: a zone outage delays a run, and costs less than three zones
  //checkov:skip=CKV_AZURE_26:Belongs to Defender for SQL, see the server
  //checkov:skip=CKV_AZURE_27:Belongs to Defender for SQL, see the server
  parent: server
  name: databaseName
  location: location
  tags: tags
  sku: {
    name: 'GP_S_Gen5'
    tier: 'GeneralPurpose'
    family: 'Gen5'
    capacity: 1
  }
  properties: {
    autoPauseDelay: autoPauseMinutes
    minCapacity: json('0.5')
    maxSizeBytes: 1073741824 // paid for also while the database pauses
    requestedBackupStorageRedundancy: 'Local'
    zoneRedundant: false
  }
}

// Clusters in the network that Databricks manages have no fixed address: 0.0.0.0 stands for "from within Azure", and Entra sign-in still holds.
resource fromAzure 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!privateNetworking) {
  parent: server
  name: 'AllowAllWindowsAzureIps'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

resource fromOperator 'Microsoft.Sql/servers/firewallRules@2023-08-01' = if (!privateNetworking && !empty(operatorIpAddress)) {
  parent: server
  name: 'operator'
  properties: {
    startIpAddress: operatorIpAddress
    endIpAddress: operatorIpAddress
  }
}

resource privateEndpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = if (privateNetworking) {
  name: '${serverName}-pe'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: privateEndpointSubnetId
    }
    privateLinkServiceConnections: [
      {
        name: 'sqlServer'
        properties: {
          privateLinkServiceId: server.id
          groupIds: ['sqlServer']
        }
      }
    ]
  }
}

resource privateDns 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = if (privateNetworking) {
  parent: privateEndpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: 'sqlServer'
        properties: {
          privateDnsZoneId: privateDnsZoneId
        }
      }
    ]
  }
}

resource auditing 'Microsoft.Sql/servers/auditingSettings@2023-08-01' = {
  parent: server
  name: 'default'
  properties: {
    state: 'Enabled'
    isAzureMonitorTargetEnabled: true
  }
}

// The server's audit events come out of its master database.
resource master 'Microsoft.Sql/servers/databases@2023-08-01' existing = {
  parent: server
  name: 'master'
}

resource auditLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: master
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'SQLSecurityAuditEvents'
        enabled: true
      }
    ]
  }
  dependsOn: [database] // master can be addressed once the server has made its first database
}

resource databaseLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: database
  name: 'logs'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Errors'
        enabled: true
      }
      {
        category: 'Timeouts'
        enabled: true
      }
      {
        category: 'Deadlocks'
        enabled: true
      }
    ]
  }
}

output serverName string = server.name
output databaseName string = database.name
