"""Cases of the rules in `bundle.rules.activities`."""

from support.rule_cases.case import ACTIVITIES, COUNT, EACH, LOAD, Case, both, container, depends, drop, put, wait
from support.sample_bundle import expression

CASES = (
    Case(
        "activity-shape",
        lambda s: s.add("pipeline/PL_New", {"activities": {}}),
        "pipeline/PL_New",
        ACTIVITIES,
        "must be a JSON array",
        lambda s: s.add("pipeline/PL_New", {"activities": []}),
    ),
    Case("activity-shape", put(LOAD, "activities.2", "Wait"), LOAD, f"{ACTIVITIES}[2]", "must be a JSON object"),
    Case("activity-shape", put(LOAD, "activities.2", wait("")), LOAD, f"{ACTIVITIES}[2].name", "must have a name"),
    Case(
        "activity-shape",
        put(COUNT, "activities.1.typeProperties.ifFalseActivities", {}),
        COUNT,
        f"{ACTIVITIES}[1].typeProperties.ifFalseActivities",
        "must be a JSON array",
        both(
            put(COUNT, "activities.1.typeProperties.ifFalseActivities", None),
            put(COUNT, "activities.0.dependsOn", None),
        ),
    ),
    Case(
        "activity-name",
        put(LOAD, "activities.2", wait("x" * 56)),
        LOAD,
        f"{ACTIVITIES}[2].name",
        "56 characters, at most 55",
        put(LOAD, "activities.2", wait("x" * 55)),
    ),
    Case(
        "activity-name",
        put(LOAD, "activities.2", wait("rest/more")),
        LOAD,
        f"{ACTIVITIES}[2].name",
        "letters, digits, spaces, dashes and underscores",
        put(LOAD, "activities.2", wait("rest - more_1")),
    ),
    Case(
        "activity-unique",
        put(COUNT, "activities.1.typeProperties.ifTrueActivities.1", wait("count")),
        COUNT,
        f"{ACTIVITIES}[1].typeProperties.ifTrueActivities[1].name",
        f"also the name of the activity at {ACTIVITIES}[0]",
        put(COUNT, "activities.1.typeProperties.ifTrueActivities.1", wait("count 2")),
    ),
    Case(
        "dependency-exists",
        put(LOAD, "activities.0.dependsOn", depends("Lod", "Succeeded")),
        LOAD,
        f"{ACTIVITIES}[0].dependsOn[0].activity",
        "no activity 'Lod'; is 'Load' meant?",
    ),
    Case(
        "dependency-exists",
        put(COUNT, "activities.1.typeProperties.ifTrueActivities.0.dependsOn", depends("Count", "Succeeded")),
        COUNT,
        f"{ACTIVITIES}[1].typeProperties.ifTrueActivities[0].dependsOn[0].activity",
        "'Count' stands elsewhere",
    ),
    Case(
        "dependency-cycle",
        put(LOAD, "activities.0.dependsOn", depends("Load", "Succeeded")),
        LOAD,
        f"{ACTIVITIES}[1].dependsOn",
        "Load -> Look -> Load",
    ),
    Case(
        "dependency-condition",
        put(LOAD, "activities.1.dependsOn", depends("Look", "Success")),
        LOAD,
        f"{ACTIVITIES}[1].dependsOn[0].dependencyConditions[0]",
        "'Success' is no condition",
        put(LOAD, "activities.1.dependsOn", depends("Look", "Failed", "Skipped")),
    ),
    Case(
        "dependency-condition",
        put(LOAD, "activities.1.dependsOn", depends("Look")),
        LOAD,
        f"{ACTIVITIES}[1].dependsOn[0].dependencyConditions",
        "must be a list of Succeeded",
    ),
    Case(
        "nesting-documented",
        put(COUNT, "activities.1.typeProperties.ifTrueActivities.1", container("ForEach", "Loop", wait("Rest"))),
        COUNT,
        f"{ACTIVITIES}[1].typeProperties.ifTrueActivities[1]",
        "ForEach 'Loop' cannot stand in IfCondition 'CheckFailure'",
        put(LOAD, "activities.2", container("ForEach", "Loop", container("IfCondition", "Fork", wait("Rest")))),
    ),
    Case(
        "nesting",
        put(COUNT, f"{EACH}.2", container("Until", "Again", wait("Rest"))),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[2]",
        "Until 'Again' cannot stand in ForEach 'EachCountry'",
        put(COUNT, f"{EACH}.2", container("Switch", "Fork", wait("Rest"))),
    ),
    Case(
        "limits",
        put(
            LOAD,
            "activities.2",
            container("ForEach", "Loop", wait("Rest"))
            | {
                "typeProperties": {
                    "items": expression("@createArray(1)"),
                    "activities": [wait(f"Rest {n}") for n in range(118)],
                }
            },
        ),
        LOAD,
        ACTIVITIES,
        "121 activities, inner ones too: at most 120",
        put(
            LOAD,
            "activities.2",
            container("ForEach", "Loop", wait("Rest"))
            | {
                "typeProperties": {
                    "items": expression("@createArray(1)"),
                    "activities": [wait(f"Rest {n}") for n in range(117)],
                }
            },
        ),
    ),
    Case(
        "limits",
        put(LOAD, "concurrency", 51),
        LOAD,
        "$.properties.concurrency",
        "from 1 to 50",
        put(LOAD, "concurrency", "50"),
    ),
    Case(
        "limits",
        put(
            COUNT,
            "parameters",
            {f"p{n}": {"type": "Int", "defaultValue": n} for n in range(50)}
            | {"day": {"type": "String", "defaultValue": ""}},
        ),
        COUNT,
        "$.properties.parameters",
        "51 parameters: at most 50",
    ),
    Case(
        "limits",
        put(COUNT, "activities.2.typeProperties.batchCount", 0),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.batchCount",
        "from 1 to 50, is 0",
        put(COUNT, "activities.2.typeProperties.batchCount", 50),
    ),
    Case(
        "wait-on-completion",
        drop(COUNT, f"{EACH}.0.typeProperties.waitOnCompletion"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[0].typeProperties.waitOnCompletion",
        "'LoadCountry' must say true or false",
        put(COUNT, f"{EACH}.0.typeProperties.waitOnCompletion", False),
    ),
    Case(
        "variable-in-parallel-loop",
        put(COUNT, "activities.2.typeProperties.isSequential", False),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1]",
        "the parallel rounds of 'EachCountry' overwrite",
    ),
)
