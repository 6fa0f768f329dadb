"""Cases of the rules in `bundle.rules.types`."""

from support.rule_cases.case import ACTIVITIES, COUNT, DAILY, LOAD, RECURRENCE, Case, both, put, wait
from support.sample_bundle import POLICY, reference


def linked_service(**properties: object) -> dict[str, object]:
    return {"type": "AzureKeyVault", "typeProperties": {}, **properties}


CASES = (
    Case("object-type", put(DAILY, "type", 5), DAILY, "$.properties.type", "5 is no type of trigger"),
    Case(
        "known-type",
        put(DAILY, "type", "ScheduledTrigger"),
        DAILY,
        "$.properties.type",
        "is 'ScheduleTrigger' meant?",
        both(
            lambda s: s.add("dataflow/Text_Functions", {"type": "UDFLibrary", "typeProperties": {"functions": []}}),
            lambda s: s.add("integrationRuntime/Airflow1", {"type": "Airflow"}),
        ),
    ),
    Case(
        "known-type",
        lambda s: s.add("linkedService/LS_New", linked_service(type="AzureKeyVaults")),
        "linkedService/LS_New",
        "$.properties.type",
        "is 'AzureKeyVault' meant?",
        lambda s: s.add("linkedService/LS_New", linked_service()),
    ),
    Case(
        "activity-type",
        put(LOAD, "activities.2", wait("Rest", type="wait")),
        LOAD,
        f"{ACTIVITIES}[2].type",
        "'wait' is no type of activity; is 'Wait' meant?",
        put(LOAD, "activities.2", wait("Rest")),
    ),
    Case(
        "known-activity-type",
        put(LOAD, "activities.2", wait("Rest", type="SqlPoolStoredProcedure")),
        LOAD,
        f"{ACTIVITIES}[2].type",
        "'SqlPoolStoredProcedure' is no documented type of activity",
        put(LOAD, "activities.2", wait("Rest")),
    ),
    Case(
        "required-property",
        put(LOAD, "activities.2", wait("Rest", typeProperties={})),
        LOAD,
        f"{ACTIVITIES}[2].typeProperties",
        "has no waitTimeInSeconds",
        put(LOAD, "activities.2", wait("Rest", typeProperties={}, state="Inactive")),
    ),
    Case(
        "unknown-key",
        put(COUNT, "activities.0.userProprties", []),
        COUNT,
        f"{ACTIVITIES}[0].userProprties",
        "unknown key; is 'userProperties' meant?",
        put(COUNT, "activities.0.userProperties", []),
    ),
    Case(
        "unknown-key", put(COUNT, "activities.0.policy.retries", 1), COUNT, f"{ACTIVITIES}[0].policy.retries", "'retry'"
    ),
    Case(
        "unknown-key",
        put(COUNT, "activities.0.typeProperties.baseParams", {}),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParams",
        "is 'baseParameters' meant?",
    ),
    Case(
        "unknown-key",
        put(DAILY, "typeProperties.recurrence.schedule.minute", [0]),
        DAILY,
        f"{RECURRENCE}.schedule.minute",
        "is 'minutes' meant?",
    ),
    Case(
        "required-property",
        put(LOAD, "activities.2", {"name": "Flow", "type": "ExecuteDataFlow", "policy": POLICY, "typeProperties": {}}),
        LOAD,
        f"{ACTIVITIES}[2].typeProperties",
        "ExecuteDataFlow 'Flow' has no dataFlow",
        both(
            lambda s: s.add("dataflow/DF", {"type": "MappingDataFlow"}),
            put(
                LOAD,
                "activities.2",
                {
                    "name": "Flow",
                    "type": "ExecuteDataFlow",
                    "policy": POLICY,
                    "typeProperties": {"dataflow": reference("DataFlow", "DF")},
                },
            ),
        ),
    ),
)
