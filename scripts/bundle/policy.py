"""The policy: what a team asks of its bundle beyond what the service asks. `[policy]` of an environment file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bundle.environments import read_document
from bundle.errors import EnvironmentFileError
from bundle.findings import Severity
from bundle.rules import RULES, Rule
from bundle.wording import did_you_mean

_OFF = "off"
_SEVERITIES = (*Severity, _OFF)


@dataclass(frozen=True)
class Policy:
    """The rules' severities under the policy, but for those that a team sets itself; None is off."""

    severities: Mapping[str, Severity | None] = field(default_factory=dict)

    def severity(self, rule: Rule) -> Severity | None:
        """Return how bad a breach of a rule is; None when the rule is not asked."""
        return self.severities.get(rule.name, rule.policy)


def read_policy(file: Path) -> Policy | None:
    """Return the policy of an environment file; None when the file has no `[policy]`.

    Under `[policy]` stands `RULE = "error"`, `"warning"` or `"off"` for each rule that is to be otherwise.

    Raises:
        EnvironmentFileError: the file cannot be read, or names no rule or no severity.
    """
    given = read_document(file).get("policy")
    if given is None:
        return None
    if problems := policy_problems(given):
        raise EnvironmentFileError("\n".join(f"{file}: {problem}" for problem in problems))
    return Policy({name: None if value == _OFF else Severity(value) for name, value in given.items()})


def policy_problems(given: object) -> list[str]:
    """Return what is wrong with a `[policy]` section, a line each."""
    if not isinstance(given, Mapping):
        return ['policy: is to be a section of RULE = "error", "warning" or "off".']
    rules = [rule.name for rule in RULES]
    problems = [f"policy.{name}: no such rule{did_you_mean(name, rules)}." for name in given if name not in rules]
    return problems + [
        f'policy.{name}: {value!r} is to be "error", "warning" or "off".'
        for name, value in given.items()
        if value not in _SEVERITIES
    ]
