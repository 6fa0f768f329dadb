// What wakes people: the action group (mail and Teams) and the three alert rules. infra/README.md says what to do about each.
param actionGroupName string
param location string
param tags object
param email string
param teamsWorkflowName string
param factoryId string
param factoryCreatedAt string
param workspaceId string
param scheduleRuns bool

resource teamsWorkflow 'Microsoft.Logic/workflows@2019-05-01' existing = {
  name: teamsWorkflowName

  resource alertTrigger 'triggers' existing = {
    name: 'alert'
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'ingestion'
    emailReceivers: [
      {
        name: 'mail'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    logicAppReceivers: [
      {
        name: 'teams'
        resourceId: teamsWorkflow.id
        callbackUrl: teamsWorkflow::alertTrigger.listCallbackUrl().value
        useCommonAlertSchema: true
      }
    ]
  }
}

// Threshold 0: one failed run is enough. Split by name, so that the alert says which pipeline or trigger it was.
var failureMetrics = [
  {
    name: 'failed-pipeline-run'
    metric: 'PipelineFailedRuns'
    description: 'A pipeline run failed.'
  }
  {
    name: 'failed-trigger-run'
    metric: 'TriggerFailedRuns'
    description: 'A trigger run failed: the pipeline was not started.'
  }
]

resource failures 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for failure in failureMetrics: {
    name: failure.name
    location: 'global'
    tags: tags
    properties: {
      description: failure.description
      severity: 1
      enabled: true
      scopes: [factoryId]
      evaluationFrequency: 'PT1M'
      windowSize: 'PT5M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: failure.metric
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: 'Microsoft.DataFactory/factories'
            metricName: failure.metric
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Total'
            dimensions: [
              {
                name: 'Name'
                operator: 'Include'
                values: ['*']
              }
            ]
          }
        ]
      }
      actions: [
        {
          actionGroupId: actionGroup.id
        }
      ]
    }
  }
]

var missingRunQuery = loadTextContent('../queries/alerts/no-successful-country-run.kql')

// The rule counts from the factory's creation, which no later deployment moves, and so keeps quiet for the first 13 hours.
resource missingRun 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'no-successful-country-run'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'No successful PL_Ingest_Country_Data run in 13 hours'
    description: 'The countries on the lake are older than they should be: the schedule is every 12 hours.'
    severity: 1
    enabled: scheduleRuns
    scopes: [workspaceId]
    evaluationFrequency: 'PT30M'
    windowSize: 'P1D'
    autoMitigate: true
    skipQueryValidation: true // the factory's tables come into being with its first log
    criteria: {
      allOf: [
        {
          query: replace(missingRunQuery, '2000-01-01T00:00:00Z', factoryCreatedAt)
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [actionGroup.id]
    }
  }
}
