"""The rules a bundle is checked by, a module a family; `RULES` lists all. A rule's docstring says what it asks and why.

An error is what the service refuses, or what can never run. A warning is what depends on the live service, what the
documents ask for though factories do without, or what is hardly meant. The policy is what this bundle asks of itself
besides: it turns some warnings into errors, and adds rules of its own.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bundle.bundle import Bundle
from bundle.errors import UnknownRuleError
from bundle.findings import Problem, Severity
from bundle.rules import (
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
from bundle.wording import nearest

ERROR, WARNING = Severity.ERROR, Severity.WARNING
_LEARN = "https://learn.microsoft.com/azure/data-factory"
_DATABRICKS = "https://learn.microsoft.com/azure/databricks"
_GIT = f"{_LEARN}/source-control"
_NAMING = f"{_LEARN}/naming-rules"
_SCHEMA = "https://learn.microsoft.com/azure/templates/microsoft.datafactory/factories"
_PIPELINES = f"{_LEARN}/concepts-pipelines-activities"
_PARAMETERS = f"{_LEARN}/concepts-parameters-variables"
_NESTING = f"{_LEARN}/concepts-nested-activities"
_EXPRESSIONS = f"{_LEARN}/control-flow-expression-language-functions"
_SCHEDULE = f"{_LEARN}/how-to-create-schedule-trigger"
_WINDOW = f"{_LEARN}/how-to-create-tumbling-window-trigger"
_SECRETS = f"{_LEARN}/store-credentials-in-key-vault"
_NOTEBOOKS = f"{_LEARN}/transform-data-databricks-notebook"
_WIDGETS = f"{_DATABRICKS}/notebooks/widgets"
_README = "README.md and infra/README.md of this bundle"
_LIMITS = "https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits"


@dataclass(frozen=True)
class Rule:
    """One rule: its name in findings, the check, a pure function of the bundle, and the document behind it.

    `severity` is how bad a breach is, and `policy` the same under the policy; None: the rule is not asked then.
    """

    name: str
    check: Callable[[Bundle], Iterator[Problem]]
    document: str
    severity: Severity | None = ERROR
    policy: Severity | None = ERROR
    of_inactive: bool = False

    def explain(self) -> str:
        """Return what the rule asks, why, how bad a breach is, and the document."""
        severities = f"{self.severity or 'not asked'}; under the policy: {self.policy or 'not asked'}"
        return f"{self.name} ({severities})\n\n{inspect.getdoc(self.check)}\n\n{self.document}"


# The service does not validate what is switched off; `of_inactive` marks the rules that hold there too, since the whole
# file could not be read otherwise.
RULES: tuple[Rule, ...] = (
    Rule("well-formed", files.well_formed, _GIT),
    Rule("repeated-key", files.no_repeated_key, _GIT),
    Rule("object-shape", files.object_shape, _GIT),
    Rule("file-name", files.name_of_file, _GIT, WARNING),
    Rule("known-kind", files.known_kind, _GIT, WARNING),
    Rule("object-name", names.object_name, _NAMING),
    Rule("unique-name", names.unique_name, _NAMING),
    Rule("object-type", types.object_type, _SCHEMA),
    Rule("known-type", types.known_type, _SCHEMA, WARNING, WARNING),
    Rule("activity-type", types.activity_type, _SCHEMA),
    Rule("known-activity-type", types.known_activity_type, _SCHEMA, WARNING),
    Rule("required-property", types.required_property, _SCHEMA),
    Rule("unknown-key", types.unknown_key, _SCHEMA, WARNING, WARNING),
    Rule("reference-type", references.reference_type, _SCHEMA),
    Rule("reference-resolves", references.reference_resolves, _GIT),
    Rule(
        "infrastructure-resolves", references.infrastructure_resolves, f"{_LEARN}/concepts-integration-runtime", WARNING
    ),
    Rule("reference-cycle", references.no_reference_cycle, f"{_LEARN}/control-flow-execute-pipeline-activity"),
    Rule("activity-shape", activities.activity_shape, _PIPELINES, of_inactive=True),
    Rule("activity-name", activities.activity_name, _PIPELINES, of_inactive=True),
    Rule("activity-unique", activities.unique_activity_name, _PIPELINES, of_inactive=True),
    Rule("dependency-exists", activities.dependency_exists, _PIPELINES, of_inactive=True),
    Rule("dependency-cycle", activities.no_dependency_cycle, _PIPELINES, of_inactive=True),
    Rule("dependency-condition", activities.dependency_condition, _PIPELINES, of_inactive=True),
    Rule("nesting", activities.nesting, _NESTING),
    Rule("nesting-documented", activities.nesting_documented, _NESTING, WARNING),
    Rule("limits", activities.limits, f"{_LIMITS}#data-factory-limits"),
    Rule("wait-on-completion", activities.wait_on_completion, f"{_LEARN}/control-flow-execute-pipeline-activity", None),
    Rule(
        "variable-in-parallel-loop",
        activities.variable_in_parallel_loop,
        f"{_LEARN}/control-flow-for-each-activity",
        WARNING,
        WARNING,
    ),
    Rule("timeout-given", policies.timeout_given, _PIPELINES, None, WARNING),
    Rule("timeout-format", policies.timeout_format, _PIPELINES),
    Rule("timeout-documented", policies.timeout_documented, _PIPELINES, WARNING),
    Rule("timeout-sane", policies.timeout_sane, _PIPELINES, None, WARNING),
    Rule("retry-given", policies.retry_given, _PIPELINES, None, WARNING),
    Rule("retry-range", policies.retry_range, _PIPELINES),
    Rule("retry-interval", policies.retry_interval, _SCHEMA, WARNING),
    Rule("description-given", descriptions.description_given, _PIPELINES, None, WARNING),
    Rule(
        "annotations-given",
        descriptions.annotations_given,
        f"{_LEARN}/concepts-annotations-user-properties",
        None,
        WARNING,
    ),
    Rule("expression-parses", expressions.expression_parses, _EXPRESSIONS),
    Rule("expression-expected", expressions.expression_expected, _SCHEMA),
    Rule("expression-context", expressions.expression_context, _EXPRESSIONS),
    Rule("activity-upstream", expressions.activity_upstream, _EXPRESSIONS),
    Rule("parameter-declared", expressions.parameter_declared, _PARAMETERS),
    Rule("system-variable", expressions.system_variable, f"{_LEARN}/control-flow-system-variables"),
    Rule("variable-declared", expressions.variable_declared, _PARAMETERS),
    Rule(
        "variable-self-reference", expressions.variable_self_reference, f"{_LEARN}/control-flow-set-variable-activity"
    ),
    Rule("variable-fits", parameters.variable_fits, f"{_LEARN}/control-flow-set-variable-activity"),
    Rule("declaration", parameters.declaration, _PARAMETERS),
    Rule("default-fits", parameters.default_fits, _PARAMETERS, WARNING),
    Rule("argument-declared", parameters.argument_declared, _PARAMETERS, WARNING),
    Rule("argument-given", parameters.argument_given, _PARAMETERS, WARNING),
    Rule("argument-fits", parameters.argument_fits, _PARAMETERS, WARNING),
    Rule("trigger-time", triggers.trigger_time, _SCHEDULE),
    Rule("trigger-time-form", triggers.trigger_time_form, _SCHEDULE, WARNING),
    Rule("trigger-time-zone", triggers.trigger_time_zone, _SCHEDULE),
    Rule("trigger-recurrence", triggers.trigger_recurrence, _SCHEDULE),
    Rule("trigger-window", triggers.trigger_window, _WINDOW),
    Rule("trigger-starts-pipeline", triggers.trigger_starts_pipeline, f"{_LEARN}/concepts-pipeline-execution-triggers"),
    Rule("encrypted-credential", secrets.no_encrypted_credential, _SECRETS, WARNING),
    Rule("inline-secret", secrets.no_inline_secret, _SECRETS, WARNING),
    Rule("notebook-readable", notebooks.notebook_readable, f"{_DATABRICKS}/notebooks/notebook-format"),
    Rule("notebook-source", notebooks.notebook_source, f"{_DATABRICKS}/notebooks/notebook-format", WARNING),
    Rule("notebook-exists", notebooks.notebook_exists, _NOTEBOOKS, WARNING),
    Rule("notebook-parameter", notebooks.notebook_parameter, _WIDGETS, WARNING),
    Rule("widget-given", notebooks.widget_given, _WIDGETS, WARNING),
    Rule("notebook-unused", notebooks.notebook_unused, _NOTEBOOKS, None, WARNING),
    Rule("failure-value", notebooks.failure_value, _NOTEBOOKS, None),
    Rule("source-right", sources.source_right, _README),
    Rule("dashboard-right", dashboards.dashboard_right, f"{_DATABRICKS}/dashboards/"),
    Rule("source-secret-listed", sources.source_secret_listed, _README, None),
)


def explain(name: str) -> str:
    """Return what a rule asks, and why.

    Raises:
        UnknownRuleError: there is no rule of this name.
    """
    for rule in RULES:
        if rule.name == name:
            return rule.explain()
    raise UnknownRuleError(f"{name}: no such rule{nearest(name, [rule.name for rule in RULES], len(RULES))}")
