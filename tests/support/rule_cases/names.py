"""Cases of the rules in `bundle.rules.names`."""

from support.rule_cases.case import Case


def linked_service(**properties: object) -> dict[str, object]:
    return {"type": "AzureKeyVault", "typeProperties": {}, **properties}


CASES = (
    Case(
        "object-name",
        lambda s: s.add("linkedService/LS-New", linked_service()),
        "linkedService/LS-New",
        "$.name",
        "has a dash",
        lambda s: s.add("pipeline/PL-New", {"activities": []}),
    ),
    Case(
        "object-name",
        lambda s: s.add("pipeline/PL%New", {"activities": []}),
        "pipeline/PL%New",
        "$.name",
        "the character '%'",
        lambda s: s.add("pipeline/_PL New", {"activities": []}),
    ),
    Case(
        "object-name",
        lambda s: s.add("integrationRuntime/IR--x", {"type": "SelfHosted"}),
        "integrationRuntime/IR--x",
        "$.name",
        "single dashes",
        lambda s: s.add("integrationRuntime/IR-x", {"type": "SelfHosted"}),
    ),
    Case(
        "unique-name",
        lambda s: s.add("pipeline/pl_load", {"activities": []}),
        "pipeline/pl_load",
        "$.name",
        "differs from pipeline 'PL_Load' in case only",
        lambda s: s.add("dataflow/pl_load", {"type": "Flowlet"}),
    ),
)
