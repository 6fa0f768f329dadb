// dev: no cost at rest. Values that differ from tenant to tenant come from the environment.
using '../main.bicep'

param environmentName = 'dev'
param privateNetworking = false
param softDeleteRetentionDays = 7
param logRetentionDays = 30

param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param gitHubRepository = readEnvironmentVariable('GITHUB_REPOSITORY')
param sqlAdministratorsName = readEnvironmentVariable('SQL_ADMINISTRATORS_NAME')
param sqlAdministratorsId = readEnvironmentVariable('SQL_ADMINISTRATORS_ID')
param pipelinePrincipalId = readEnvironmentVariable('PIPELINE_PRINCIPAL_ID')
param azureDatabricksPrincipalId = readEnvironmentVariable('AZURE_DATABRICKS_PRINCIPAL_ID')
param operatorIpAddress = readEnvironmentVariable('OPERATOR_IP_ADDRESS', '')
param sqlUser = readEnvironmentVariable('PIPELINE_APPLICATION_ID', '')
param sqlPassword = readEnvironmentVariable('PIPELINE_APPLICATION_SECRET', '')
param restCountriesApiKey = readEnvironmentVariable('RESTCOUNTRIES_API_KEY', '')
param teamsWebhookUrl = readEnvironmentVariable('TEAMS_WEBHOOK_URL', '')
