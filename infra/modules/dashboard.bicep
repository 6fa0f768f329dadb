// The dashboard: an Azure Monitor workbook over the queries of infra/queries.
param displayName string
param location string
param tags object
param workspaceId string

// Item types and visualizations as Azure Monitor's workbook format names them: 1 is text, 3 is a query.
var charts = [
  {
    name: 'rows-landed'
    title: 'Rows landed per run'
    text: loadTextContent('../queries/rows-landed.kql')
  }
  {
    name: 'bad-rows'
    title: 'Bad rows and checks that did not hold'
    text: loadTextContent('../queries/bad-rows.kql')
  }
  {
    name: 'run-durations'
    title: 'Run durations, seconds'
    text: loadTextContent('../queries/run-durations.kql')
  }
  {
    name: 'failed-runs'
    title: 'Failed runs'
    text: loadTextContent('../queries/failed-runs.kql')
  }
  {
    name: 'missed-triggers'
    title: 'Triggers that should have fired and did not'
    text: loadTextContent('../queries/missed-triggers.kql')
  }
  {
    name: 'slowest-activities'
    title: 'Slowest activities'
    text: loadTextContent('../queries/slowest-activities.kql')
  }
]

var heading = {
  type: 1
  name: 'heading'
  content: {
    json: '# ${displayName}'
  }
}

var queryItems = [
  for chart in charts: {
    type: 3
    name: chart.name
    content: {
      version: 'KqlItem/1.0'
      title: chart.title
      query: chart.text
      size: 0
      queryType: 0
      resourceType: 'microsoft.operationalinsights/workspaces'
      visualization: 'table'
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'continuous-ingestion')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: workspaceId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([heading], queryItems)
      fallbackResourceIds: [workspaceId]
    })
  }
}
