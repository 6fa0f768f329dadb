"""A workspace's files and folders in a folder of this machine, where notebooks can run from: `/a/load` is `a/load.py`.

A `.py` file that begins with Databricks' header is a notebook, as in a workspace; an export always has that header.
"""

from collections.abc import Iterator, MutableMapping, MutableSet
from pathlib import Path

from bundle.notebooks import HEADER
from local_factory.server.atomic_files import TEMPORARY, write_atomically
from local_factory.server.workspace import FILE, NOTEBOOK, Entry, WorkspaceRefusal

_HEADER = f"{HEADER}\n".encode()


class WorkspaceFiles(MutableMapping[str, Entry]):
    """The notebooks and files, as (type, content) by their path in the workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __getitem__(self, path: str) -> Entry:
        for kind, file in ((NOTEBOOK, self._file(f"{path}.py")), (FILE, self._file(path))):
            if file.is_file() and _is_notebook(file) == (kind == NOTEBOOK):
                return kind, file.read_bytes()
        raise KeyError(path)

    def __setitem__(self, path: str, entry: Entry) -> None:
        kind, content = entry
        file = self._file(f"{path}.py" if kind == NOTEBOOK else path)
        if kind == NOTEBOOK and not content.startswith(HEADER.encode()):
            content = _HEADER + content
        if file.is_file() and _is_notebook(file) != (kind == NOTEBOOK):
            raise WorkspaceRefusal(400, "RESOURCE_ALREADY_EXISTS", f"{path}: its notebook or file is there already.")
        try:
            write_atomically(file, content)
        except OSError as error:
            raise WorkspaceRefusal(400, "INVALID_PARAMETER_VALUE", f"{path}: cannot be kept: {error}") from error

    def __delitem__(self, path: str) -> None:
        kind, _ = self[path]
        self._file(f"{path}.py" if kind == NOTEBOOK else path).unlink()

    def __iter__(self) -> Iterator[str]:
        for file in sorted(self._root.rglob("*")):
            if file.is_file() and not file.name.startswith(TEMPORARY):
                path = f"/{file.relative_to(self._root).as_posix()}"
                yield path.removesuffix(".py") if _is_notebook(file) else path

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, path: str) -> Path:
        return self._root / path.lstrip("/")


class WorkspaceFolders(MutableSet[str]):
    """The folders, by their path in the workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root
        (root / "Shared").mkdir(parents=True, exist_ok=True)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and (self._root / path.lstrip("/")).is_dir()

    def __iter__(self) -> Iterator[str]:
        yield "/"
        for folder in sorted(self._root.rglob("*")):
            if folder.is_dir():
                yield f"/{folder.relative_to(self._root).as_posix()}"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, path: str) -> None:
        """Make a folder."""
        (self._root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def discard(self, path: str) -> None:
        """Remove an empty folder."""
        if path in self:
            (self._root / path.lstrip("/")).rmdir()


def _is_notebook(file: Path) -> bool:
    if file.suffix != ".py":
        return False
    with file.open("rb") as stream:
        return stream.readline().rstrip() == HEADER.encode()
