"""Spark's Java process: started at once, asked for its address when it is needed, ended with all it holds.

It is the process that PySpark's own launcher would start, without the shell scripts and the Java program that work out
its command. Starting Spark is mostly the loading of some 15,000 classes and the compiling of code that runs once, so

- classes are mapped from an archive that `make` writes once (class data sharing), where there is one for this Java;
- the JVM keeps to its fast compiler. The optimising one pays off after minutes, and takes the cores from the run.

Rows are short-lived garbage: the parallel collector lands a million of them in 0.8 of the seconds that G1 takes.
"""

import os
import pwd
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, TimeoutExpired
from threading import Thread
from typing import Any

from local_factory.cluster.delta import delta_jars
from local_factory.errors import LocalFactoryError
from local_factory.java import java_home

_MAIN = "org.apache.spark.api.python.PythonGatewayServer"
# The packages of Java that Spark 4.0 reaches into: org.apache.spark.launcher.JavaModuleOptions of that version.
_OPENED = (
    *(f"java.base/java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util")),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.ref"),
    *("java.base/sun.nio.ch", "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar"),
    "java.security.jgss/sun.security.krb5",
)
_OPTIONS = (
    "-Xmx2g",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseParallelGC",
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Duser.timezone=UTC",
)
_CLASS_ARCHIVE = Path(sys.prefix) / "spark.jsa"  # which the Makefile has a run write
_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_TO_END = 180  # on a busy machine; it may have its classes to write down


class JvmError(LocalFactoryError):
    """Spark's Java process cannot be started, or ended before it could be used."""


@dataclass(frozen=True)
class Gateway:
    """Where the JVM listens for Python, and the word that it lets in; where for Spark Connect's clients, if it does."""

    port: int
    secret: str = field(repr=False)
    connect_port: int | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Return PySpark's own variables, by which it attaches to this JVM instead of starting one."""
        return {"PYSPARK_GATEWAY_PORT": str(self.port), "PYSPARK_GATEWAY_SECRET": self.secret}


class Jvm:
    """A Java process that listens some time after its start."""

    def __init__(self, process: Popen[bytes], address: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._address = address
        self._log: Thread | None = None

    def gateway(self) -> Gateway:
        """Wait until the process listens, and return where.

        Raises:
            JvmError: it ended before.
        """
        while not self._address.is_file():
            if self._process.poll() is not None:
                status = self._process.returncode
                raise JvmError(
                    f"Spark's Java process ended with status {status}; spark.log in the work folder says why."
                )
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        document = self._address.read_bytes()
        port, length = struct.unpack_from(">ii", document)
        return Gateway(port, document[8 : 8 + length].decode())

    def log_to(self, file: Path, redact: Callable[[str], str]) -> None:
        """Add to a file what the process prints and has printed, without secrets."""
        self._log = Thread(target=self._copy_output, args=(file, redact), name="spark-log", daemon=True)
        self._log.start()

    def end(self) -> None:
        """End the process: it is told to, unless it is not so far that it would hear it."""
        if not self._address.is_file():
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=_SECONDS_TO_END)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._log:
            self._log.join()

    def _copy_output(self, file: Path, redact: Callable[[str], str]) -> None:
        with file.open("a", encoding="utf-8") as log:
            for line in self._process.stdout or ():
                log.write(redact(line.decode(errors="replace")))
                log.flush()


@contextmanager
def start_jvm(jars: Sequence[Path] = (), options: Sequence[str] = ()) -> Iterator[Jvm]:
    """Start the Java process and return without waiting for it; at the end it is gone.

    Args:
        jars: JDBC drivers to put on the class path, beside Delta where this machine has it.
        options: further options of the JVM.

    Raises:
        JavaNotFoundError: there is no Java that Spark runs on.
        JvmError: there is no Spark, or the user has no name, without which it does not start.
    """
    home = _spark_home()
    _check_user()
    # Spark's own jars first: the archive of classes is for every class path that begins with them.
    class_path = os.pathsep.join([str(home / "jars" / "*"), *(str(jar.resolve()) for jar in [*delta_jars(), *jars])])
    archive = [f"-XX:SharedArchiveFile={_CLASS_ARCHIVE}"] if _CLASS_ARCHIVE.is_file() else []
    java = str(java_home() / "bin" / "java")
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        address = Path(folder) / "address"
        process = Popen(  # noqa: S603 - the Java that was found
            [java, *_OPTIONS, *archive, *options, "-cp", class_path, _MAIN],
            stdin=PIPE,  # when this process dies, however it does, its end closes and the JVM ends too
            stdout=PIPE,
            stderr=STDOUT,
            env={
                **os.environ,
                "SPARK_HOME": str(home),
                "PYSPARK_PYTHON": sys.executable,  # which clients of Spark Connect do not tell
                "SPARK_LOCAL_IP": "127.0.0.1",  # else Spark asks for the machine's name, which may not resolve
                "_PYSPARK_DRIVER_CONN_INFO_PATH": str(address),
            },
            process_group=0,  # Ctrl-C is for us: we end the JVM
        )
        jvm = Jvm(process, address)
        try:
            yield jvm
        finally:
            jvm.end()


def _check_user() -> None:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        uid, gid = os.getuid(), os.getgid()
        raise JvmError(
            f"The user with the number {uid} has no name here, and Spark does not start without one. Add it: "
            f"echo 'me:x:{uid}:{gid}::/tmp:/bin/sh' >> /etc/passwd (as root), or run as a user that has a name."
        ) from None


@contextmanager
def java_errors() -> Iterator[None]:
    """Raise what Java says, in its own words and one line, where Python's bridge to it would show a stack trace.

    Raises:
        JvmError: in place of an error of Java's, or of the bridge.
    """
    from py4j.protocol import Py4JError, Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        raise JvmError(f"Spark's Java process fails: {_root_cause(error.java_exception)}") from None
    except Py4JError as error:
        raise JvmError(f"Spark's Java process cannot be used: {' '.join(str(error).split())}") from None


def _root_cause(exception: Any) -> str:
    while exception.getCause() is not None:
        exception = exception.getCause()
    return " ".join(str(exception.toString()).split())


def _spark_home() -> Path:
    """Return the folder of PySpark, which holds Spark itself, without importing it: that takes as long as a JVM."""
    found = find_spec("pyspark")
    if not (found and found.origin):
        raise JvmError(f"pyspark is not installed for {sys.executable}; `make run` installs it into .venv.")
    return Path(found.origin).parent
