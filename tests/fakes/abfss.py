"""Hadoop's abfss driver for the Spark of the tests: the second client, beside Microsoft's own, that drives the fake.

Run as a program, it brings the driver from Maven Central by Ivy, Spark's own resolver, into the environment; `make`
does so once. Without it the tests that need it say so.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from fakes.dfs_service import ACCOUNT, KEY, DfsService

# Of the Hadoop that is among Spark's jars.
_NAME, _VERSION = "hadoop-azure", "3.4.1"
_SHA256 = "d1ccb21546072acb55da9cf29bbf353749d8864ae96e9d9d2b6a06533b979c94"
DRIVER = Path(sys.prefix) / "jars" / f"{_NAME}-{_VERSION}.jar"
# Without the local Maven repository, where Ivy looks first: a POM there without its jar makes it give up.
_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{folder}/cache"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false"/></resolvers>
</ivysettings>
"""


def what_is_missing() -> str | None:
    """Say what to do where the driver is not there."""
    return None if DRIVER.is_file() else f"{DRIVER} is not there: `make lint` brings it from Maven Central"


def lead_to(service: DfsService, spark: SparkSession) -> None:
    """Let a session's abfss driver find its account at the fake."""
    settings = {
        "fs.azure.abfs.endpoint": service.url.removeprefix("http://"),
        "fs.azure.always.use.https": "false",
        "fs.azure.account.auth.type": "SharedKey",
        f"fs.azure.account.key.{ACCOUNT}.dfs.core.windows.net": KEY,
        "fs.azure.account.hns.enabled": "true",
        # Else the first test's server would be every test's.
        "fs.abfs.impl.disable.cache": "true",
    }
    for name, value in settings.items():
        spark.conf.set(name, value)


def bring_driver() -> str | None:
    """Bring the driver unless it is there; say why it cannot be had."""
    if DRIVER.is_file():
        return None
    DRIVER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DRIVER.parent, prefix=".") as folder:
        settings, jar = Path(folder) / "ivysettings.xml", Path(folder) / DRIVER.name
        settings.write_text(_SETTINGS.format(folder=folder))
        command = ["java", "-cp", str(Path(pyspark.__file__).parent / "jars" / "*")]
        command += ["-Dsun.net.client.defaultConnectTimeout=20000", "-Dsun.net.client.defaultReadTimeout=20000"]
        command += ["org.apache.ivy.Main", "-settings", str(settings)]
        command += ["-dependency", "org.apache.hadoop", _NAME, _VERSION]
        command += ["-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{DRIVER.name} was not brought: {error}"
        if not jar.is_file():
            said = [line.strip(": \t") for line in run.stdout.splitlines() if "ERROR" in line or "UNRESOLVED" in line]
            return f"Maven Central did not give {DRIVER.name}: {'; '.join(said[:2])}"
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
        if found != _SHA256:
            return f"{DRIVER.name} has SHA-256 {found}, not {_SHA256}: it was not kept."
        jar.replace(DRIVER)
    return None


if __name__ == "__main__":
    if reason := bring_driver():
        sys.stderr.write(f"The abfss driver is not here, and its tests will be left out: {reason}\n")
