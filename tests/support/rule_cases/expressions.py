"""Cases of the rules in `bundle.rules.expressions`."""

from support.rule_cases.case import (
    ACTIVITIES,
    COUNT,
    DAILY,
    EACH,
    LOAD,
    SQL,
    TABLE,
    Case,
    both,
    container,
    depends,
    put,
    wait,
)
from support.sample_bundle import expression

CASES = (
    Case(
        "expression-parses",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@concat('a'"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "column 12",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@@concat('a'"),
    ),
    Case(
        "expression-parses",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@formatDate(utcNow())"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "formatDate is not a function of Data Factory",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@FORMATDATETIME(utcNow())"),
    ),
    Case(
        "expression-parses",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@toUpper('a', 'b')"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "toUpper takes 1 argument, not 2",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@string(add(3, +1))"),
    ),
    Case(
        "expression-parses",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@pipeline().globalParameters.max-rows"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "write ['max-rows'] in place of .max-rows",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@pipeline().globalParameters['max-rows'].$type"),
    ),
    Case(
        "expression-expected",
        put(
            LOAD,
            "activities.2",
            container("Until", "Again", wait("Rest"))
            | {"typeProperties": {"expression": expression("equals(1, 1)"), "timeout": "0.01:00:00", "activities": []}},
        ),
        LOAD,
        f"{ACTIVITIES}[2].typeProperties.expression",
        "Until 'Again': must be an expression",
        put(
            LOAD,
            "activities.2",
            container("Until", "Again", wait("Rest"))
            | {"typeProperties": {"expression": expression("true"), "timeout": "0.01:00:00", "activities": []}},
        ),
    ),
    Case(
        "expression-context",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@item()"),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParameters.day",
        "only in a ForEach or a Filter",
    ),
    Case(
        "expression-context",
        put(LOAD, "activities.1.typeProperties.baseParameters.country", "@trigger().scheduledTime"),
        LOAD,
        f"{ACTIVITIES}[1].typeProperties.baseParameters.country",
        "trigger() has no meaning in a pipeline",
        put(DAILY, "pipelines.0.parameters.day", "@trigger().scheduledTime"),
    ),
    Case(
        "expression-context",
        put(TABLE, "typeProperties.table", "@concat('part-', pipeline().parameters.day)"),
        TABLE,
        "$.properties.typeProperties.table",
        "pipeline().parameters has no meaning in a dataset",
        both(
            put(TABLE, "typeProperties.table", "@concat('part-', pipeline().RunId, item().folder)"),
            put(SQL, "typeProperties.connectionString", "Database=@{variables('area')}"),
        ),
    ),
    Case(
        "activity-upstream",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@activity('CheckFailure').status"),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParameters.day",
        "'CheckFailure' is not upstream of 'Count'",
        put(
            COUNT,
            "activities.3",
            container("Until", "Poll", wait("Rest"))
            | {
                "typeProperties": {
                    "expression": expression("@equals(activity('rest').status, 'Succeeded')"),
                    "timeout": "0.01:00:00",
                    "activities": [wait("Rest")],
                }
            },
        ),
    ),
    Case(
        "activity-upstream",
        put(LOAD, "activities.0.typeProperties.dataset.parameters.table", "@activity('Look').output.count"),
        LOAD,
        f"{ACTIVITIES}[0].typeProperties.dataset.parameters.table",
        "'Look' reads itself",
        put(
            COUNT,
            "activities.3",
            {
                "name": "After",
                "type": "SetVariable",
                "dependsOn": depends("EachCountry", "Succeeded"),
                "typeProperties": {
                    "variableName": "note",
                    "value": "@concat(activity('FailRun').Status, activity('loadcountry').output.pipelineRunId)",
                },
            },
        ),
    ),
    Case(
        "activity-upstream",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@activity('Counted').status"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "no activity 'Counted' in the pipeline; is 'Count' meant?",
        put(
            COUNT, f"{EACH}.1.typeProperties.value", "@concat(activity('COUNT').status, activity('LoadCountry').status)"
        ),
    ),
    Case(
        "parameter-declared",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline().parameters.days"),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParameters.day",
        "parameter 'days' is not declared; is 'day' meant?",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline().Parameters['DAY']"),
    ),
    Case(
        "parameter-declared",
        put(TABLE, "typeProperties.table", "@dataset().name"),
        TABLE,
        "$.properties.typeProperties.table",
        "parameter 'name' is not declared",
    ),
    Case(
        "parameter-declared",
        both(
            lambda s: s.add("factory/adf", {"globalParameters": {"region": {"type": "String", "value": "eu"}}}),
            put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline().globalParameters.zone"),
        ),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParameters.day",
        "global parameter 'zone' is not declared",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline().globalParameters.zone"),
    ),
    Case(
        "system-variable",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline().Runid2"),
        COUNT,
        f"{ACTIVITIES}[0].typeProperties.baseParameters.day",
        "pipeline().Runid2 is no system variable; is 'RunId' meant?",
        put(COUNT, "activities.0.typeProperties.baseParameters.day", "@pipeline()?.TriggeredByPipelineRunId"),
    ),
    Case(
        "variable-declared",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@variables('othr')"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "variable 'othr' is not declared; is 'other' meant?",
    ),
    Case(
        "parameter-declared",
        put(COUNT, "variables.other.defaultValue", "@concat('a', pipeline().parameters.none)"),
        COUNT,
        "$.properties.variables.other.defaultValue",
        "parameter 'none' is not declared",
        put(COUNT, "variables.other.defaultValue", "@concat('a', pipeline().parameters.day)"),
    ),
    Case(
        "variable-declared",
        put(COUNT, f"{EACH}.1.typeProperties.variableName", "notes"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.variableName",
        "variable 'notes' is not declared",
        put(
            COUNT,
            f"{EACH}.1.typeProperties",
            {"variableName": "pipelineReturnValue", "value": [], "setSystemVariable": True},
        ),
    ),
    Case(
        "variable-self-reference",
        put(COUNT, f"{EACH}.1.typeProperties.value", "@concat(variables('Note'), 'x')"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "variable 'Note' is set from itself",
    ),
)
