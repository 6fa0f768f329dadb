"""The check as a program: a JSON object a line, and its exit status."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.source_files import SALES

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"


def check(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    command = [sys.executable, "-m", "ingestion.feeds.check", *arguments]
    done = subprocess.run(command, cwd=NOTEBOOKS, capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_refusals_and_secrets_come_as_json_lines(tmp_path: Path) -> None:
    (tmp_path / "sales.toml").write_text(SALES.replace('"merge"', '"merg"'), encoding="utf-8")
    status, lines = check(str(tmp_path))
    assert status == 1
    assert lines[0] == {
        "kind": "problem",
        "file": "sales.toml",
        "line": 11,
        "table": "[defaults]",
        "key": "write_disposition",
        "message": "'merg' is not known. Did you mean 'merge'?",
    }
    assert lines[1:] == [
        {"kind": "secret", "file": "sales.toml", "line": 5, "key": "user.secret", "secret": "sales-user"},
        {"kind": "secret", "file": "sales.toml", "line": 6, "key": "password.secret", "secret": "sales-password"},
    ]


def test_a_right_folder_ends_in_0(tmp_path: Path) -> None:
    (tmp_path / "sales.toml").write_text(SALES, encoding="utf-8")
    assert check(str(tmp_path))[0] == 0


def test_without_a_folder_it_says_how_it_is_called() -> None:
    assert check()[0] == 2
