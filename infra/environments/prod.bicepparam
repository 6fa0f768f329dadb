// prod: the database is private, deleted secrets stay longest. Values that differ from tenant to tenant come from the environment.
using '../main.bicep'

param environmentName = 'prod'
param privateNetworking = true
param softDeleteRetentionDays = 90
param logRetentionDays = 90

param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param gitHubSubjectPrefix = readEnvironmentVariable('OIDC_SUBJECT_PREFIX')
param sqlAdministratorsName = readEnvironmentVariable('SQL_ADMINISTRATORS_NAME')
param sqlAdministratorsId = readEnvironmentVariable('SQL_ADMINISTRATORS_ID')
param pipelineApplicationId = readEnvironmentVariable('PIPELINE_APPLICATION_ID')
param pipelinePrincipalId = readEnvironmentVariable('PIPELINE_PRINCIPAL_ID')
param azureDatabricksPrincipalId = readEnvironmentVariable('AZURE_DATABRICKS_PRINCIPAL_ID')
param sqlPassword = readEnvironmentVariable('PIPELINE_APPLICATION_SECRET', '')
param sqlPasswordEnds = readEnvironmentVariable('PIPELINE_APPLICATION_SECRET_ENDS', '')
param restCountriesApiKey = readEnvironmentVariable('RESTCOUNTRIES_API_KEY', '')
param studioRepository = readEnvironmentVariable('STUDIO_REPOSITORY', '')
param teamsWebhookUrl = readEnvironmentVariable('TEAMS_WEBHOOK_URL', '')

// Set by infra/deploy.sh and by GitHub.
param studioConfiguration = json(readEnvironmentVariable('STUDIO_CONFIGURATION', '{}'))
param deployedByWorkflow = bool(readEnvironmentVariable('GITHUB_ACTIONS', 'false'))
