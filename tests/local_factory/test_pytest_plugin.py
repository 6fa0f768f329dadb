"""The pytest plugin, as a team's own tests use it."""

import subprocess
import sys
from pathlib import Path

from support.factories import copy, write_pipeline

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def test_a_teams_test_runs_a_pipeline_of_its_factory(tmp_path: Path) -> None:
    write_pipeline(tmp_path / "factory" / "adf", "PL", [copy("C", {}, {})])
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["local_factory.pytest_plugin"]\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {SCRIPTS}\nlocal_factory_adf = factory/adf\n")
    (tmp_path / "test_it.py").write_text(
        "def test_copy(local_factory):\n"
        '    run = local_factory(stubs={"PL/C": {"output": {"rowsCopied": 3}}}).run("PL")\n'
        '    assert run.output("C") == {"rowsCopied": 3}\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
