"""`dbutils` as a notebook sees it: widgets, notebook, fs and secrets, with Databricks' names and behaviour.

Source: https://learn.microsoft.com/azure/databricks/dev-tools/databricks-utils.
"""

import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from local_factory.cluster.redaction import PREFIX, secret_variable, secrets_of


class NotebookExit(Exception):  # noqa: N818 - as on Databricks it is no error, though `except Exception` catches it
    """Ends a notebook with a value."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class InputWidgetNotDefined(Exception):  # noqa: N818 - Databricks' name
    """A notebook asks for a widget that nobody declared or gave."""


class Widgets:
    """`dbutils.widgets`: a value that the run gives wins over the default that the notebook declares."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._declared: dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:  # noqa: N803
        """Declare a text widget."""
        self._declared[name] = str(defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Declare a widget that takes one of the choices."""
        if defaultValue not in choices:
            raise ValueError(f"widget {name!r}: the default {defaultValue!r} is not among the choices")
        self._declared[name] = defaultValue

    combobox = multiselect = dropdown

    def get(self, name: str) -> str:
        """Return a widget's value as text.

        Raises:
            InputWidgetNotDefined: no such widget.
        """
        if name in self._given:
            return self._given[name]
        if name in self._declared:
            return self._declared[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, optional: str = "") -> str:  # noqa: N802 - Databricks' name
        """Return a widget's value, or the given text when there is no such widget."""
        return self._given.get(name, self._declared.get(name, optional))

    def getAll(self) -> dict[str, str]:  # noqa: N802 - Databricks' name
        """Return every widget's value by name."""
        return {**self._declared, **self._given}

    def remove(self, name: str) -> None:
        """Take a widget away."""
        self._declared.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802 - Databricks' name
        """Take all widgets away."""
        self._declared.clear()


class Notebook:
    """`dbutils.notebook`: ends this notebook, or runs another one."""

    def __init__(self, run: Callable[[str, int, Mapping[str, str]], str]) -> None:
        self._run = run

    def exit(self, value: Any) -> NoReturn:
        """End this notebook with a value; like on Databricks, by raising."""
        raise NotebookExit(str(value))

    def run(self, path: str, timeout_seconds: int = 0, arguments: Mapping[str, str] | None = None) -> str:
        """Run another notebook in a process of its own and return its exit value; 0 seconds means no timeout."""
        return self._run(path, timeout_seconds, arguments or {})


class SecretMetadata(NamedTuple):
    """An entry of `dbutils.secrets.list`."""

    key: str


class SecretScope(NamedTuple):
    """An entry of `dbutils.secrets.listScopes`."""

    name: str


class Secrets:
    """`dbutils.secrets`: on this machine a secret is the environment variable `SECRET_<SCOPE>_<KEY>`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._secrets = secrets_of(environment)

    def get(self, scope: str, key: str) -> str:
        """Return a secret.

        Raises:
            ValueError: there is no such secret; says which variable would hold it.
        """
        variable = secret_variable(scope, key)
        if variable not in self._secrets:
            raise ValueError(
                f"Secret does not exist with scope: {scope} and key: {key}. "
                f"On this machine it is the environment variable {variable}."
            )
        return self._secrets[variable]

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802 - Databricks' name
        """Return a secret as bytes."""
        return self.get(scope, key).encode()

    def list(self, scope: str) -> list[SecretMetadata]:
        """Return the keys of a scope."""
        prefix = secret_variable(scope, "")
        keys = [name.removeprefix(prefix) for name in self._secrets if name.startswith(prefix)]
        return [SecretMetadata(key.lower().replace("_", "-")) for key in sorted(keys)]

    def listScopes(self) -> Sequence[SecretScope]:  # noqa: N802 - Databricks' name
        """Return the scopes: the first word of each secret's variable, as scope and key run together in its name."""
        scopes = {name.removeprefix(PREFIX).partition("_")[0] for name in self._secrets}
        return [SecretScope(scope.lower()) for scope in sorted(scopes)]


class Credentials:
    """`dbutils.credentials`: Unity Catalog's service credentials, of which this machine has none."""

    def getServiceCredentialsProvider(self, credentialName: str) -> NoReturn:  # noqa: N802, N803 - Databricks' names
        """Return a service credential.

        Raises:
            ValueError: always; says what to do.
        """
        raise ValueError(f"there is no Unity Catalog on this machine to give {credentialName!r}: unset CREDENTIAL")


class FileInfo(NamedTuple):
    """An entry of `dbutils.fs.ls`: times in milliseconds since 1970, sizes in bytes."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815 - Databricks' name


class FileSystem:
    """`dbutils.fs` over Hadoop's FileSystem, so that local paths and whatever else Spark reads both work."""

    def __init__(self, spark: Any) -> None:
        self._jvm = spark.sparkContext._jvm
        self._configuration = spark.sparkContext._jsc.hadoopConfiguration()

    def ls(self, directory: str) -> list[FileInfo]:
        """Return what lies in a folder."""
        path, files = self._open(directory)
        return sorted(_file_info(status) for status in files.listStatus(path))

    def mkdirs(self, directory: str) -> bool:
        """Make a folder and those above it."""
        path, files = self._open(directory)
        return bool(files.mkdirs(path))

    def rm(self, path: str, recurse: bool = False) -> bool:
        """Delete a file, or a folder with all that is in it when `recurse` says so."""
        target, files = self._open(path)
        return bool(files.delete(target, recurse))

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        """Copy a file or a folder."""
        return self._copy(source, target, delete_source=False)

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        """Move a file or a folder."""
        return self._copy(source, target, delete_source=True)

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text into a file."""
        path, files = self._open(file)
        stream = files.create(path, overwrite)
        try:
            stream.write(contents.encode())
        finally:
            stream.close()
        return True

    def head(self, file: str, maxBytes: int = 65536) -> str:  # noqa: N803 - Databricks' name
        """Return the first bytes of a file as text."""
        path, files = self._open(file)
        stream = files.open(path)
        try:
            content = bytes(stream.readNBytes(maxBytes))
        finally:
            stream.close()
        return content.decode(errors="replace")

    def _open(self, location: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(location.removeprefix("dbfs:"))
        return path, path.getFileSystem(self._configuration)

    def _copy(self, source: str, target: str, *, delete_source: bool) -> bool:
        source_path, source_files = self._open(source)
        target_path, target_files = self._open(target)
        copy = self._jvm.org.apache.hadoop.fs.FileUtil.copy
        overwrite = True
        ends = (source_files, source_path, target_files, target_path)
        return bool(copy(*ends, delete_source, overwrite, self._configuration))


@dataclass
class DBUtils:
    """`dbutils`."""

    widgets: Widgets
    notebook: Notebook
    secrets: Secrets
    fs: FileSystem
    credentials: Credentials


def make_dbutils(
    spark: Any,
    parameters: Mapping[str, str],
    run_notebook: Callable[[str, int, Mapping[str, str]], str],
    environment: MutableMapping[str, str] = os.environ,
) -> DBUtils:
    """Return the `dbutils` of one notebook run."""
    return DBUtils(Widgets(parameters), Notebook(run_notebook), Secrets(environment), FileSystem(spark), Credentials())


def _file_info(status: Any) -> FileInfo:
    path, modified = status.getPath(), int(status.getModificationTime())
    if status.isDirectory():
        return FileInfo(f"{path.toString()}/", f"{path.getName()}/", 0, modified)
    return FileInfo(path.toString(), path.getName(), int(status.getLen()), modified)
