"""The rules a bundle is checked by, a module a family; `RULES` lists all. A rule's docstring says what it asks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bundle.bundle import Bundle
from bundle.findings import Problem, Severity
from bundle.rules import (
    activities,
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


@dataclass(frozen=True)
class Rule:
    """One rule: its name in findings, how bad a breach is, and the check, a pure function of the bundle."""

    name: str
    check: Callable[[Bundle], Iterator[Problem]]
    severity: Severity = Severity.ERROR


RULES: tuple[Rule, ...] = (
    Rule("well-formed", files.well_formed),
    Rule("repeated-key", files.no_repeated_key),
    Rule("object-shape", files.object_shape),
    Rule("file-name", files.name_of_file),
    Rule("known-kind", files.known_kind),
    Rule("object-name", names.object_name),
    Rule("unique-name", names.unique_name),
    Rule("object-type", types.object_type),
    Rule("connector-type", types.connector_type, Severity.WARNING),
    Rule("activity-type", types.activity_type),
    Rule("required-property", types.required_property),
    Rule("unknown-key", types.unknown_key, Severity.WARNING),
    Rule("reference-type", references.reference_type),
    Rule("reference-resolves", references.reference_resolves),
    Rule("reference-cycle", references.no_reference_cycle),
    Rule("activity-shape", activities.activity_shape),
    Rule("activity-name", activities.activity_name),
    Rule("activity-unique", activities.unique_activity_name),
    Rule("dependency-exists", activities.dependency_exists),
    Rule("dependency-cycle", activities.no_dependency_cycle),
    Rule("dependency-condition", activities.dependency_condition),
    Rule("nesting", activities.nesting),
    Rule("limits", activities.limits),
    Rule("wait-on-completion", activities.wait_on_completion),
    Rule("variable-in-parallel-loop", activities.variable_in_parallel_loop, Severity.WARNING),
    Rule("timeout-given", policies.timeout_given, Severity.WARNING),
    Rule("timeout-format", policies.timeout_format),
    Rule("timeout-sane", policies.timeout_sane, Severity.WARNING),
    Rule("retry-given", policies.retry_given, Severity.WARNING),
    Rule("retry-range", policies.retry_range),
    Rule("expression-parses", expressions.expression_parses),
    Rule("expression-expected", expressions.expression_expected),
    Rule("expression-context", expressions.expression_context),
    Rule("activity-upstream", expressions.activity_upstream),
    Rule("parameter-declared", expressions.parameter_declared),
    Rule("system-variable", expressions.system_variable),
    Rule("variable-declared", expressions.variable_declared),
    Rule("variable-self-reference", expressions.variable_self_reference),
    Rule("variable-fits", parameters.variable_fits),
    Rule("declaration", parameters.declaration),
    Rule("argument-declared", parameters.argument_declared),
    Rule("argument-given", parameters.argument_given),
    Rule("argument-fits", parameters.argument_fits),
    Rule("source-right", sources.source_right),
    Rule("source-secret-listed", sources.source_secret_listed),
    Rule("trigger-time", triggers.trigger_time),
    Rule("trigger-time-zone", triggers.trigger_time_zone),
    Rule("trigger-recurrence", triggers.trigger_recurrence),
    Rule("trigger-window", triggers.trigger_window),
    Rule("trigger-starts-pipeline", triggers.trigger_starts_pipeline),
    Rule("trigger-parameters", triggers.trigger_parameters, Severity.WARNING),
    Rule("encrypted-credential", secrets.no_encrypted_credential),
    Rule("inline-secret", secrets.no_inline_secret),
    Rule("notebook-source", notebooks.notebook_source),
    Rule("notebook-exists", notebooks.notebook_exists),
    Rule("notebook-parameter", notebooks.notebook_parameter),
    Rule("widget-given", notebooks.widget_given),
    Rule("notebook-unused", notebooks.notebook_unused, Severity.WARNING),
    Rule("failure-value", notebooks.failure_value),
)
