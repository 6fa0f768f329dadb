// A network of its own for clusters without public addresses, and the private way to the database. Deployed only where privateNetworking is on.
param virtualNetworkName string
param location string
param tags object

var publicSubnetName = 'databricks-public'
var privateSubnetName = 'databricks-private'
var privateEndpointSubnetName = 'private-endpoints'

// The rules that Databricks itself puts in the group of its subnets. They stand here letter for letter: a deployment without them
// would take them away, which Azure refuses from the second one on (ConflictWithNetworkIntentPolicy).
// Source: learn.microsoft.com/azure/databricks/security/network/classic/vnet-inject, "Network security group rules".
var databricksRules = [
  {
    name: 'worker-to-worker-inbound'
    direction: 'Inbound'
    priority: 100
    protocol: '*'
    ports: ['*']
    to: 'VirtualNetwork'
  }
  {
    name: 'worker-to-databricks-webapp'
    direction: 'Outbound'
    priority: 100
    protocol: 'Tcp'
    ports: ['443', '3306', '8443-8451']
    to: 'AzureDatabricks'
  }
  {
    name: 'worker-to-sql'
    direction: 'Outbound'
    priority: 101
    protocol: 'Tcp'
    ports: ['3306']
    to: 'Sql'
  }
  {
    name: 'worker-to-storage'
    direction: 'Outbound'
    priority: 102
    protocol: 'Tcp'
    ports: ['443']
    to: 'Storage'
  }
  {
    name: 'worker-to-worker-outbound'
    direction: 'Outbound'
    priority: 103
    protocol: '*'
    ports: ['*']
    to: 'VirtualNetwork'
  }
  {
    name: 'worker-to-eventhub'
    direction: 'Outbound'
    priority: 104
    protocol: 'Tcp'
    ports: ['9093']
    to: 'EventHub'
  }
]

resource clusterSecurityGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${virtualNetworkName}-nsg'
  location: location
  tags: tags
  properties: {
    securityRules: [
      for rule in databricksRules: {
        name: 'Microsoft.Databricks-workspaces_UseOnly_databricks-${rule.name}'
        properties: {
          direction: rule.direction
          access: 'Allow'
          priority: rule.priority
          protocol: rule.protocol
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: rule.to
          destinationPortRange: length(rule.ports) == 1 ? rule.ports[0] : null
          destinationPortRanges: length(rule.ports) == 1 ? [] : rule.ports
        }
      }
    ]
  }
}

// A group of its own: Databricks' rules belong to Databricks' subnets.
resource endpointSecurityGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${virtualNetworkName}-endpoints-nsg'
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
            id: clusterSecurityGroup.id
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
            id: clusterSecurityGroup.id
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
            id: endpointSecurityGroup.id
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
output publicSubnetId string = virtualNetwork::publicSubnet.id
output privateSubnetId string = virtualNetwork::privateSubnet.id
output privateEndpointSubnetId string = virtualNetwork::privateEndpointSubnet.id
output sqlDnsZoneId string = sqlDnsZone.id
