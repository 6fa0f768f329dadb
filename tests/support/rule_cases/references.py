"""Cases of the rules in `bundle.rules.references`."""

from support.rule_cases.case import ACTIVITIES, COUNT, DATABRICKS, LOAD, TABLE, WINDOW, Case, put
from support.sample_bundle import reference

CASES = (
    Case(
        "reference-type",
        put(LOAD, "activities.1.linkedServiceName.type", "LinkedService"),
        LOAD,
        f"{ACTIVITIES}[1].linkedServiceName.type",
        "is 'LinkedServiceReference' meant?",
        put(TABLE, "sqlPool", {"referenceName": "pool", "type": "SqlPoolReference"}),
    ),
    Case(
        "reference-resolves",
        put(LOAD, "activities.1.linkedServiceName.referenceName", "LS_Databrick"),
        LOAD,
        f"{ACTIVITIES}[1].linkedServiceName.referenceName",
        "no linkedService 'LS_Databrick' in the bundle; is 'LS_Databricks' meant?",
        put(LOAD, "activities.1.linkedServiceName.referenceName", "ls_databricks"),
    ),
    Case(
        "reference-resolves",
        put(DATABRICKS, "typeProperties.accessToken.store.referenceName", "LS_Vault"),
        DATABRICKS,
        "$.properties.typeProperties.accessToken.store.referenceName",
        "no linkedService 'LS_Vault'",
    ),
    Case(
        "infrastructure-resolves",
        put(DATABRICKS, "connectVia", reference("IntegrationRuntime", "IR_Own")),
        DATABRICKS,
        "$.properties.connectVia.referenceName",
        "no integrationRuntime 'IR_Own'",
        put(DATABRICKS, "connectVia", reference("IntegrationRuntime", "AutoResolveIntegrationRuntime")),
    ),
    Case(
        "reference-resolves",
        put(WINDOW, "typeProperties.dependsOn", [{"type": "X", "referenceTrigger": reference("Trigger", "TR_No")}]),
        WINDOW,
        "$.properties.typeProperties.dependsOn[0].referenceTrigger.referenceName",
        "no trigger 'TR_No'",
        put(WINDOW, "typeProperties.dependsOn", [{"type": "X", "referenceTrigger": reference("Trigger", "TR_Daily")}]),
    ),
    Case(
        "infrastructure-resolves",
        put(DATABRICKS, "typeProperties.credential", reference("Credential", "CR_No")),
        DATABRICKS,
        "$.properties.typeProperties.credential.referenceName",
        "no credential 'CR_No'",
    ),
    Case(
        "reference-cycle",
        put(
            LOAD,
            "activities.2",
            {
                "name": "Again",
                "type": "ExecutePipeline",
                "typeProperties": {"pipeline": reference("Pipeline", "PL_Count"), "waitOnCompletion": True},
            },
        ),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[0].typeProperties.pipeline.referenceName",
        "pipeline/PL_Count -> pipeline/PL_Load -> pipeline/PL_Count",
    ),
)
