"""The process of one notebook run: it attaches to the cluster's JVM and runs a notebook's cells as Databricks does.

Started by `kernels.py` as a program that reads two lines of JSON: where the JVM is (`Gateway`), as soon as it is there,
and what to run (`KernelRequest`), which may be long after. What the notebook prints goes to standard output; what came
of every cell goes to the request's result file, as JSON, after each cell.
"""

import ast
import html
import json
import linecache
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType
from typing import IO, TYPE_CHECKING, Any

from bundle.errors import BundleError
from bundle.notebooks import Cell, Language, find_notebook, included_path, read_cells, read_source
from local_factory.cluster import connect
from local_factory.cluster.dbutils import NotebookExit, make_dbutils
from local_factory.cluster.jvm import Gateway
from local_factory.cluster.spark import attach, hadoop, name_jobs
from local_factory.proxies import without_proxy

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_MOST_ROWS_SHOWN = 1000
# Statements of a %sql cell end at semicolons, which may also stand in literals and comments.
_SQL_PIECES = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|/\*.*?\*/|;|.""", re.DOTALL)


class UnsupportedCellError(Exception):
    """A cell is in a language that does not run on this machine."""


@dataclass(frozen=True)
class KernelRequest:
    """What to run: the notebook's file, the folder of all notebooks, the widgets' values, where results go.

    `environment` are the variables that only this run may know, beside those that its process started with;
    `arguments` the command line of a Python file that is no notebook.
    """

    notebook: str
    notebooks: str
    parameters: Mapping[str, str]
    run_id: str
    result: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    arguments: Sequence[str] | None = None


@dataclass
class Table:
    """A DataFrame as shown: texts, and whether there were more rows than these."""

    columns: list[str]
    rows: list[list[str]]
    more: bool


@dataclass
class CellOutcome:
    """What came of one cell: `outputs` are texts and tables in their order; `error` is the traceback."""

    language: str
    source: str
    line: int
    title: str | None
    outputs: list[str | Table] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0


@dataclass
class NotebookOutcome:
    """What came of a notebook: `exit_value` is None without an exit call; `error` is the failure in one line."""

    status: str = "InProgress"
    exit_value: str | None = None
    error: str | None = None
    cells: list[CellOutcome] = field(default_factory=list)


class Kernel:
    """Runs one notebook's cells, in order, in one namespace."""

    def __init__(self, request: KernelRequest, gateway: Gateway, spark: "SparkSession") -> None:
        self._request = request
        self._gateway = gateway
        self._file = Path(request.notebook)
        self._outcome = NotebookOutcome()
        self._cell: CellOutcome | None = None
        self._spark = spark
        self._namespace: dict[str, Any] = {
            "__name__": "__main__",
            "__file__": str(self._file),
            "spark": self._spark,
            "dbutils": make_dbutils(partial(hadoop, gateway), request.parameters, self._run_other),
            "display": self._display,
            "displayHTML": self._display_html,
        }
        if gateway.connect_port:
            connect.send_modules(spark, self._file.parent)
        else:
            name_jobs(spark, request.run_id, self._file.stem)
            spark.sparkContext.environment["PYTHONPATH"] = str(self._file.parent)
            self._namespace["sc"] = spark.sparkContext

    def run(self) -> NotebookOutcome:
        """Run the notebook to its end, its exit call or its first error."""
        try:
            for cell in read_cells(read_source(self._file)):
                self._run_cell(cell)
        except NotebookExit as end:
            self._outcome.exit_value = end.value
            self._outcome.status = "Succeeded"
        except SystemExit as end:
            if self._request.arguments is not None and end.code in (None, 0):  # a program's own good end
                self._outcome.status = "Succeeded"
            else:
                self._outcome.error = _one_line(end)
                self._outcome.status = "Failed"
        except BaseException as error:  # noqa: BLE001 - a notebook's failure of any kind, SystemExit too, is a result
            self._outcome.error = _one_line(error)
            self._outcome.status = "Failed"
        else:
            self._outcome.status = "Succeeded"
        self._write_outcome()
        return self._outcome

    def _run_cell(self, cell: Cell) -> None:
        outcome = CellOutcome(cell.language, cell.source, cell.line, cell.title)
        self._outcome.cells.append(outcome)
        self._cell = outcome
        started = time.monotonic()
        try:
            with _captured(outcome):
                self._execute(cell, self._file)
        except NotebookExit:
            raise
        except BaseException as error:
            outcome.error = _traceback(error)
            print(outcome.error, file=sys.stderr)
            raise
        finally:
            outcome.seconds = time.monotonic() - started
            self._write_outcome()

    def _execute(self, cell: Cell, file: Path) -> None:
        match cell.language:
            case Language.PYTHON:
                self._execute_python(cell, file)
            case Language.MARKDOWN:
                pass
            case Language.SQL:
                self._execute_sql(cell.source)
            case Language.RUN:
                self._include(included_path(cell.source), file)
            case Language.PIP:
                print(f"Noted, not run on this machine: %pip {cell.source.strip()}")
            case Language.OTHER:
                command = cell.source.split()[0]
                raise UnsupportedCellError(f"{file}:{cell.line}: {command} cells do not run on this machine.")
            case _:
                raise UnsupportedCellError(f"{file}:{cell.line}: %{cell.language} cells do not run on this machine.")

    def _execute_python(self, cell: Cell, file: Path) -> None:
        statements, expression = _compile(cell, file)
        exec(statements, self._namespace)  # noqa: S102 - running the notebook is what this program is for
        if expression:
            value = eval(expression, self._namespace)  # noqa: S307 - the same
            if value is not None:
                print(repr(value))

    def _execute_sql(self, source: str) -> None:
        result = None
        for statement in _sql_statements(source):
            result = self._spark.sql(statement)
        if result is not None:
            self._namespace["_sqldf"] = result
            if result.columns:
                self._display(result)

    def _include(self, reference: str, file: Path) -> None:
        target = self._find(reference, file)
        for cell in read_cells(read_source(target)):
            self._execute(cell, target)

    def _find(self, reference: str, file: Path) -> Path:
        beside = file.parent / f"{reference}.py"
        if not reference.startswith("/") and beside.is_file():
            return beside.resolve()
        return find_notebook(reference, Path(self._request.notebooks))

    def _run_other(self, path: str, timeout_seconds: int, arguments: Mapping[str, str]) -> str:
        result = Path(self._request.result)
        number = len(list(result.parent.glob(f"{result.stem}-run*.json"))) + 1
        request = KernelRequest(
            notebook=str(self._find(path, self._file)),
            notebooks=self._request.notebooks,
            parameters={name: str(value) for name, value in arguments.items()},
            run_id=self._request.run_id,
            result=str(result.with_name(f"{result.stem}-run{number}.json")),
        )
        run = subprocess.run(  # noqa: S603 - this very program
            kernel_command(),
            input=f"{json.dumps(asdict(self._gateway))}\n{json.dumps(asdict(request))}\n",
            text=True,
            timeout=timeout_seconds or None,
            env={**os.environ, **kernel_environment()},
            check=False,
        )
        outcome = read_outcome(Path(request.result))
        if outcome.status != "Succeeded":
            raise RuntimeError(f"Notebook {path} failed: {outcome.error or f'its process ended with {run.returncode}'}")
        return outcome.exit_value or ""

    def _display(self, value: Any = None, *_: Any, **__: Any) -> None:
        if hasattr(value, "sparkSession"):
            table = _as_table(value)
            if self._cell:
                self._cell.outputs.append(table)
            print(_as_text(table), file=sys.__stdout__)
        else:
            print(value if isinstance(value, str) else repr(value))

    def _display_html(self, text: str) -> None:
        print(html.unescape(re.sub(r"<[^>]*>", "", text)).strip())

    def _write_outcome(self) -> None:
        path = Path(self._request.result)
        aside = path.with_suffix(".tmp")
        aside.write_text(json.dumps(asdict(self._outcome)), encoding="utf-8")
        aside.replace(path)


def kernel_command() -> list[str]:
    """Return the command that starts this program."""
    return [sys.executable, "-m", "local_factory.cluster.kernel"]


def kernel_environment() -> dict[str, str]:
    """Return the variables by which the command finds this program, Spark's workers this Python, both this machine."""
    scripts = Path(__file__).resolve().parents[2]
    found = {"PYTHONPATH": str(scripts), "PYSPARK_PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    return found | without_proxy(os.environ)


def read_outcome(path: Path) -> NotebookOutcome:
    """Read what a kernel wrote; a notebook whose process ended before its first cell leaves an unfinished outcome."""
    if not path.is_file():
        return NotebookOutcome()
    document = json.loads(path.read_text(encoding="utf-8"))
    cells = [CellOutcome(**{**cell, "outputs": _read_outputs(cell["outputs"])}) for cell in document["cells"]]
    return NotebookOutcome(**{**document, "cells": cells})


def _read_outputs(documents: list[Any]) -> list[str | Table]:
    return [document if isinstance(document, str) else Table(**document) for document in documents]


class _Tee:
    """A stream that also keeps what is written to it on a cell's outcome."""

    def __init__(self, stream: IO[str], outcome: CellOutcome) -> None:
        self._stream = stream
        self._outcome = outcome

    def write(self, text: str) -> int:
        outputs = self._outcome.outputs
        if outputs and isinstance(outputs[-1], str):
            outputs[-1] += text
        else:
            outputs.append(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _captured(outcome: CellOutcome) -> Iterator[None]:
    with redirect_stdout(_Tee(sys.stdout, outcome)), redirect_stderr(_Tee(sys.stderr, outcome)):
        yield


def _compile(cell: Cell, file: Path) -> tuple[CodeType, CodeType | None]:
    """Return a cell's statements, and its last line when that is an expression, whose value a notebook shows.

    The code carries the notebook's file name and line numbers, so that tracebacks point into the file.
    """
    name = str(file)
    linecache.checkcache(name)
    tree = ast.parse(cell.source, filename=name)
    ast.increment_lineno(tree, cell.line - 1)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, name, "exec"), None
    expression = ast.fix_missing_locations(ast.Expression(last.value))
    statements = ast.Module(tree.body[:-1], tree.type_ignores)
    return compile(statements, name, "exec"), compile(expression, name, "eval")


def _sql_statements(source: str) -> Iterator[str]:
    statement = ""
    for piece in [*_SQL_PIECES.findall(source), ";"]:
        if piece != ";":
            statement += piece
            continue
        if statement.strip():
            yield statement.strip()
        statement = ""


def _as_table(frame: "DataFrame") -> Table:
    rows = frame.limit(_MOST_ROWS_SHOWN + 1).collect()
    shown = [["null" if value is None else str(value) for value in row] for row in rows[:_MOST_ROWS_SHOWN]]
    return Table(list(frame.columns), shown, len(rows) > _MOST_ROWS_SHOWN)


def _as_text(table: Table) -> str:
    lines = [table.columns, *table.rows[:20]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    return "\n".join(" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _traceback(error: BaseException) -> str:
    """Return a traceback that starts in the notebook: this program's own frames say nothing to its author."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()


def _become_the_notebook(folder: Path) -> None:
    """Make the process what a notebook finds on a cluster: its folder is where it is and what it imports from.

    None of our own packages can be imported any more, so that a notebook may bring one of the same name.
    """
    os.chdir(folder)
    scripts = str(Path(__file__).resolve().parents[2])
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in ("", scripts))]
    os.environ.pop("PYTHONPATH", None)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("bundle", "local_factory")]:
        del sys.modules[name]


def _read_line() -> dict[str, Any]:
    """Return the next line's JSON. Whoever started this program ends it by saying nothing more.

    Raises:
        SystemExit: there is no line.
    """
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return dict(json.loads(line))


def main() -> int:
    """Attach to the JVM and run the notebook that standard input names."""
    import pyspark.sql  # noqa: F401 - it takes a while, and so does the JVM's start

    gateway = Gateway(**_read_line())
    attached = None if gateway.connect_port else attach(gateway)
    request = KernelRequest(**_read_line())
    spark = attached or connect.open_session(gateway, request.run_id)
    os.environ.update(request.environment)
    _become_the_notebook(Path(request.notebook).parent)
    if request.arguments is not None:
        sys.argv = [request.notebook, *request.arguments]
    try:
        outcome = Kernel(request, gateway, spark).run()
    except (BundleError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if outcome.status == "Succeeded" else 1


if __name__ == "__main__":
    sys.exit(main())
