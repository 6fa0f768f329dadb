"""Node, with the parsers that exist for it only: Kusto's for the queries, Microsoft's for the Adaptive Card."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PARSERS = Path(__file__).parent / "kql"


@pytest.fixture(scope="session")
def node() -> Callable[[str, Any], Any]:
    """Return a function that runs one of kql/*.js with JSON in and JSON out. Packages are installed once, as package-lock.json says."""
    if not (shutil.which("node") and shutil.which("npm")):
        message = "node and npm are not here: install Node.js 18 or later (Debian: apt-get install nodejs npm), then test again."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    installed = PARSERS / "node_modules" / ".package-lock.json"
    lock = PARSERS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(command, cwd=PARSERS, check=True, timeout=240)

    def run(script: str, document: Any) -> Any:
        answer = subprocess.run(
            ["node", script], cwd=PARSERS, input=json.dumps(document), capture_output=True, text=True, timeout=60, check=False
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
