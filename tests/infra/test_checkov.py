"""checkov's Azure rules on the Bicep files: nothing fails, and every suppression gives its reason.

checkov pins many packages, so it lives in an environment of its own, made once.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.3.30"
ENVIRONMENT = ROOT / ".venv-checkov"
# Its own Bicep parser (pycep 0.5) does not know the function deployer(); main.bicep holds modules only, no resource.
UNREADABLE = ["main.bicep"]


@pytest.fixture(scope="module")
def report():
    done = ENVIRONMENT / f".{VERSION}"
    if not done.exists():
        uv = Path(sys.executable).with_name("uv")
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT]
        subprocess.run(make, check=True)
        packages = [uv, "pip", "install", "--quiet", "--python", ENVIRONMENT / "bin" / "python", f"checkov=={VERSION}"]
        subprocess.run(packages, check=True)
        done.touch()
    command = [
        ENVIRONMENT / "bin" / "checkov",
        "--directory",
        "infra",
        "--config-file",
        "infra/.checkov.yaml",
        "--output",
        "json",
    ]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return json.loads(answer.stdout)


def test_no_rule_fails(report):
    failed = [
        (check["check_id"], check["file_path"], check["resource"]) for check in report["results"]["failed_checks"]
    ]
    assert failed == []
    assert report["summary"]["passed"] >= 20


def test_every_file_with_a_resource_is_read(report):
    assert [Path(path).name for path in report["results"]["parsing_errors"]] == UNREADABLE
    for name in UNREADABLE:
        assert not re.search(r"^resource ", (ROOT / "infra" / name).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_suppression_is_needed_and_gives_its_reason(report):
    used = {(Path(check["file_path"]).name, check["check_id"]) for check in report["results"]["skipped_checks"]}
    written = set()
    for path in (ROOT / "infra").rglob("*.bicep"):
        for rule, reason in re.findall(r"checkov:skip=(\w+):?(.*)", path.read_text(encoding="utf-8")):
            assert len(reason) > 20, f"{path.name}: {rule} without a reason"
            written.add((path.name, rule))
    assert written == used


def test_every_suppression_of_the_settings_file_gives_its_reason():
    settings = (ROOT / "infra" / ".checkov.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^  - (CKV\w+) # .{30,}$", settings, re.MULTILINE) == re.findall(r"CKV\w+", settings)
