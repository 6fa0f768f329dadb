// Where every log ends: the Log Analytics workspace, the table of the notebooks' steps, and the rule by which notebooks post them.
param workspaceName string
param collectionRuleName string
param location string
param tags object
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    // A runaway log stops at about 3 USD a day.
    workspaceCapping: {
      dailyQuotaGb: 1
    }
    features: {
      disableLocalAuth: true
    }
  }
}

resource notebookSteps 'Microsoft.OperationalInsights/workspaces/tables@2023-09-01' = {
  parent: workspace
  name: 'NotebookSteps_CL'
  properties: {
    plan: 'Analytics'
    schema: {
      name: 'NotebookSteps_CL'
      columns: [
        { name: 'TimeGenerated', type: 'dateTime' }
        { name: 'Level', type: 'string' }
        { name: 'Step', type: 'string' }
        { name: 'Source', type: 'string' }
        { name: 'Target', type: 'string' }
        { name: 'Rows', type: 'long' }
        { name: 'Seconds', type: 'real' }
        { name: 'RunId', type: 'string' }
        { name: 'Error', type: 'string' }
      ]
    }
  }
}

// The columns of the stream are the keys of the line that notebooks/ingestion/platform/log.py writes.
resource collectionRule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: collectionRuleName
  location: location
  tags: tags
  kind: 'Direct'
  properties: {
    streamDeclarations: {
      'Custom-NotebookSteps': {
        columns: [
          { name: 'timestamp', type: 'datetime' }
          { name: 'level', type: 'string' }
          { name: 'step', type: 'string' }
          { name: 'source', type: 'string' }
          { name: 'target', type: 'string' }
          { name: 'rows', type: 'long' }
          { name: 'seconds', type: 'real' }
          { name: 'run_id', type: 'string' }
          { name: 'error', type: 'string' }
        ]
      }
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspace.id
        }
      ]
    }
    dataFlows: [
      {
        streams: ['Custom-NotebookSteps']
        destinations: ['workspace']
        transformKql: loadTextContent('../queries/transformations/notebook-steps.kql')
        outputStream: 'Custom-${notebookSteps.name}'
      }
    ]
  }
}

output workspaceId string = workspace.id
output workspaceName string = workspace.name
output collectionRuleName string = collectionRule.name
output ingestionUrl string = '${collectionRule.properties.endpoints.logsIngestion}/dataCollectionRules/${collectionRule.properties.immutableId}/streams/Custom-NotebookSteps?api-version=2023-01-01'
