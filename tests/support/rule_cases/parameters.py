"""Cases of the rules in `bundle.rules.parameters`."""

from support.rule_cases.case import ACTIVITIES, COUNT, DAILY, EACH, LOAD, WINDOW, Case, both, drop, put

CASES = (
    Case(
        "variable-fits",
        put(
            COUNT,
            f"{EACH}.1",
            {"name": "Add", "type": "AppendVariable", "typeProperties": {"variableName": "note", "value": 1}},
        ),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.variableName",
        "only an Array",
        put(
            COUNT,
            f"{EACH}.1",
            {"name": "Add", "type": "AppendVariable", "typeProperties": {"variableName": "seen", "value": 1}},
        ),
    ),
    Case(
        "variable-fits",
        put(COUNT, f"{EACH}.1.typeProperties.value", ["a"]),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[1].typeProperties.value",
        "variable 'note' is String, this is an array",
    ),
    Case(
        "declaration",
        put(LOAD, "parameters.size", {"type": "Integer", "defaultValue": 1}),
        LOAD,
        "$.properties.parameters.size",
        "must have a type, one of Array, Bool, Float, Int",
        put(LOAD, "parameters.size", {"type": "int", "defaultValue": 1}),
    ),
    Case(
        "default-fits",
        put(LOAD, "parameters.size", {"type": "Int", "defaultValue": "many"}),
        LOAD,
        "$.properties.parameters.size.defaultValue",
        "the default is a text, the type Int",
        both(
            put(LOAD, "parameters.size", {"type": "Int", "defaultValue": "7"}),
            put(LOAD, "parameters.full", {"type": "Bool", "defaultValue": "true"}),
        ),
    ),
    Case(
        "argument-declared",
        put(DAILY, "pipelines.0.parameters.days", "x"),
        DAILY,
        "$.properties.pipelines[0].parameters.days",
        "pipeline/PL_Count has no parameter 'days'; is 'day' meant?",
    ),
    Case(
        "argument-declared",
        put(LOAD, "activities.0.typeProperties.dataset.parameters.schema", "dbo"),
        LOAD,
        f"{ACTIVITIES}[0].typeProperties.dataset.parameters.schema",
        "dataset/DS_Table has no parameter 'schema'",
        put(LOAD, "activities.0.typeProperties.dataset.parameters.database", "dbo"),
    ),
    Case(
        "argument-given",
        drop(COUNT, f"{EACH}.0.typeProperties.parameters.count"),
        COUNT,
        f"{ACTIVITIES}[2].typeProperties.activities[0].typeProperties.parameters",
        "pipeline/PL_Load needs the parameter 'count'",
        drop(COUNT, f"{EACH}.0.typeProperties.parameters.country"),
    ),
    Case(
        "argument-given",
        drop(WINDOW, "pipeline.parameters.count"),
        WINDOW,
        "$.properties.pipeline.parameters",
        "needs the parameter 'count'",
    ),
    Case(
        "argument-given",
        both(drop(WINDOW, "pipeline.parameters.count"), drop(COUNT, f"{EACH}.0.typeProperties.parameters.count")),
        LOAD,
        "$.properties.parameters.count",
        "2 callers leave it out (the first is pipeline/PL_Count), so it is null for them",
        put(LOAD, "parameters.count", {"type": "Int", "defaultValue": 0}),
    ),
    Case(
        "argument-fits",
        put(WINDOW, "pipeline.parameters.count", "many"),
        WINDOW,
        "$.properties.pipeline.parameters.count",
        "pipeline/PL_Load takes 'count' as Int, this is a text",
        put(WINDOW, "pipeline.parameters.count", "601"),
    ),
)
