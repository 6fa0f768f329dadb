"""Databricks notebooks in source format: finding them, and taking them apart into cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from bundle.errors import NotebookNotFoundError, NotebookSourceError

HEADER = "# Databricks notebook source"
_CELL_SEPARATOR = "# COMMAND ----------"
_TITLE = "# DBTITLE "
_MAGIC = "# MAGIC"


class Language(StrEnum):
    """What a cell is written in: its magic command, Python without one."""

    PYTHON = "python"
    MARKDOWN = "md"
    SQL = "sql"
    RUN = "run"
    PIP = "pip"
    SHELL = "sh"
    FILESYSTEM = "fs"
    SCALA = "scala"
    R = "r"


@dataclass(frozen=True)
class Cell:
    """One cell: its language, its text without the magic, and the file's line (from 1) where that text starts."""

    language: Language
    source: str
    line: int
    title: str | None = None


def is_notebook(path: Path) -> bool:
    """Say whether a file is a notebook in source format: Databricks goes by the first line."""
    if path.suffix != ".py":
        return False
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip() == HEADER


def find_notebook(notebook_path: str, root: Path) -> Path:
    """Return the source file under `root` for a workspace path such as `/Shared/app/notebooks/load`.

    A bundle does not say where in the workspace it will live, so the longest tail of the path that is a file wins.

    Raises:
        NotebookNotFoundError: no tail of the path is a notebook under `root`.
    """
    parts = PurePosixPath(notebook_path.strip("/")).parts
    if ".." not in parts:
        for start in range(len(parts)):
            candidate = root.joinpath(*parts[start:]).with_name(f"{parts[-1]}.py")
            if _is_file(candidate):
                return candidate
    raise NotebookNotFoundError(f"{notebook_path}: no such notebook under {root}.")


def find_python_file(address: str, root: Path) -> Path:
    """Return the file under `root` that the address of a Python file in DBFS, a volume or a workspace ends like.

    Raises:
        NotebookNotFoundError: there is none.
    """
    parts = PurePosixPath(address.partition(":")[2] or address).parts
    if ".." not in parts:
        for start in range(1 if parts[:1] == ("/",) else 0, len(parts)):
            candidate = root.joinpath(*parts[start:])
            if candidate.suffix == ".py" and _is_file(candidate):
                return candidate
    raise NotebookNotFoundError(f"{address}: no such Python file under {root}.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system is no file's
        return False


def read_cells(text: str) -> Iterator[Cell]:
    """Take a notebook's source text apart into its cells, in order; empty ones are left out.

    Source: Databricks' "source" export format: a header line, cells parted by `# COMMAND ----------`,
    titles as `# DBTITLE 1,...`, and cells in another language as comments that start with `# MAGIC`.
    """
    lines = text.splitlines()
    start = 1 if lines and lines[0].rstrip() == HEADER else 0
    cell: list[str] = []
    first = start + 1
    for number, line in enumerate([*lines[start:], _CELL_SEPARATOR], start + 1):
        if line.rstrip() != _CELL_SEPARATOR:
            cell.append(line)
            continue
        parsed = _read_cell(cell, first)
        if parsed:
            yield parsed
        cell, first = [], number + 1


def _read_cell(lines: list[str], first: int) -> Cell | None:
    title = None
    while lines and (not lines[0].strip() or lines[0].startswith(_TITLE)):
        if lines[0].startswith(_TITLE):
            title = lines[0].removeprefix(_TITLE).partition(",")[2].strip()
        lines, first = lines[1:], first + 1
    if not lines:
        return None
    if not lines[0].startswith(_MAGIC):
        return Cell(Language.PYTHON, "\n".join(lines).rstrip(), first, title)
    text = [line.removeprefix(_MAGIC).removeprefix(" ") for line in lines]
    word, _, rest = text[0].removeprefix("%").partition(" ")
    try:
        language = Language(word.removesuffix("-sandbox"))
    except ValueError:
        raise NotebookSourceError(f"line {first}: unknown magic command %{word}.") from None
    return Cell(language, "\n".join([rest, *text[1:]]).strip("\n"), first, title)
