"""The sources of a bundle, `notebooks/sources/*.toml`, as the notebooks' own check sees them.

That check is a program of the notebooks' package (`ingestion.feeds.check`), so that there is one set of rules and
neither package imports the other. It is always this checkout's: no code of another bundle is run to check it.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bundle.errors import BundleError
from bundle.findings import Problem
from bundle.layout import CHECKOUT

_SECONDS = 60
_SECRETS = re.compile(r"^## Secrets$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class SourceSecret:
    """A secret that a source names: the file, the place in it, the secret's key."""

    file: Path
    path: str
    secret: str


@dataclass(frozen=True)
class Sources:
    """What the check of the sources found."""

    problems: tuple[Problem, ...] = ()
    secrets: tuple[SourceSecret, ...] = ()


def check_sources(notebooks: Path) -> Sources:
    """Check the sources beside the notebooks; nothing is wrong where no notebook reads any.

    Raises:
        BundleError: the check itself does not run.
    """
    folder = notebooks / "sources"
    # A folder of this name may be anything in a bundle without what reads it.
    if not folder.is_dir() or not (notebooks / "ingestion" / "feeds").is_dir():
        return Sources()
    command = [sys.executable, "-m", "ingestion.feeds.check", str(folder.resolve())]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "notebooks")}
    try:
        done = subprocess.run(  # noqa: S603 - the notebooks' own program
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"{folder}: the check of the sources did not end within {_SECONDS} s.") from None
    # 1 is what Python itself ends with, too.
    if done.returncode not in (0, 1) or (done.returncode == 1 and not done.stdout):
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise BundleError(f"{folder}: the check of the sources did not run: {reason}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Sources(
        tuple(
            Problem(
                folder / line["file"],
                ": ".join(part for part in (f"line {line['line']}", line["table"], line["key"]) if part),
                line["message"],
            )
            for line in lines
            if line["kind"] == "problem"
        ),
        tuple(
            SourceSecret(folder / line["file"], f"line {line['line']}: {line['key']}", line["secret"])
            for line in lines
            if line["kind"] == "secret"
        ),
    )


def runbook_secrets(notebooks: Path) -> frozenset[str] | None:
    """Return the secrets that the runbook lists, None where the bundle has no such list.

    It is the table under the heading `Secrets` in `infra/README.md`; its first column names them.
    """
    runbook = notebooks.resolve().parent / "infra" / "README.md"
    if not runbook.is_file():
        return None
    section = _SECRETS.search(runbook.read_text(encoding="utf-8"))
    if not section:
        return None
    cells = [line.split("|")[1] for line in section[1].splitlines() if line.startswith("|")]
    return frozenset(name for cell in cells for name in re.findall(r"`([\w.-]+)`", cell))
