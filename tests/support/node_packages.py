"""Packages of npm that a test needs: installed once, from a lock file beside their package.json."""

import fcntl
import functools
import shutil
import subprocess
from pathlib import Path

MISSING = "node and npm are not here: install Node.js 18 or later (Debian: apt-get install nodejs npm)."


@functools.cache
def install(folder: Path) -> str | None:
    """Install what a folder's package-lock.json says, unless it is; return why that is not possible, None when done."""
    npm = shutil.which("npm")
    if not (npm and shutil.which("node")):
        return MISSING
    with (folder / "package-lock.json").open() as lock:  # the processes of a test run come here at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _install_what_is_locked(npm, folder)


def _install_what_is_locked(npm: str, folder: Path) -> str | None:
    installed = folder / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime:
        return None
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        return f"npm ci in {folder} does not end: is its registry reachable?"
    return f"npm ci in {folder}: {done.stderr.strip()}" if done.returncode else None
