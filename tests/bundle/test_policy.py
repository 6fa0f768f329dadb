"""The policy of an environment file."""

from pathlib import Path

import pytest

from bundle.errors import EnvironmentFileError
from bundle.findings import Severity
from bundle.policy import read_policy
from bundle.validation import validate
from support.sample_bundle import Sample


def write(folder: Path, text: str) -> Path:
    file = folder / "dev.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_without_the_section_has_no_policy(tmp_path: Path) -> None:
    assert read_policy(write(tmp_path, "[azure]\n")) is None


def test_a_policy_asks_for_more_and_its_severities_are_the_teams(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    sample.remove("pipeline/PL_Load", "activities.0.policy.timeout")
    sample.remove("pipeline/PL_Load", "activities.0.policy.retry")
    policy = read_policy(write(tmp_path, '[policy]\ntimeout-given = "error"\nretry-given = "off"\n'))

    assert validate(sample.adf, sample.notebooks) == []
    assert [(finding.rule, finding.severity) for finding in validate(sample.adf, sample.notebooks, policy=policy)] == [
        ("timeout-given", Severity.ERROR)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy = 1", "policy: is to be a section"),
        ('[policy]\ntimeout-gven = "off"', "policy.timeout-gven: no such rule; is 'timeout-given' meant"),
        ('[policy]\ntimeout-given = "no"', 'policy.timeout-given: \'no\' is to be "error", "warning" or "off"'),
        ("[policy", "not readable as TOML"),
    ],
)
def test_what_is_wrong_with_a_policy_is_said_with_its_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match=r"dev\.toml") as refusal:
        read_policy(write(tmp_path, text))

    assert message in str(refusal.value)
