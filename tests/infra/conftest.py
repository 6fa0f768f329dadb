"""Node, with the parsers that exist for it only: Kusto's for the queries, Microsoft's for the Adaptive Card."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import node_packages
from support.requirements import require

PARSERS = Path(__file__).parent / "kql"


@pytest.fixture(scope="session")
def node() -> Callable[[str, Any], Any]:
    """Return a function that runs one of kql/*.js, JSON in and JSON out. npm installs the locked packages once."""
    require(node_packages.install(PARSERS))

    def run(script: str, document: Any) -> Any:
        answer = subprocess.run(
            ["node", script],
            cwd=PARSERS,
            input=json.dumps(document),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run
