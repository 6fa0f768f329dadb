"""Each rule on a broken copy of the sample bundle, which it alone finds fault with, and on a good twin of that copy."""

from pathlib import Path

import pytest

from bundle.findings import Severity
from bundle.rules import RULES
from bundle.validation import validate
from support.rule_cases import CASES
from support.rule_cases.case import Case
from support.sample_bundle import Sample


def identity(case: Case) -> str:
    return f"{case.rule}-{CASES.index(case)}"


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_a_broken_bundle_is_found_by_its_rule_alone_with_file_and_path(case: Case, sample: Sample) -> None:
    case.broken(sample)

    findings = validate(sample.adf, sample.notebooks)

    assert [(f.rule, f.file, f.path) for f in findings] == [(case.rule, sample.file(case.file), case.path)]
    assert case.message in findings[0].message
    assert "hunter2" not in str(findings[0])


@pytest.mark.parametrize("case", CASES, ids=identity)
def test_the_good_twin_of_a_broken_bundle_has_no_finding(case: Case, sample: Sample) -> None:
    case.good(sample)

    assert [str(finding) for finding in validate(sample.adf, sample.notebooks)] == []


def test_every_rule_has_a_case_and_a_name_and_a_docstring_of_its_own() -> None:
    assert {rule.name for rule in RULES} == {case.rule for case in CASES}
    assert len({rule.name for rule in RULES}) == len({rule.check for rule in RULES}) == len(RULES)
    assert all(rule.check.__doc__ for rule in RULES)


def test_warnings_are_what_works_though_hardly_as_meant() -> None:
    assert {rule.name for rule in RULES if rule.severity is Severity.WARNING} == {
        "connector-type",
        "notebook-unused",
        "retry-given",
        "timeout-given",
        "timeout-sane",
        "trigger-parameters",
        "unknown-key",
        "variable-in-parallel-loop",
    }
