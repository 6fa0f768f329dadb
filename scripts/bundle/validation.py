"""Checks a bundle offline: every rule over every file, whatever is wrong with the others."""

from pathlib import Path

from bundle.bundle import Bundle, read_bundle
from bundle.errors import ResourceError
from bundle.findings import Finding
from bundle.rules import RULES


def validate(adf: Path, notebooks: Path) -> list[Finding]:
    """Return all that is wrong with a factory's Git root and the notebooks it runs, by file and place.

    Never raises for what stands in the files: one that cannot be read is a finding, and the others are still checked.
    """
    try:
        bundle = read_bundle(adf, notebooks)
    except ResourceError as error:
        return [Finding(adf, "$", str(error), "known-kind")]
    return check(bundle)


def check(bundle: Bundle) -> list[Finding]:
    """Return all that is wrong with a bundle, by file and place."""
    return sorted(
        Finding(problem.file, problem.path, problem.message, rule.name, rule.severity)
        for rule in RULES
        for problem in rule.check(bundle)
    )
