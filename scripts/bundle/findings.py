"""What checking a bundle finds: one line a finding."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How bad a finding is.

    An error is refused by the service, fails at run time, leaks a secret, or hides a failure. A warning works, but
    hardly as meant.
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
