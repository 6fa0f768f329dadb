// What wakes people: the action group (mail and Teams) and the alert rules. infra/README.md says what to do about each.
param actionGroupName string
param location string
param tags object
param email string
param teamsWorkflowName string
param factoryId string
param factoryCreatedAt string
param workspaceId string
param scheduleRuns bool

@description('How many hours old the newest landing of each folder or table may be.')
param expectedHours object

@description('The vaults whose secrets, certificates and keys may end.')
param vaultNames array

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

// A log alert looks back on two days at most, so whatever is rarer than that has no rule here but the dashboard.
var hours = [
  for entry in items(expectedHours): '"${entry.key}", ${entry.value}'
]
var createdAt = '2000-01-01T00:00:00Z'

// Each rule counts from the factory's creation, which no later deployment moves, and so keeps quiet until a first run is due.
var silences = [
  {
    name: 'no-successful-country-run'
    displayName: 'No successful PL_Ingest_Country_Data run in 13 hours'
    description: 'The countries on the lake are older than they should be: the schedule is every 12 hours.'
    query: loadTextContent('../queries/alerts/no-successful-country-run.kql')
    affected: []
    enabled: scheduleRuns
  }
  {
    name: 'missed-trigger'
    displayName: 'A schedule did not fire'
    description: 'TR_Ingest_Country_Data_Twice_Daily did not fire at one of its times.'
    query: loadTextContent('../queries/alerts/missed-trigger.kql')
    affected: [
      {
        name: 'TriggerName'
        operator: 'Include'
        values: ['*']
      }
    ]
    enabled: scheduleRuns
  }
  {
    name: 'stale-table'
    displayName: 'A folder or table was not landed in time'
    description: 'The newest landing is older than expectedHours allows.'
    query: replace(loadTextContent('../queries/alerts/stale-table.kql'), '"countries", 13', join(hours, ', '))
    affected: [
      {
        name: 'Folder'
        operator: 'Include'
        values: ['*']
      }
    ]
    enabled: !empty(expectedHours)
  }
  {
    name: 'shrunken-table'
    displayName: 'A table shrank'
    description: 'The newest landing of a whole table has less than half the rows of the one before.'
    query: loadTextContent('../queries/alerts/shrunken-table.kql')
    affected: [
      {
        name: 'Target'
        operator: 'Include'
        values: ['*']
      }
    ]
    enabled: true
  }
]

resource silence 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in silences: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.displayName
      description: rule.description
      severity: 1
      enabled: rule.enabled
      scopes: [workspaceId]
      evaluationFrequency: 'PT30M'
      windowSize: 'P2D'
      autoMitigate: true
      skipQueryValidation: true // the tables come into being with their first log
      criteria: {
        allOf: [
          {
            query: replace(rule.query, createdAt, factoryCreatedAt)
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: rule.affected
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
]

resource vaults 'Microsoft.KeyVault/vaults@2024-11-01' existing = [
  for vaultName in vaultNames: {
    name: vaultName
  }
]

// A vault says so 30 days before an expiry date, and again when it is over. databricks-pat is renewed 45 days before its end, so word
// of it means that .github/workflows/token.yml has not run for two weeks.
resource vaultEvents 'Microsoft.EventGrid/systemTopics@2025-02-15' = [
  for (vaultName, i) in vaultNames: {
    name: 'evgt-${vaultName}'
    location: location
    tags: tags
    properties: {
      source: vaults[i].id
      topicType: 'Microsoft.KeyVault.vaults'
    }
  }
]

resource expiringCredential 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for (vaultName, i) in vaultNames: {
    parent: vaultEvents[i]
    name: 'expiring-credential'
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0' // the only one that an alert takes
      filter: {
        includedEventTypes: [
          'Microsoft.KeyVault.SecretNearExpiry'
          'Microsoft.KeyVault.SecretExpired'
          'Microsoft.KeyVault.CertificateNearExpiry'
          'Microsoft.KeyVault.CertificateExpired'
          'Microsoft.KeyVault.KeyNearExpiry'
          'Microsoft.KeyVault.KeyExpired'
        ]
      }
      destination: {
        endpointType: 'MonitorAlert'
        properties: {
          severity: 'Sev1'
          description: 'expiring-credential: a secret, certificate or key of ${vaultName} ends within 30 days, or has ended.'
          actionGroups: [actionGroup.id]
        }
      }
    }
  }
]
