"""Databricks notebooks in source format: finding them, and taking them apart into cells."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from bundle.errors import NotebookNotFoundError, SourceEncodingError

HEADER = "# Databricks notebook source"
_CELL_SEPARATOR = "# COMMAND ----------"
_TITLE = "# DBTITLE "
_MAGIC = "# MAGIC"
_RUN_PATH = re.compile(r"""(?P<quote>["'])(?P<quoted>.+?)(?P=quote)|(?P<bare>\S+)""")


# Notebooks in other languages, and Jupyter's, as Git folders keep them.
OTHER_SUFFIXES = (".sql", ".scala", ".r", ".R", ".ipynb")

# IPython's and Databricks' own commands that change nothing that a notebook computes; what is beside them is Python.
_SETTINGS = frozenset({"matplotlib", "load_ext", "reload_ext", "autoreload", "config"})
_ENVIRONMENT = "environment"  # what a serverless notebook wants installed, as YAML or JSON
_ALIASES = {"py": "python", "markdown": "md"}


class Language(StrEnum):
    """What a cell is written in: its magic command, Python without one; OTHER is a command that we do not know."""

    OTHER = "other"
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
    """One cell: its language, its text without the magic, and the file's line (from 1) where that text starts.

    A cell of an unknown command has its text with the command.
    """

    language: Language
    source: str
    line: int
    title: str | None = None


def is_notebook(path: Path) -> bool:
    """Say whether a file is a notebook in source format: Databricks goes by the first line.

    Raises:
        SourceEncodingError: it is a Python file, and not UTF-8.
    """
    return path.suffix == ".py" and has_header(read_source(path))


def has_header(text: str) -> bool:
    """Say whether a Python file's text is that of a notebook."""
    return text.split("\n", 1)[0].rstrip() == HEADER


def read_source(path: Path) -> str:
    """Return a Python file's text, with line feeds only. A byte order mark, which some editors write, is no part of it.

    Raises:
        SourceEncodingError: it is not UTF-8.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"is not UTF-8 (byte {content[error.start]:#04x}). Save the file as UTF-8."
        raise SourceEncodingError(path, line, problem) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_notebook(notebook_path: str, root: Path, suffixes: Sequence[str] = (".py",)) -> Path:
    """Return the source file under `root` for a workspace path such as `/Shared/app/notebooks/load`.

    A bundle does not say where in the workspace it will live, so the longest tail of the path that is a file wins.

    Raises:
        NotebookNotFoundError: no tail of the path is a notebook under `root`.
    """
    parts = PurePosixPath(notebook_path.strip("/")).parts
    if ".." not in parts:
        for start in range(len(parts)):
            for suffix in suffixes:
                candidate = root.joinpath(*parts[start:-1], f"{parts[-1]}{suffix}")
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


def included_path(source: str) -> str:
    """Return the path that a `%run` names: its first word, or what stands in quotes; empty when it names none.

    Arguments may follow: `%run ./setup $day="monday"`.
    """
    found = _RUN_PATH.match(source.strip())
    return (found["quoted"] or found["bare"] or "") if found else ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a null in it, is no file's
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
    while text and not text[0].strip():
        text, first = text[1:], first + 1
    return _read_magic(text, first, title) if text else None


def _read_magic(text: list[str], first: int, title: str | None) -> Cell | None:
    word, _, rest = text[0].removeprefix("%").partition(" ")
    word = word.strip()
    if word == _ENVIRONMENT:
        return None
    if word in _SETTINGS:
        source = "\n".join("" if line.startswith("%") else line for line in text).rstrip()
        return Cell(Language.PYTHON, source, first, title) if source else None
    try:
        language = Language(_ALIASES.get(word, word).removesuffix("-sandbox"))
    except ValueError:
        language = Language.OTHER
    lines = text if language is Language.OTHER else [rest, *text[1:]]
    return Cell(language, "\n".join(lines).strip("\n"), first, title)
