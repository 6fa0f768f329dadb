"""Arrows between rooms point one way: the contracts stand in pyproject.toml, import-linter reads the code."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = """
import sys
sys.path[:0] = ["scripts", "notebooks"]
from importlinter.cli import lint_imports
sys.exit(lint_imports())
"""


def test_no_room_imports_from_one_above_it_or_beside_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout
