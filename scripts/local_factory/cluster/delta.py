"""Delta for the Spark of this machine: the jars that belong to its version, brought from Maven Central once, by `make`.

Spark's own resolver (Ivy) brings them, and they are used only if they are to the byte what stands here. Run as a
program, it brings what is missing, from the mirror of Maven Central that the variable MAVEN_REPOSITORY names, if it
does; it exits with 1, and one line, when that cannot be had.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from xml.sax.saxutils import quoteattr

from local_factory.java import JavaNotFoundError, java_home

FOLDER = Path(sys.prefix) / "jars"
MAVEN_CENTRAL = "https://repo1.maven.org/maven2/"
_SECONDS = 300
_MILLISECONDS_OF_SILENCE = 20_000

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # Of a small table's log fifty tasks would be made, and their results collected.
        "spark.databricks.delta.snapshotPartitions": "2",
        # VACUUM would list a folder by ten thousand tasks.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    }
)


@dataclass(frozen=True)
class _Artifact:
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.jar"


# Those of Spark 4.0; what else Delta needs is among Spark's own jars.
_ARTIFACTS = (
    _Artifact("delta-spark_2.13", "4.0.1", "a1e76860b19fe1e6b205a4ea7a9099a2f9575d39bb71d49b3e679b299d0efb91"),
    _Artifact("delta-storage", "4.0.1", "ecc42c5aaa51c423312d9e4e48aa4a12b34740bf2c37de0e8f279277ec3d12e4"),
)
# Without the local Maven repository, where Ivy looks first: a POM there without its jar makes it give up.
_IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{folder}/cache"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false" root={repository}/></resolvers>
</ivysettings>
"""
_IVY_MODULE = """<ivy-module version="2.0">
  <info organisation="local" module="delta"/>
  <dependencies>{dependencies}</dependencies>
</ivy-module>
"""


class DeltaJarsError(Exception):
    """Delta's jars cannot be had, or are not those that they should be."""


def delta_jars(folder: Path = FOLDER) -> list[Path]:
    """Return Delta's jars, or none where not all of them are there."""
    jars = [folder / artifact.file for artifact in _ARTIFACTS]
    return jars if all(jar.is_file() for jar in jars) else []


def bring_delta_jars(folder: Path = FOLDER, repository: str = MAVEN_CENTRAL) -> None:
    """Bring Delta's jars unless they are there.

    Args:
        folder: where they are kept.
        repository: Maven Central, or a mirror of it.

    Raises:
        DeltaJarsError: the repository cannot be reached, or gives other files than it should.
        JavaNotFoundError: there is no Java to run Ivy with.
    """
    if delta_jars(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as aside:
        _resolve(Path(aside), repository)
        for artifact in _ARTIFACTS:
            _check(Path(aside) / artifact.file, artifact)
        for artifact in _ARTIFACTS:
            (Path(aside) / artifact.file).replace(folder / artifact.file)


def _resolve(folder: Path, repository: str) -> None:
    """Let Ivy put the artifacts into a folder."""
    spark = find_spec("pyspark")
    if not (spark and spark.origin):
        raise DeltaJarsError(f"pyspark, whose resolver brings them, is not installed for {sys.executable}.")
    settings, module = folder / "ivysettings.xml", folder / "ivy.xml"
    settings.write_text(_IVY_SETTINGS.format(folder=folder, repository=quoteattr(repository)), encoding="utf-8")
    dependencies = "".join(
        f'<dependency org="io.delta" name="{artifact.name}" rev="{artifact.version}" transitive="false"/>'
        for artifact in _ARTIFACTS
    )
    module.write_text(_IVY_MODULE.format(dependencies=dependencies), encoding="utf-8")
    command = [
        *(str(java_home() / "bin" / "java"), "-cp", str(Path(spark.origin).parent / "jars" / "*")),
        f"-Dsun.net.client.defaultConnectTimeout={_MILLISECONDS_OF_SILENCE}",
        f"-Dsun.net.client.defaultReadTimeout={_MILLISECONDS_OF_SILENCE}",
        *("org.apache.ivy.Main", "-settings", str(settings), "-ivy", str(module)),
        *("-retrieve", f"{folder}/[artifact]-[revision].[ext]"),
    ]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise DeltaJarsError(f"{repository} gave no answer within {_SECONDS} seconds.") from None
    missing = [artifact.file for artifact in _ARTIFACTS if not (folder / artifact.file).is_file()]
    if missing:
        said = [line.strip(": \t") for line in (run.stdout + run.stderr).splitlines() if "ERROR" in line]
        raise DeltaJarsError(". ".join([f"{repository} did not give {' and '.join(missing)}", *said[:1]]))


def _check(file: Path, artifact: _Artifact) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != artifact.sha256:
        raise DeltaJarsError(f"{artifact.file} has SHA-256 {found}, not {artifact.sha256}: it was not kept.")


if __name__ == "__main__":
    try:
        bring_delta_jars(repository=os.environ.get("MAVEN_REPOSITORY") or MAVEN_CENTRAL)
    except (DeltaJarsError, JavaNotFoundError) as error:
        sys.exit(f"Delta tables cannot be written on this machine: {error}")
