"""Cases of the rules in `bundle.rules.descriptions`."""

from support.rule_cases.case import ACTIVITIES, COUNT, DAILY, SQL, Case, drop, put

PROPERTIES = "$.properties"
NO_DESCRIPTION, NO_ANNOTATIONS = "has no description: write what it is there for", "has no annotations: write whose"

CASES = (
    *(
        case
        for name in (COUNT, DAILY, SQL)
        for case in (
            Case(
                "description-given",
                drop(name, "description"),
                name,
                PROPERTIES,
                f"{name.split('/')[1]!r} {NO_DESCRIPTION}",
                put(name, "description", "Counts."),
            ),
            Case(
                "annotations-given",
                drop(name, "annotations"),
                name,
                PROPERTIES,
                f"{name.split('/')[1]!r} {NO_ANNOTATIONS}",
                put(name, "annotations", ["sales", "nightly"]),
            ),
        )
    ),
    Case("description-given", put(COUNT, "description", " \n"), COUNT, PROPERTIES, NO_DESCRIPTION),
    Case("annotations-given", put(COUNT, "annotations", []), COUNT, PROPERTIES, NO_ANNOTATIONS),
    Case(
        "description-given",
        drop(COUNT, "activities.0.description"),
        COUNT,
        f"{ACTIVITIES}[0]",
        f"'Count' {NO_DESCRIPTION}",
    ),
    Case(
        "description-given",
        drop(COUNT, "activities.1.typeProperties.ifTrueActivities.0.description"),
        COUNT,
        f"{ACTIVITIES}[1].typeProperties.ifTrueActivities[0]",
        f"'FailRun' {NO_DESCRIPTION}",
    ),
)
