"""What checking a bundle finds: one line a finding."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Severity(StrEnum):
    """How bad a finding is.

    An error is what the service refuses, or what can never run. A warning may be wrong, or works but hardly as meant.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Problem:
    """What a rule has to say: the file, the place in it (a JSON path; `line N` of a notebook), and what is wrong."""

    file: Path
    path: str
    message: str


@dataclass(frozen=True, order=True)
class Finding:
    """A problem under the name of the rule that found it."""

    file: Path
    path: str
    message: str
    rule: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """`file: json path: message [rule]`; warnings end in `[rule, warning]`."""
        rule = self.rule if self.severity is Severity.ERROR else f"{self.rule}, {self.severity}"
        line = f"{self.file.as_posix()}: {self.path}: {' '.join(self.message.split())} [{rule}]"
        # JSON can spell half a character (a lone surrogate), which no terminal or log takes.
        return line.encode("utf-8", "backslashreplace").decode("utf-8")

    def to_json(self) -> dict[str, str]:
        """Return the finding as `validate --json` prints it."""
        return {
            "file": self.file.as_posix(),
            "path": self.path,
            "message": self.message,
            "rule": self.rule,
            "severity": self.severity,
        }


def strictly(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with warnings as errors."""
    return [replace(finding, severity=Severity.ERROR) for finding in findings]


def count(findings: Sequence[Finding], severity: Severity) -> int:
    """Return how many findings are of a severity."""
    return sum(finding.severity is severity for finding in findings)


def summary_lines(findings: Sequence[Finding]) -> list[str]:
    """Return how many errors and warnings there are, and a line a rule: the errors first, and the most of them."""
    head = f"{count(findings, Severity.ERROR)} errors, {count(findings, Severity.WARNING)} warnings"
    return [head, *(f"{number:>6}  {severity:<7}  {rule}" for severity, rule, number in _by_rule(findings))]


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as `validate --json` prints them: the counts, those by rule, and each finding."""
    return {
        "errors": count(findings, Severity.ERROR),
        "warnings": count(findings, Severity.WARNING),
        "rules": [
            {"rule": rule, "severity": severity, "count": number} for severity, rule, number in _by_rule(findings)
        ],
        "findings": [finding.to_json() for finding in findings],
    }


def _by_rule(findings: Sequence[Finding]) -> list[tuple[Severity, str, int]]:
    counted = Counter((finding.severity, finding.rule) for finding in findings)
    most_first = sorted(counted.items(), key=lambda entry: (entry[0][0], -entry[1], entry[0][1]))
    return [(severity, rule, number) for (severity, rule), number in most_first]
