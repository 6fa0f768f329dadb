"""Checks a bundle offline: every rule over every file, whatever is wrong with the others."""

from collections.abc import Collection
from pathlib import Path

from bundle.bundle import Bundle, read_bundle
from bundle.findings import Finding, Problem
from bundle.policy import Policy
from bundle.rules import RULES, Rule


def validate(adf: Path, notebooks: Path, *, policy: Policy | None = None) -> list[Finding]:
    """Return all that is wrong with a factory's Git root and the notebooks it runs, by file and place.

    What stands in the files never raises: one that cannot be read is a finding, and the others are still checked.

    Args:
        adf: the factory's Git root.
        notebooks: the folder of its notebooks.
        policy: what is asked beyond what the service asks.

    Raises:
        ResourceError: `adf` is no folder, or holds no factory objects.
    """
    return check(read_bundle(adf, notebooks), policy=policy)


def check(bundle: Bundle, rules: Collection[str] | None = None, *, policy: Policy | None = None) -> list[Finding]:
    """Return all that is wrong with a bundle, by file and place.

    Args:
        bundle: what to check.
        rules: the names of the rules to ask; all by default.
        policy: what is asked beyond what the service asks.
    """
    pipelines = {pipeline.resource.path: pipeline for pipeline in bundle.pipelines}

    def counts(rule: Rule, problem: Problem) -> bool:
        pipeline = pipelines.get(problem.file)
        return rule.of_inactive or pipeline is None or not pipeline.is_inactive(problem.path)

    return sorted(
        Finding(problem.file, problem.path, problem.message, rule.name, severity)
        for rule in RULES
        if rules is None or rule.name in rules
        if (severity := policy.severity(rule) if policy else rule.severity)
        for problem in rule.check(bundle)
        if counts(rule, problem)
    )
