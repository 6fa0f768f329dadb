"""Rules for `notebooks/sources/*.toml`: what the notebooks would refuse, and where secrets come from."""

from collections.abc import Iterator

from bundle.bundle import Bundle
from bundle.findings import Problem


def source_right(bundle: Bundle) -> Iterator[Problem]:
    """Refuse what a run would refuse before it reads anything: the notebooks' own check says what."""
    yield from bundle.sources.problems


def source_secret_listed(bundle: Bundle) -> Iterator[Problem]:
    """Ask that the runbook lists each secret that a source names: who writes it, and how it is rotated."""
    listed = bundle.runbook_secrets
    if listed is None:
        return
    for named in bundle.sources.secrets:
        if named.secret not in listed:
            yield Problem(
                named.file,
                named.path,
                f"secret {named.secret!r} is not in the runbook's list; add it under Secrets in infra/README.md, and "
                "store it in the vault",
            )
