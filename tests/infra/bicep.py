"""What the Bicep compiler would refuse or warn about, as far as it can be known without it: one line a finding.

The syntax comes from tree-sitter-bicep. Types of properties are not checked here: the compiler does that in CI.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_MODULES = Path(__file__).resolve().parents[2] / "infra" / "modules"
# The width of `bicep format`.
_WIDTH = 120
_PARSER = Parser(Language(tree_sitter_bicep.language()))

# Functions of the namespaces sys and az that this bundle uses.
# Source: the page "Bicep functions" on learn.microsoft.com.
FUNCTIONS = frozenset(
    {
        *("any", "bool", "concat", "dateTimeToEpoch", "deployer", "empty", "environment", "first", "guid", "items"),
        *("join", "json", "last", "length", "loadJsonContent", "loadTextContent", "readEnvironmentVariable"),
        *("replace", "resourceGroup", "skip", "split", "string", "subscription", "subscriptionResourceId", "take"),
        *("tenant", "union", "uniqueString"),
    }
)
DECORATORS = frozenset({"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"})
# The linter's rule no-hardcoded-env-urls: hosts that differ from cloud to cloud come from environment().
CLOUD_HOSTS = re.compile(
    r"(core\.windows\.net|database\.windows\.net|vault\.azure\.net|azuredatabricks\.net|management\.azure\.com|"
    r"portal\.azure\.com|login\.microsoftonline\.com)"
)
_DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}


@dataclass(frozen=True)
class Declaration:
    """A param, var, resource, module or output: its name, its node, and the decorators before it."""

    kind: str
    name: str
    node: Node
    decorators: frozenset[str] = frozenset()

    @property
    def line(self) -> int:
        return self.node.start_point[0] + 1

    @property
    def is_required(self) -> bool:
        """A parameter without a default."""
        return not any(child.type == "=" for child in self.node.children)

    @property
    def is_existing(self) -> bool:
        return any(child.type == "existing" for child in self.node.children)

    @property
    def type_or_path(self) -> str:
        """A resource's `Type@version`, a module's file."""
        return literal(next(child for child in self.node.named_children if child.type == "string")) or ""

    @property
    def body(self) -> Node:
        """The object of a resource or module, also within a condition or a loop."""
        return next(node for node in walk(self.node) if node.type == "object")


@dataclass(frozen=True)
class BicepFile:
    """A parsed file with its declarations by name."""

    path: Path
    root: Node
    declarations: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Declaration] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Declaration]:
        return [declaration for declaration in self.declarations.values() if declaration.kind == kind]


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, in the order of the text."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def literal(node: Node | None) -> str | None:
    """Return a string's text, or None for anything that is not a string without interpolation."""
    if node is None or node.type != "string" or any(child.type == "interpolation" for child in node.children):
        return None
    return "".join(text(child) for child in node.named_children)


def properties(node: Node) -> dict[str, Node]:
    """Return an object's own properties: name to value."""
    found = {}
    for child in node.named_children:
        parts = [part for part in child.children if part.type != "comment"]
        if child.type == "object_property" and len(parts) > 1:
            found[literal(parts[0]) or text(parts[0])] = parts[-1]
    return found


@cache
def read(path: Path) -> BicepFile:
    """Parse a .bicep file."""
    return parse(path.read_text(encoding="utf-8"), path)


def declared_columns(resource: str) -> dict[str, str]:
    """Return the columns that a resource of infra/modules/logs.bicep declares: name to Kusto type, in their order."""
    node = read(_MODULES / "logs.bicep").declarations[resource].node
    found = [properties(child) for child in walk(node) if child.type == "object"]
    pairs = [
        (literal(column["name"]), literal(column["type"])) for column in found if column.keys() == {"name", "type"}
    ]
    return {name: kind.lower() for name, kind in pairs if name and kind}


def parse(source: str, path: Path) -> BicepFile:
    root = _PARSER.parse(source.encode()).root_node
    file = BicepFile(path, root)
    decorators: frozenset[str] = frozenset()
    for node in walk(root):
        if node.type == "decorators":
            calls = [child for child in walk(node) if child.type == "call_expression"]
            decorators = frozenset(text(call.child_by_field_name("function") or call) for call in calls)
        elif node.type in _DECLARATIONS:
            name = text(next(child for child in node.named_children if child.type == "identifier"))
            declaration = Declaration(_DECLARATIONS[node.type], name, node, decorators)
            (file.outputs if declaration.kind == "output" else file.declarations)[name] = declaration
            decorators = frozenset()
    return file


def parameter_values(path: Path) -> tuple[Path, dict[str, Node]]:
    """Return what a .bicepparam file is for (`using`), and its values.

    The grammar knows neither `using` nor `param a = 1`: the one is cut out, the other read as `var`.
    """
    source = path.read_text(encoding="utf-8")
    using = re.search(r"^using '([^']+)'$", source, re.MULTILINE)
    assert using, f"{path}: no line with using '...'"
    as_bicep = re.sub(r"^param ", "var ", source.replace(using[0], ""), flags=re.MULTILINE)
    file = parse(as_bicep, path)
    assert not list(_syntax_errors(file)), f"{path}: does not parse"
    return (path.parent / using[1]).resolve(), {
        name: declaration.node.named_children[-1] for name, declaration in file.declarations.items()
    }


def findings(file: BicepFile, api_versions: dict[str, list[str]]) -> list[str]:
    """Return one line for everything in a file that would not compile, or compile with a warning."""
    checks = [
        _syntax_errors(file),
        _undeclared_symbols(file),
        _unused_symbols(file),
        _unknown_functions(file),
        _api_versions(file, api_versions),
        _relations(file),
        _modules(file),
        _module_outputs(file),
        _loaded_files(file),
        _cloud_hosts(file),
        _secrets(file),
        _late_conditions(file),
        _long_calls(file),
    ]
    return [f"{file.path.name}:{line}: {message}" for check in checks for line, message in check]


Findings = Iterator[tuple[int, str]]


def _syntax_errors(file: BicepFile) -> Findings:
    for node in walk(file.root):
        if node.type == "ERROR" or node.is_missing:
            yield node.start_point[0] + 1, f"syntax error at {text(node)[:40]!r}"


def references(file: BicepFile) -> Iterator[Node]:
    """Yield every identifier that stands for a symbol: not a declared name, a property's name or a function."""
    for node in walk(file.root):
        if node.type != "identifier" or node.parent is None:
            continue
        parent = node.parent
        if parent.type in _DECLARATIONS and node == next(c for c in parent.named_children if c.type == "identifier"):
            continue
        if parent.type == "object_property" and node == parent.children[0] and len(parent.children) > 1:
            continue
        if parent.type == "call_expression" and node == parent.child_by_field_name("function"):
            continue
        if parent.type == "resource_expression" and node == parent.child_by_field_name("resource"):
            continue
        yield node


def _loop_variables(file: BicepFile) -> set[str]:
    names = set()
    for node in walk(file.root):
        if node.type in ("loop_variable", "loop_enumerator"):
            names.add(text(node))
        initializer = node.child_by_field_name("initializer") if node.type == "for_statement" else None
        if initializer is not None:
            names.add(text(initializer))
    return names


def _undeclared_symbols(file: BicepFile) -> Findings:
    known = file.declarations.keys() | _loop_variables(file)
    for node in references(file):
        if text(node) not in known:
            yield node.start_point[0] + 1, f"{text(node)}: no such param, var, resource or module"


def _unused_symbols(file: BicepFile) -> Findings:
    used = {text(node) for node in references(file)}
    used |= {
        text(resource)
        for node in walk(file.root)
        if node.type == "resource_expression" and (resource := node.child_by_field_name("resource"))
    }
    for declaration in file.declarations.values():
        needs_use = declaration.kind in ("param", "var") or (declaration.kind == "resource" and declaration.is_existing)
        if needs_use and declaration.name not in used:
            yield declaration.line, f"{declaration.kind} {declaration.name}: never used"


def _unknown_functions(file: BicepFile) -> Findings:
    for node in walk(file.root):
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        if function is None or function.type != "identifier":
            continue
        is_decorator = node.parent is not None and node.parent.type == "decorator"
        if text(function) not in (DECORATORS if is_decorator else FUNCTIONS):
            yield node.start_point[0] + 1, f"{text(function)}(): no such function"


def resource_types(file: BicepFile) -> Iterator[tuple[Declaration, str, str]]:
    """Yield (resource, type, version); a nested resource takes the outer one's type before its own, and its version."""
    for resource in file.of_kind("resource"):
        segments, node = [resource.type_or_path], resource.node.parent
        while "@" not in segments[0] and node is not None:
            if node.type == "resource_declaration":
                outer = literal(next(child for child in node.named_children if child.type == "string")) or ""
                segments.insert(0, outer)
            node = node.parent
        first, _, version = segments[0].partition("@")
        yield resource, "/".join([first, *segments[1:]]), version


def _api_versions(file: BicepFile, api_versions: dict[str, list[str]]) -> Findings:
    for resource, resource_type, version in resource_types(file):
        if resource_type not in api_versions:
            yield resource.line, f"{resource_type}: not in api_versions.json; add it with its versions and their source"
        elif version not in api_versions[resource_type]:
            yield (
                resource.line,
                f"{resource_type}@{version}: no such API version; there are {api_versions[resource_type]}",
            )


def _relations(file: BicepFile) -> Findings:
    symbols = {d.name for d in file.declarations.values() if d.kind in ("resource", "module")}
    for declaration in [*file.of_kind("resource"), *file.of_kind("module")]:
        body = properties(declaration.body)
        targets = [body[key] for key in ("parent", "scope") if key in body and body[key].type == "identifier"]
        if "dependsOn" in body:
            targets += [node for node in body["dependsOn"].named_children if node.type != "comment"]
        for target in targets:
            if text(target) not in symbols:
                yield target.start_point[0] + 1, f"{text(target)}: parent, scope and dependsOn name resources"


def _modules(file: BicepFile) -> Findings:
    for module in file.of_kind("module"):
        path = (file.path.parent / module.type_or_path).resolve()
        if not path.is_file():
            yield module.line, f"{module.type_or_path}: no such module"
            continue
        declared = {parameter.name: parameter for parameter in read(path).of_kind("param")}
        given = properties(properties(module.body)["params"])
        for name in given.keys() - declared.keys():
            yield module.line, f"module {module.name}: has no parameter {name}"
        for name in [p.name for p in declared.values() if p.is_required and p.name not in given]:
            yield module.line, f"module {module.name}: required parameter {name} is not given"
        for name in given.keys() & declared.keys():
            source = file.declarations.get(text(given[name]))
            if source and "secure" in source.decorators and "secure" not in declared[name].decorators:
                yield module.line, f"module {module.name}: {name} is given a secret and is not @secure()"


def _module_outputs(file: BicepFile) -> Findings:
    pattern = re.compile(r"\b(\w+)[!?]?\.\??outputs\.(\w+)")
    for match in pattern.finditer(text(file.root)):
        module = file.declarations.get(match[1])
        if module is None or module.kind != "module":
            continue
        path = (file.path.parent / module.type_or_path).resolve()
        if path.is_file() and match[2] not in read(path).outputs:
            yield module.line, f"module {module.name}: has no output {match[2]}"


def _loaded_files(file: BicepFile) -> Findings:
    for node in walk(file.root):
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        if function is not None and text(function) in ("loadTextContent", "loadJsonContent"):
            path = literal((node.child_by_field_name("arguments") or node).named_children[0])
            if path is None or not (file.path.parent / path).is_file():
                yield node.start_point[0] + 1, f"{text(node)}: no such file"


def _cloud_hosts(file: BicepFile) -> Findings:
    for node in walk(file.root):
        if node.type == "string_content" and CLOUD_HOSTS.search(text(node)):
            yield node.start_point[0] + 1, f"{text(node)}: differs from cloud to cloud, take it from environment()"


def _secrets(file: BicepFile) -> Findings:
    secrets = {p.name for p in file.of_kind("param") if "secure" in p.decorators}
    for parameter in file.of_kind("param"):
        if re.search(r"(password|secret|apikey|webhookurl)$", parameter.name.lower()) and parameter.name not in secrets:
            yield parameter.line, f"param {parameter.name}: looks like a secret and is not @secure()"
    for output in file.outputs.values():
        used = {text(node) for node in walk(output.node) if node.type == "identifier"}
        if used & secrets or re.search(r"\.list\w*\(", text(output.node)):
            yield output.line, f"output {output.name}: shows a secret"


def _late_conditions(file: BicepFile) -> Findings:
    """What-if and snapshots show nothing of a resource whose condition or count is known only while it is deployed."""
    late = {parameter.name for parameter in file.of_kind("param") if parameter.name in _late_parameters(file.path)}
    for variable in file.of_kind("var"):
        if late & _identifiers(variable.node):
            late.add(variable.name)
    for declaration in [*file.of_kind("resource"), *file.of_kind("module")]:
        for node in walk(declaration.node):
            if node.type == "object" and node.parent is not None and node.parent.type == "object_property":
                continue
            if node.type == "if_statement":
                decides = node.named_children[0]
            elif node.type == "for_statement" and node.parent == declaration.node:
                decides = node.named_children[1]
            else:
                continue
            used = text(decides)
            if late & _identifiers(decides) or re.search(r"\.(outputs|properties|identity)\b|deployer\(", used):
                yield (
                    decides.start_point[0] + 1,
                    f"{used}: is known only during the deployment: what-if shows none of it",
                )


def _identifiers(node: Node) -> set[str]:
    return {text(child) for child in walk(node) if child.type == "identifier"}


@cache
def _late_parameters(path: Path) -> frozenset[str]:
    """The parameters of a module that main.bicep gives what only a deployment knows: an output of another module."""
    if path.parent != _MODULES or not path.is_file():
        return frozenset()
    main = read(_MODULES.parent / "main.bicep")
    return frozenset(
        name
        for module in main.of_kind("module")
        if (_MODULES.parent / module.type_or_path).resolve() == path
        for name, value in properties(properties(module.body)["params"]).items()
        if re.search(r"\.outputs\.|deployer\(", text(value))
    )


def _long_calls(file: BicepFile) -> Findings:
    """The compiler's formatter breaks a call of several arguments, an array or a ternary that is wider than 120."""
    for node in walk(file.root):
        wide = node.start_point[0] == node.end_point[0] and node.end_point[1] > _WIDTH
        parts = node.named_children
        if wide and node.type in ("arguments", "array", "object", "ternary_expression") and len(parts) > 1:
            yield node.start_point[0] + 1, f"{text(node)[:40]}...: wider than {_WIDTH}, the formatter breaks it"
