"""A broken copy of the sample bundle for every rule, and its good twin: one module a family of rules."""

from support.rule_cases import (
    activities,
    dashboards,
    descriptions,
    expressions,
    files,
    names,
    notebooks,
    parameters,
    policies,
    references,
    secrets,
    sources,
    triggers,
    types,
)

CASES = (
    *files.CASES,
    *names.CASES,
    *types.CASES,
    *references.CASES,
    *activities.CASES,
    *policies.CASES,
    *descriptions.CASES,
    *expressions.CASES,
    *parameters.CASES,
    *triggers.CASES,
    *secrets.CASES,
    *notebooks.CASES,
    *sources.CASES,
    *dashboards.CASES,
)
