"""Each rule on a broken copy of the sample bundle, which it alone finds fault with, and on a good twin of that copy."""

from pathlib import Path

import pytest

from bundle.findings import Severity
from bundle.policy import Policy
from bundle.rules import RULES
from bundle.validation import validate
from support.rule_cases import CASES
from support.rule_cases.case import Case
from support.sample_bundle import Sample


def identity(case: Case) -> str:
    return f"{case.rule}-{CASES.index(case)}"


# Most edits add objects and activities that say no more than what they are about.
_DESCRIPTIVE = ("annotations-given", "description-given")


def policy(case: Case) -> Policy:
    return Policy({rule: None for rule in _DESCRIPTIVE if rule != case.rule})


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_broken_bundle_is_found_by_its_rule_alone_with_file_and_path(case: Case, sample: Sample) -> None:
    case.broken(sample)

    findings = validate(sample.adf, sample.notebooks, policy=policy(case))

    assert [(f.rule, f.file, f.path) for f in findings] == [(case.rule, sample.file(case.file), case.path)]
    assert case.message in findings[0].message
    assert "hunter2" not in str(findings[0])


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_the_good_twin_of_a_broken_bundle_has_no_finding(case: Case, sample: Sample) -> None:
    case.good(sample)

    assert [str(finding) for finding in validate(sample.adf, sample.notebooks, policy=policy(case))] == []


def test_every_rule_has_a_case_and_a_name_and_a_docstring_of_its_own() -> None:
    assert {rule.name for rule in RULES} == {case.rule for case in CASES}
    assert len({rule.name for rule in RULES}) == len({rule.check for rule in RULES}) == len(RULES)
    assert all(rule.check.__doc__ for rule in RULES)


def test_outside_the_policy_an_error_is_what_the_service_refuses_or_what_can_never_run() -> None:
    assert {rule.name for rule in RULES if rule.severity is Severity.WARNING} == {
        "argument-declared",
        "argument-fits",
        "argument-given",
        "default-fits",
        "encrypted-credential",
        "file-name",
        "infrastructure-resolves",
        "inline-secret",
        "known-activity-type",
        "known-kind",
        "known-type",
        "nesting-documented",
        "notebook-exists",
        "notebook-parameter",
        "notebook-source",
        "retry-interval",
        "timeout-documented",
        "trigger-time-form",
        "unknown-key",
        "variable-in-parallel-loop",
        "widget-given",
    }


def test_the_policy_adds_rules_of_taste() -> None:
    assert {rule.name for rule in RULES if rule.severity is None} == {
        "annotations-given",
        "description-given",
        "failure-value",
        "notebook-unused",
        "retry-given",
        "source-secret-listed",
        "timeout-given",
        "timeout-sane",
        "wait-on-completion",
    }
    assert all(rule.policy for rule in RULES)


def test_a_rule_explains_itself_with_its_document() -> None:
    for rule in RULES:
        text = rule.explain()
        assert rule.name in text
        assert text.endswith(rule.document)
        assert str(rule.check.__doc__).splitlines()[0] in text
