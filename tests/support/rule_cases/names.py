"""Cases of the rules in `bundle.rules.names`."""

from support.rule_cases.case import Case, both


def linked_service(**properties: object) -> dict[str, object]:
    return {"type": "AzureKeyVault", "typeProperties": {}, **properties}


CASES = (
    Case(
        "object-name",
        lambda s: s.add("linkedService/LS#New", linked_service()),
        "linkedService/LS#New",
        "$.name",
        "the character '#'",
        both(
            lambda s: s.add("linkedService/LS-New", linked_service()),
            lambda s: s.add("dataflow/clean-rows", {"type": "Flowlet"}),
        ),
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
        "object-name",
        lambda s: s.add("integrationRuntime/IR", {"type": "SelfHosted"}),
        "integrationRuntime/IR",
        "$.name",
        "3 to 63 are allowed",
        lambda s: s.add("integrationRuntime/IRx", {"type": "SelfHosted"}),
    ),
    Case(
        "object-name",
        lambda s: s.add("credential/Own identity", {"type": "ManagedIdentity"}),
        "credential/Own identity",
        "$.name",
        "letters, digits, underscores, and dashes within",
        lambda s: s.add("credential/Own-identity_1", {"type": "ManagedIdentity"}),
    ),
    Case(
        "unique-name",
        lambda s: s.add("pipeline/pl_load", {"activities": []}),
        "pipeline/pl_load",
        "$.name",
        "'pl_load' is also the name of",
        lambda s: s.add("dataflow/pl_load", {"type": "Flowlet"}),
    ),
)
