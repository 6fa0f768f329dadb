"""What the source of a notebook, or of a module beside it, says to those who run it: its widgets and its exit values.

Nothing is executed. Values are followed through the source as far as literals go: through names, `for` loops over
literals, `str(...)` and the like, both sides of a condition, and the `return`s of functions, also of functions and
constants imported from the bundle's own modules. A name means all that is assigned to it anywhere in its file, so what
is found is what *may* happen; a value that is computed (a count, an answer) is not found.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bundle.errors import SourceEncodingError
from bundle.notebooks import Cell, Language, has_header, included_path, read_cells, read_source

# Calls that hand on their first argument as it is, for what we ask: which literal may come out.
_TRANSPARENT_CALLS = frozenset({"str", "repr", "int", "dumps", "strip"})

_WIDGET_DECLARATIONS = frozenset({"text", "dropdown", "combobox", "multiselect"})
_WIDGET_READS = frozenset({"get", "getArgument"})


@dataclass(frozen=True)
class Names:
    """Names found in a source with the line (from 1) of the first mention, and whether some could not be told."""

    lines: Mapping[str, int]
    complete: bool = True


@dataclass(frozen=True)
class NotebookSource:
    """One Python file of the notebooks' folder.

    Attributes:
        path: the file.
        is_notebook: whether it is a notebook in source format, not a plain module.
        text: the file's text.
        errors: line and reason of what could not be read.
        tree: its Python code, with the file's line numbers.
        module_name: its dotted name, as imports have it.
        modules: every source of the folder by such a name.
        runs: by line, what it includes with `%run`.
    """

    path: Path
    is_notebook: bool
    text: str
    errors: tuple[tuple[int, str], ...]
    tree: ast.Module = field(repr=False, compare=False)
    module_name: str
    modules: Mapping[str, "NotebookSource"] = field(repr=False, compare=False)
    runs: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def declared_widgets(self) -> Names:
        """The widgets it declares: `dbutils.widgets.text("name", ...)`, dropdown, combobox, multiselect."""
        return self._widget_names(_WIDGET_DECLARATIONS)

    @cached_property
    def read_widgets(self) -> Names:
        """The widgets it reads: `dbutils.widgets.get("name")`."""
        return self._widget_names(_WIDGET_READS)

    @cached_property
    def failure_values(self) -> tuple[str, ...]:
        """The negative numbers that `dbutils.notebook.exit` may be given: `("-1",)`."""
        exits = (call for call in self._calls if _dotted(call.func) == "dbutils.notebook.exit")
        found = {value for call in exits if call.args for value in self._values(call.args[0], set())}
        return tuple(sorted(value for value in found if is_negative_number(value)))

    @cached_property
    def _calls(self) -> tuple[ast.Call, ...]:
        return tuple(node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    @cached_property
    def _assigned(self) -> Mapping[str, list[ast.expr]]:
        """Every expression that a name of this file may stand for."""
        assigned: dict[str, list[ast.expr]] = defaultdict(list)
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        _bind(target, value, assigned)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value)
                ):
                    _bind(target, value, assigned)
                case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
                    for element in _elements(iterable):
                        _bind(target, element, assigned)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    assigned[name] += _returned(node)
        return assigned

    @cached_property
    def _imported(self) -> Mapping[str, tuple[str, str | None]]:
        """By local name: the module and the name within (None: the module itself)."""
        imported: dict[str, tuple[str, str | None]] = {}
        package = self.module_name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                imported |= {alias.asname or alias.name: (alias.name, None) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = ".".join(package.split(".")[: package.count(".") + 2 - node.level]) if node.level else ""
                module = ".".join(part for part in (base, node.module) if part)
                imported |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
        return imported

    def _widget_names(self, methods: frozenset[str]) -> Names:
        lines: dict[str, int] = {}
        complete = not self.errors
        for call in self._calls:
            module, _, method = _dotted(call.func).rpartition(".")
            if module != "dbutils.widgets" or method not in methods:
                continue
            argument = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "name"), None)
            names = self._values(argument, set()) if argument else set()
            complete &= bool(names)
            for name in sorted(names):
                lines.setdefault(name, call.lineno)
        return Names(lines, complete)

    def _values(self, node: ast.expr, seen: set[tuple[str, str]]) -> set[str]:
        """Return the literals an expression may give, numbers as text; nothing for what is computed."""
        match node:
            case ast.Name(id=name):
                return self._named(name, seen)
            case ast.Starred(value=ast.Name(id=name)):
                return self._named(name, seen, elements=True)
            case ast.Attribute(value=owner, attr=attribute):
                return self._attribute(owner, attribute, seen)
        literal = _literal(node)
        if literal is not None:
            return {literal}
        return {value for part in _alternatives(node) for value in self._values(part, seen)}

    def _named(self, name: str, seen: set[tuple[str, str]], *, elements: bool = False) -> set[str]:
        """Return the literals that a name of this file may stand for, or with `elements` those in its lists."""
        if (self.module_name, name) in seen:
            return set()
        seen.add((self.module_name, name))
        nodes = self._assigned.get(name, [])
        if elements:
            nodes = [element for node in nodes for element in _elements(node)]
        found = {value for node in nodes for value in self._values(node, seen)}
        module, original = self._imported.get(name, ("", None))
        if original and module in self.modules:
            found |= self.modules[module]._named(original, seen, elements=elements)
        return found

    def _attribute(self, owner: ast.expr, attribute: str, seen: set[tuple[str, str]]) -> set[str]:
        """`module.NAME`, `Class.NAME` and `Enum.NAME.value`: looked up in the file that the first name comes from."""
        if attribute == "value":
            return self._values(owner, seen)
        module, original = self._imported.get(_dotted(owner), ("", None))
        for name in (f"{module}.{original}", module):
            if name in self.modules:
                return self.modules[name]._named(attribute, seen)
        return self._named(attribute, seen) if isinstance(owner, ast.Name) else set()


def read_notebooks(root: Path) -> dict[Path, NotebookSource]:
    """Read every Python file under the notebooks' folder, by path; none when there is no such folder."""
    modules: dict[str, NotebookSource] = {}
    sources: dict[Path, NotebookSource] = {}
    for path in sorted(root.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        sources[path] = modules[name] = _read_source(path, name, modules)
    return sources


def is_negative_number(value: str) -> bool:
    """Say whether a text is a negative number, as a notebook's failure value is: `-1`, `-2.0`."""
    try:
        return float(value) < 0
    except ValueError:
        return False


def _read_source(path: Path, name: str, modules: Mapping[str, NotebookSource]) -> NotebookSource:
    errors: list[tuple[int, str]] = []
    text = ""
    cells: list[Cell] = []
    is_notebook = False
    try:
        text = read_source(path)
        is_notebook = has_header(text)
        cells = list(read_cells(text)) if is_notebook else [Cell(Language.PYTHON, text, 1)]
    except OSError as error:
        errors.append((1, f"cannot be read: {error}"))
    except SourceEncodingError as error:
        errors.append((error.line, error.problem))
    body: list[ast.stmt] = []
    for cell in cells:
        if cell.language is Language.PYTHON:
            try:
                body += _parse(cell)
            except (SyntaxError, ValueError, RecursionError) as error:
                line = (getattr(error, "lineno", None) or 1) + cell.line - 1
                errors.append((line, getattr(error, "msg", None) or str(error)))
    runs = {
        cell.line: included_path(cell.source)
        for cell in cells
        if cell.language is Language.RUN and included_path(cell.source)
    }
    return NotebookSource(path, is_notebook, text, tuple(errors), ast.Module(body, []), name, modules, runs)


def _parse(cell: Cell) -> list[ast.stmt]:
    """Parse one cell, with the file's line numbers. Notebooks may `await` at top level."""
    tree = compile(cell.source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    ast.increment_lineno(tree, cell.line - 1)
    return list(tree.body)


def _dotted(node: ast.expr) -> str:
    """Return `a.b.c` for such a chain of names, else an empty text."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=attribute):
            prefix = _dotted(owner)
            return f"{prefix}.{attribute}" if prefix else ""
    return ""


def _literal(node: ast.expr) -> str | None:
    """Return a text or number that stands in the source, as text."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=str() | int() | float() as value):
            return str(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return str(-value)
    return None


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the parts of an expression of which one comes out as its value."""
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values) | ast.JoinedStr(values=[_] as values):
            return values
        case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.FormattedValue(value=value):
            return [value]
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=[]) if method in _TRANSPARENT_CALLS:
            return [owner]
        case ast.Call(func=function, args=arguments):
            name = function.attr if isinstance(function, ast.Attribute) else _dotted(function)
            return arguments[:1] if name in _TRANSPARENT_CALLS else [function]
    return []


def _bind(target: ast.expr, value: ast.expr, assigned: dict[str, list[ast.expr]]) -> None:
    match target, value:
        case ast.Name(id=name), _:
            assigned[name].append(value)
        case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), (ast.Tuple(elts=values) | ast.List(elts=values))):
            for inner_target, inner_value in zip(targets, values, strict=False):
                _bind(inner_target, inner_value, assigned)


def _elements(iterable: ast.expr) -> Iterator[ast.expr]:
    """Yield what a loop over a literal gives one by one."""
    match iterable:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            yield from elements
        case ast.Dict(keys=keys):
            yield from (key for key in keys if key)
        case ast.Call(func=ast.Attribute(value=ast.Dict(keys=keys, values=values), attr="items")):
            for key, value in zip(keys, values, strict=True):
                if key:
                    yield ast.Tuple([key, value], ast.Load())
        case ast.Name():
            yield ast.Starred(iterable, ast.Load())


def _returned(function: ast.AST) -> Iterator[ast.expr]:
    return (node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value)
