"""The types Data Factory has, and the keys their JSON takes.

Source: Azure's published JSON schema `Microsoft.DataFactory` 2018-06-01; a test compares the
two where the schema is at hand.
Types are case-sensitive.
"""
# ruff: noqa: SIM905 - long lists of bare words read better without a quote around each

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ActivityType:
    """One type of activity: its name, the keys beside `typeProperties` it takes, and the keys within."""

    name: str
    common: frozenset[str]
    required: frozenset[str]
    optional: frozenset[str]

    @classmethod
    def of(cls, name: str, common: str, required: str, optional: str) -> "ActivityType":
        """Make one from keys parted by spaces."""
        return cls(name, *(frozenset(keys.split()) for keys in (common, required, optional)))


ACTIVITY_TYPES: Mapping[str, ActivityType] = {
    activity_type.name: activity_type
    for activity_type in (
        ActivityType.of("AppendVariable", common="", required="", optional="value variableName"),
        ActivityType.of(
            "AzureDataExplorerCommand", common="policy linkedServiceName", required="command", optional="commandTimeout"
        ),
        ActivityType.of(
            "AzureFunctionActivity",
            common="policy linkedServiceName",
            required="functionName method",
            optional="body headers",
        ),
        ActivityType.of(
            "AzureMLBatchExecution",
            common="policy linkedServiceName",
            required="",
            optional="globalParameters webServiceInputs webServiceOutputs",
        ),
        ActivityType.of(
            "AzureMLExecutePipeline",
            common="policy linkedServiceName",
            required="",
            optional="continueOnStepFailure dataPathAssignments experimentName mlParentRunId mlPipelineEndpointId "
            "mlPipelineId mlPipelineParameters version",
        ),
        ActivityType.of(
            "AzureMLUpdateResource",
            common="policy linkedServiceName",
            required="trainedModelFilePath trainedModelLinkedServiceName trainedModelName",
            optional="",
        ),
        ActivityType.of(
            "Copy",
            common="policy linkedServiceName inputs outputs",
            required="sink source",
            optional="dataIntegrationUnits enableSkipIncompatibleRow enableStaging logSettings logStorageSettings "
            "parallelCopies preserve preserveRules redirectIncompatibleRowSettings skipErrorFile stagingSettings "
            "translator validateDataConsistency",
        ),
        ActivityType.of(
            "Custom",
            common="policy linkedServiceName",
            required="command",
            optional="autoUserSpecification extendedProperties folderPath referenceObjects resourceLinkedService "
            "retentionTimeInDays",
        ),
        ActivityType.of(
            "DataLakeAnalyticsU-SQL",
            common="policy linkedServiceName",
            required="scriptLinkedService scriptPath",
            optional="compilationMode degreeOfParallelism parameters priority runtimeVersion",
        ),
        ActivityType.of("DatabricksJob", common="policy linkedServiceName", required="jobId", optional="jobParameters"),
        ActivityType.of(
            "DatabricksNotebook",
            common="policy linkedServiceName",
            required="notebookPath",
            optional="baseParameters libraries",
        ),
        ActivityType.of(
            "DatabricksSparkJar",
            common="policy linkedServiceName",
            required="mainClassName",
            optional="libraries parameters",
        ),
        ActivityType.of(
            "DatabricksSparkPython",
            common="policy linkedServiceName",
            required="pythonFile",
            optional="libraries parameters",
        ),
        ActivityType.of(
            "Delete",
            common="policy linkedServiceName",
            required="dataset",
            optional="enableLogging logStorageSettings maxConcurrentConnections recursive storeSettings",
        ),
        ActivityType.of(
            "ExecuteDataFlow",
            common="policy linkedServiceName",
            required="dataFlow",
            optional="compute continuationSettings continueOnError integrationRuntime runConcurrently "
            "sourceStagingConcurrency staging traceLevel",
        ),
        ActivityType.of(
            "ExecutePipeline", common="policy", required="pipeline", optional="parameters waitOnCompletion"
        ),
        ActivityType.of(
            "ExecuteSSISPackage",
            common="policy linkedServiceName",
            required="connectVia packageLocation",
            optional="environmentPath executionCredential logLocation loggingLevel packageConnectionManagers "
            "packageParameters projectConnectionManagers projectParameters propertyOverrides runtime",
        ),
        ActivityType.of(
            "ExecuteWranglingDataflow",
            common="policy",
            required="dataFlow",
            optional="compute continuationSettings continueOnError integrationRuntime queries runConcurrently sinks "
            "sourceStagingConcurrency staging traceLevel",
        ),
        ActivityType.of("Fail", common="", required="errorCode message", optional=""),
        ActivityType.of("Filter", common="", required="condition items", optional=""),
        ActivityType.of("ForEach", common="", required="activities items", optional="batchCount isSequential"),
        ActivityType.of(
            "GetMetadata",
            common="policy linkedServiceName",
            required="dataset",
            optional="fieldList formatSettings storeSettings",
        ),
        ActivityType.of(
            "HDInsightHive",
            common="policy linkedServiceName",
            required="",
            optional="arguments defines getDebugInfo queryTimeout scriptLinkedService scriptPath storageLinkedServices "
            "variables",
        ),
        ActivityType.of(
            "HDInsightMapReduce",
            common="policy linkedServiceName",
            required="className jarFilePath",
            optional="arguments defines getDebugInfo jarLibs jarLinkedService storageLinkedServices",
        ),
        ActivityType.of(
            "HDInsightPig",
            common="policy linkedServiceName",
            required="",
            optional="arguments defines getDebugInfo scriptLinkedService scriptPath storageLinkedServices",
        ),
        ActivityType.of(
            "HDInsightSpark",
            common="policy linkedServiceName",
            required="entryFilePath rootPath",
            optional="arguments className getDebugInfo proxyUser sparkConfig sparkJobLinkedService",
        ),
        ActivityType.of(
            "HDInsightStreaming",
            common="policy linkedServiceName",
            required="filePaths input mapper output reducer",
            optional="arguments combiner commandEnvironment defines fileLinkedService getDebugInfo "
            "storageLinkedServices",
        ),
        ActivityType.of("IfCondition", common="", required="expression", optional="ifFalseActivities ifTrueActivities"),
        ActivityType.of(
            "Lookup",
            common="policy linkedServiceName",
            required="dataset source",
            optional="firstRowOnly treatDecimalAsString",
        ),
        ActivityType.of(
            "Script",
            common="policy linkedServiceName",
            required="",
            optional="logSettings returnMultistatementResult scriptBlockExecutionTimeout scripts treatDecimalAsString",
        ),
        ActivityType.of("SetVariable", common="policy", required="", optional="setSystemVariable value variableName"),
        ActivityType.of(
            "SparkJob",
            common="policy linkedServiceName",
            required="sparkJob",
            optional="args className conf configurationType driverSize executorSize file files filesV2 numExecutors "
            "pythonCodeReference scanFolder sparkConfig targetBigDataPool targetSparkConfiguration",
        ),
        ActivityType.of(
            "SqlServerStoredProcedure",
            common="policy linkedServiceName",
            required="storedProcedureName",
            optional="storedProcedureParameters",
        ),
        ActivityType.of("Switch", common="", required="on", optional="cases defaultActivities"),
        ActivityType.of(
            "SynapseNotebook",
            common="policy linkedServiceName",
            required="notebook",
            optional="conf configurationType driverSize executorSize numExecutors parameters sparkConfig sparkPool "
            "targetSparkConfiguration",
        ),
        ActivityType.of("Until", common="", required="activities expression", optional="timeout"),
        ActivityType.of("Validation", common="", required="dataset", optional="childItems minimumSize sleep timeout"),
        ActivityType.of("Wait", common="", required="waitTimeInSeconds", optional=""),
        ActivityType.of(
            "WebActivity",
            common="policy linkedServiceName",
            required="method url",
            optional="authentication body connectVia datasets disableCertValidation headers httpRequestTimeout "
            "linkedServices turnOffAsync",
        ),
        ActivityType.of(
            "WebHook",
            common="policy",
            required="method url",
            optional="authentication body headers reportStatusOnCallBack timeout",
        ),
    )
}

# Keys of every activity, whatever its type.
ACTIVITY_KEYS = frozenset(
    "name type description dependsOn userProperties state onInactiveMarkAs typeProperties".split()
)

POLICY_KEYS = frozenset("timeout retry retryIntervalInSeconds secureInput secureOutput".split())

# These take a `policy` of secureInput and secureOutput only: they have no timeout and no retry of their own.
# Source: `ExecutePipelineActivityPolicy` and `SecureInputOutputPolicy` of the same schema.
POLICY_WITHOUT_RETRY = frozenset({"ExecutePipeline", "SetVariable", "WebHook"})

# `lastPublishTime` is the service's own, and old Git roots have it.
PIPELINE_KEYS = frozenset(
    (
        "activities annotations concurrency description folder lastPublishTime parameters policy runDimensions "
        "variables"
    ).split()
)

LINKED_SERVICE_KEYS = frozenset("annotations connectVia description parameters type typeProperties version".split())

DATASET_KEYS = frozenset(
    "annotations description folder linkedServiceName parameters schema structure type typeProperties".split()
)

TRIGGER_KEYS = frozenset("annotations description pipeline pipelines runtimeState type typeProperties".split())

RECURRENCE_KEYS = frozenset("frequency interval startTime endTime timeZone schedule".split())

SCHEDULE_KEYS = frozenset("minutes hours weekDays monthDays monthlyOccurrences".split())

PARAMETER_TYPES = frozenset("Object String Int Float Bool Array SecureString".split())

VARIABLE_TYPES = frozenset("String Bool Array Boolean Integer".split())

TRIGGER_TYPES = frozenset(
    (
        "BlobEventsTrigger BlobTrigger ChainingTrigger CustomEventsTrigger RerunTumblingWindowTrigger ScheduleTrigger "
        "TumblingWindowTrigger"
    ).split()
)

LINKED_SERVICE_TYPES = frozenset(
    """
    AmazonMWS AmazonRdsForOracle AmazonRdsForSqlServer AmazonRedshift AmazonS3 AmazonS3Compatible AppFigures Asana
    AzureBatch AzureBlobFS AzureBlobStorage AzureDataExplorer AzureDataLakeAnalytics AzureDataLakeStore
    AzureDatabricks AzureDatabricksDeltaLake AzureFileStorage AzureFunction AzureKeyVault AzureML AzureMLService
    AzureMariaDB AzureMySql AzurePostgreSql AzureSearch AzureSqlDW AzureSqlDatabase AzureSqlMI AzureStorage
    AzureSynapseArtifacts AzureTableStorage Cassandra CommonDataServiceForApps Concur CosmosDb CosmosDbMongoDbApi
    Couchbase CustomDataSource Dataworld Db2 Drill Dynamics DynamicsAX DynamicsCrm Eloqua FileServer FtpServer
    GoogleAdWords GoogleBigQuery GoogleBigQueryV2 GoogleCloudStorage GoogleSheets Greenplum HBase HDInsight
    HDInsightOnDemand Hdfs Hive HttpServer Hubspot Impala Informix Jira Lakehouse Magento MariaDB Marketo
    MicrosoftAccess MongoDb MongoDbAtlas MongoDbV2 MySql Netezza OData Odbc Office365 Oracle OracleCloudStorage
    OracleServiceCloud Paypal Phoenix PostgreSql PostgreSqlV2 Presto QuickBooks Quickbase Responsys RestService
    Salesforce SalesforceMarketingCloud SalesforceServiceCloud SalesforceServiceCloudV2 SalesforceV2 SapBW
    SapCloudForCustomer SapEcc SapHana SapOdp SapOpenHub SapTable ServiceNow ServiceNowV2 Sftp SharePointOnlineList
    Shopify Smartsheet Snowflake SnowflakeV2 Spark SqlServer Square Sybase TeamDesk Teradata Twilio Vertica
    Warehouse Web Xero Zendesk Zoho
    """.split()
)

DATASET_TYPES = frozenset(
    """
    AmazonMWSObject AmazonRdsForOracleTable AmazonRdsForSqlServerTable AmazonRedshiftTable AmazonS3Object Avro
    AzureBlob AzureBlobFSFile AzureDataExplorerTable AzureDataLakeStoreFile AzureDatabricksDeltaLakeDataset
    AzureMariaDBTable AzureMySqlTable AzurePostgreSqlTable AzureSearchIndex AzureSqlDWTable AzureSqlMITable
    AzureSqlTable AzureTable Binary CassandraTable CommonDataServiceForAppsEntity ConcurObject
    CosmosDbMongoDbApiCollection CosmosDbSqlApiCollection CouchbaseTable CustomDataset Db2Table DelimitedText
    DocumentDbCollection DrillTable DynamicsAXResource DynamicsCrmEntity DynamicsEntity EloquaObject Excel
    FileShare GoogleAdWordsObject GoogleBigQueryObject GoogleBigQueryV2Object GreenplumTable HBaseObject HiveObject
    HttpFile HubspotObject Iceberg ImpalaObject InformixTable JiraObject Json LakehouseTable MagentoObject
    MariaDBTable MarketoObject MicrosoftAccessTable MongoDbAtlasCollection MongoDbCollection MongoDbV2Collection
    MySqlTable NetezzaTable ODataResource OdbcTable Office365Table OracleServiceCloudObject OracleTable Orc Parquet
    PaypalObject PhoenixObject PostgreSqlTable PostgreSqlV2Table PrestoObject QuickBooksObject RelationalTable
    ResponsysObject RestResource SalesforceMarketingCloudObject SalesforceObject SalesforceServiceCloudObject
    SalesforceServiceCloudV2Object SalesforceV2Object SapBwCube SapCloudForCustomerResource SapEccResource
    SapHanaTable SapOdpResource SapOpenHubTable SapTableResource ServiceNowObject ServiceNowV2Object
    SharePointOnlineListResource ShopifyObject SnowflakeTable SnowflakeV2Table SparkObject SqlServerTable
    SquareObject SybaseTable TeradataTable VerticaTable WarehouseTable WebTable XeroObject Xml ZohoObject
    """.split()
)

# Kind -> the types its objects' `properties.type` can have, as the schema says. A pipeline has no type.
SCHEMA_TYPES: Mapping[str, frozenset[str]] = {
    "linkedService": LINKED_SERVICE_TYPES,
    "dataset": DATASET_TYPES,
    "dataflow": frozenset({"Flowlet", "MappingDataFlow", "WranglingDataFlow"}),
    "trigger": TRIGGER_TYPES,
    "integrationRuntime": frozenset({"Managed", "SelfHosted"}),
    "credential": frozenset({"ManagedIdentity", "ServicePrincipal"}),
}

# Types that Studio writes and the schema does not have yet.
_NEWER_TYPES: Mapping[str, frozenset[str]] = {
    "dataflow": frozenset({"UDFLibrary"}),
    "integrationRuntime": frozenset({"Airflow"}),
}

TYPES_OF_KIND: Mapping[str, frozenset[str]] = {
    kind: types | _NEWER_TYPES.get(kind, frozenset()) for kind, types in SCHEMA_TYPES.items()
}
"""Kind -> the types that its objects can have."""
