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
    """Return a function that runs one of kql/*.js, JSON in and JSON out. npm installs the locked packages once."""
    node_path, npm_path = shutil.which("node"), shutil.which("npm")
    if not (node_path and npm_path):
        message = "node and npm are not here: install Node.js 18 or later (Debian: apt-get install nodejs npm)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    installed = PARSERS / "node_modules" / ".package-lock.json"
    lock = PARSERS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm_path, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        subprocess.run(command, cwd=PARSERS, check=True, timeout=240)

    def run(script: str, document: Any) -> Any:
        answer = subprocess.run(
            [node_path, script],
            cwd=PARSERS,
            input=json.dumps(document),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
