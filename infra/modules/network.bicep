// A network of its own for clusters without public addresses, and the private way to the database. Deployed only where privateNetworking is on.
param virtualNetworkName string
param location string
param tags object

var publicSubnetName = 'databricks-public'
var privateSubnetName = 'databricks-private'
var privateEndpointSubnetName = 'private-endpoints'

// Databricks adds its own rules to this group; nothing else may come in.
resource securityGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${virtualNetworkName}-nsg'
  location: location
  tags: tags
}

resource publicAddress 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: '${virtualNetworkName}-pip'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

// Clusters without public addresses reach the country API and the package repositories through this gateway, from one known address.
resource natGateway 'Microsoft.Network/natGateways@2024-05-01' = {
  name: '${virtualNetworkName}-nat'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: publicAddress.id
      }
    ]
  }
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: virtualNetworkName
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['10.20.0.0/22']
    }
    subnets: [
      {
        name: publicSubnetName
        properties: {
          addressPrefix: '10.20.0.0/24'
          natGateway: {
            id: natGateway.id
          }
          networkSecurityGroup: {
            id: securityGroup.id
          }
          serviceEndpoints: [
            {
              service: 'Microsoft.Storage'
            }
          ]
          delegations: [
            {
              name: 'databricks'
              properties: {
                serviceName: 'Microsoft.Databricks/workspaces'
              }
            }
          ]
        }
      }
      {
        name: privateSubnetName
        properties: {
          addressPrefix: '10.20.1.0/24'
          natGateway: {
            id: natGateway.id
          }
          networkSecurityGroup: {
            id: securityGroup.id
          }
          serviceEndpoints: [
            {
              service: 'Microsoft.Storage'
            }
          ]
          delegations: [
            {
              name: 'databricks'
              properties: {
                serviceName: 'Microsoft.Databricks/workspaces'
              }
            }
          ]
        }
      }
      {
        name: privateEndpointSubnetName
        properties: {
          addressPrefix: '10.20.2.0/27'
          networkSecurityGroup: {
            id: securityGroup.id
          }
        }
      }
    ]
  }

  resource publicSubnet 'subnets' existing = {
    name: publicSubnetName
  }

  resource privateSubnet 'subnets' existing = {
    name: privateSubnetName
  }

  resource privateEndpointSubnet 'subnets' existing = {
    name: privateEndpointSubnetName
  }
}

resource sqlDnsZone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: 'privatelink${environment().suffixes.sqlServerHostname}'
  location: 'global'
  tags: tags
}

resource sqlDnsLink 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: sqlDnsZone
  name: virtualNetworkName
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetwork.id
    }
  }
}

output virtualNetworkId string = virtualNetwork.id
output publicSubnetName string = publicSubnetName
output privateSubnetName string = privateSubnetName
output clusterSubnetIds array = [
  virtualNetwork::publicSubnet.id
  virtualNetwork::privateSubnet.id
]
output privateEndpointSubnetId string = virtualNetwork::privateEndpointSubnet.id
output sqlDnsZoneId string = sqlDnsZone.id
