// The queries of infra/queries as saved searches, in the folder "Continuous ingestion" of the workspace's query explorer.
param workspaceName string

var queries = [
  {
    name: 'failed-runs'
    displayName: 'Failed runs with their error'
    text: loadTextContent('../queries/failed-runs.kql')
  }
  {
    name: 'run-durations'
    displayName: 'Run durations: trend and percentiles'
    text: loadTextContent('../queries/run-durations.kql')
  }
  {
    name: 'missed-triggers'
    displayName: 'Triggers that should have fired and did not'
    text: loadTextContent('../queries/missed-triggers.kql')
  }
  {
    name: 'rows-landed'
    displayName: 'Rows landed per run'
    text: loadTextContent('../queries/rows-landed.kql')
  }
  {
    name: 'bad-rows'
    displayName: 'Bad rows and checks that did not hold'
    text: loadTextContent('../queries/bad-rows.kql')
  }
  {
    name: 'slowest-activities'
    displayName: 'Slowest activities'
    text: loadTextContent('../queries/slowest-activities.kql')
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource savedSearches 'Microsoft.OperationalInsights/workspaces/savedSearches@2023-09-01' = [
  for query in queries: {
    parent: workspace
    name: query.name
    properties: {
      category: 'Continuous ingestion'
      displayName: query.displayName
      query: query.text
    }
  }
]
