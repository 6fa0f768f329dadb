"""A Power BI project on disk, and what in it cannot be right: `problems` says each with its file.

Power BI Desktop finds these when it opens or refreshes a project; here they are found without it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.powerbi import dax, power_query, tmdl
from infra.powerbi.tmdl import Node

# Values with which a partition's SQL can be read; a test that runs it gives the lake's own.
PARAMETERS = {"LakeRoot": "/lake", "TableFormat": "parquet", "CalendarStart": "2024-01-01"}
# A column's type in M and in the model.
_TYPES = {
    "text": "string",
    "Int64.Type": "int64",
    "number": "double",
    "Currency.Type": "decimal",
    "logical": "boolean",
    "date": "dateTime",
    "datetime": "dateTime",
}
_WITH_LINEAGE = ("column", "expression", "measure", "table")
_M_WORDS = {
    "let",
    "in",
    "if",
    "then",
    "else",
    "each",
    "error",
    "try",
    "type",
    "as",
    "meta",
    "null",
    "not",
    "and",
    "or",
    "_",
}
_M_TYPES = {"table", "text", "true", "false", "date", "datetime", "logical", "number", "record", "list", "function"}
_PHONE_WIDTH = 324


@dataclass(frozen=True)
class Project:
    """A project: its semantic model and its report.

    Attributes:
        folder: where the `.pbip` stands.
        model: what the TMDL says.
        report: the report's folder `definition`.
    """

    folder: Path
    model: Node
    report: Path

    @classmethod
    def read(cls, folder: Path) -> "Project":
        """Read the one project of a folder, from its shortcut to the report and on to the model."""
        [shortcut] = folder.glob("*.pbip")
        [artifact] = json.loads(shortcut.read_text(encoding="utf-8"))["artifacts"]
        report = folder / artifact["report"]["path"]
        reference = json.loads((report / "definition.pbir").read_text(encoding="utf-8"))["datasetReference"]["byPath"]
        return cls(folder, tmdl.read_model(report / reference["path"] / "definition"), report / "definition")

    def tables(self) -> dict[str, Node]:
        """Return the tables by name."""
        return {table.name: table for table in self.model.all("table")}

    def columns(self) -> set[tuple[str, str]]:
        """Return the columns as (table, column)."""
        return {(table.name, column.name) for table in self.model.all("table") for column in table.all("column")}

    def measures(self) -> dict[str, Node]:
        """Return the measures by name."""
        return {measure.name: measure for table in self.model.all("table") for measure in table.all("measure")}

    def documents(self, pattern: str) -> Iterator[tuple[Path, Any]]:
        """Give the report's JSON documents whose path fits."""
        for path in sorted(self.report.glob(pattern)):
            yield path, json.loads(path.read_text(encoding="utf-8"))

    def name(self, path: Path) -> str:
        """Return a file's name from the project's folder."""
        return path.relative_to(self.folder).as_posix()


def problems(project: Project) -> list[str]:
    """Return what in a project cannot be right, a sentence each."""
    return [
        *_relationships(project),
        *_formulas(project),
        *_names(project),
        *_lineage(project),
        *_partitions(project),
        *_pages(project),
        *_visuals(project),
    ]


def _relationships(project: Project) -> Iterator[str]:
    types = {
        (table.name, column.name): column.properties.get("dataType")
        for table in project.model.all("table")
        for column in table.all("column")
    }
    joined = Counter[tuple[str, str]]()
    for relationship in project.model.all("relationship"):
        ends = [tmdl.split_reference(str(relationship.properties[end])) for end in ("fromColumn", "toColumn")]
        joined[ends[0][0], ends[1][0]] += 1
        for table, column in ends:
            if (table, column) not in types:
                yield f"{relationship.place}: relationship to {table}[{column}], a column that is not there"
        if len({types.get(end) for end in ends}) > 1:
            yield f"{relationship.place}: relationship between columns of the types {[types.get(end) for end in ends]}"
    for (many, one), times in joined.items():
        if times > 1:
            yield f"{many} and {one} are joined by {times} relationships"


def _formulas(project: Project) -> Iterator[str]:
    columns, measures, tables = project.columns(), project.measures(), project.tables()
    for measure in measures.values():
        try:
            formula = dax.parse(measure.value)
        except dax.DaxError as error:
            yield f"{measure.place}: {measure.name}: {error}"
            continue
        for node in dax.walk(formula):
            match node:
                case dax.Column(table, name) if (table, name) not in columns:
                    yield f"{measure.place}: {measure.name} uses {table}[{name}], a column that is not there"
                case dax.Measure(name) if name not in measures:
                    yield f"{measure.place}: {measure.name} uses [{name}], a measure that is not there"
                case dax.Table(name) if name not in tables and name != "MINUTE":
                    yield f"{measure.place}: {measure.name} uses {name}, a table that is not there"
    for circle in _circles(measures):
        yield f"measures use one another in a circle: {', '.join(circle)}"


def _circles(measures: Mapping[str, Node]) -> Iterator[list[str]]:
    used = {}
    for name, measure in measures.items():
        try:
            used[name] = {node.name for node in dax.walk(dax.parse(measure.value)) if isinstance(node, dax.Measure)}
        except dax.DaxError:
            continue
    while free := [name for name, others in used.items() if not others & used.keys()]:
        for name in free:
            del used[name]
    if used:
        yield sorted(used)


def _names(project: Project) -> Iterator[str]:
    """Names are the same whatever the case of their letters."""
    everywhere = Counter(name.casefold() for name in project.measures())
    for table in project.model.all("table"):
        within = Counter(node.name.casefold() for node in (*table.all("column"), *table.all("measure")))
        for node in (*table.all("column"), *table.all("measure")):
            if within[node.name.casefold()] > 1:
                yield f"{node.place}: {table.name} has two columns or measures of the name {node.name}"
            if node.kind == "column" and node.name.casefold() in everywhere and not within[node.name.casefold()] > 1:
                yield f"{node.place}: column {node.name} has the name of a measure"
            if not node.description:
                yield f"{node.place}: {node.kind} {node.name} has no description"
            if sort := node.properties.get("sortByColumn"):
                yield from _sorted_by(table, node, str(sort))
        for measure in table.all("measure"):
            if "displayFolder" not in measure.properties:
                yield f"{measure.place}: measure {measure.name} stands in no folder"


def _sorted_by(table: Node, column: Node, other: str) -> Iterator[str]:
    if other.strip("'") not in {node.name for node in table.all("column")}:
        yield f"{column.place}: {column.name} is sorted by {other}, a column that is not there"


def _lineage(project: Project) -> Iterator[str]:
    tags = Counter[str]()
    for node in tmdl.walk(project.model):
        if node.kind not in _WITH_LINEAGE:
            continue
        tag = node.properties.get("lineageTag")
        if not tag:
            yield f"{node.place}: {node.kind} {node.name} has no lineage tag"
            continue
        tags[str(tag)] += 1
        if tags[str(tag)] == 2:
            yield f"{node.place}: {node.kind} {node.name} has a lineage tag that another has: {tag}"


def _partitions(project: Project) -> Iterator[str]:
    known = {node.name for node in project.model.all("expression")}
    for expression in project.model.all("expression"):
        yield from _unknown_words(expression, expression.value, known)
    for table in project.model.all("table"):
        if len(table.all("partition")) != 1:
            yield f"{table.place}: {table.name} has {len(table.all('partition'))} partitions"
        for partition in table.all("partition"):
            yield from _partition(table, partition, str(partition.properties["source"]), known)


def _partition(table: Node, partition: Node, source: str, known: set[str]) -> Iterator[str]:
    yield from _unknown_words(partition, source, known)
    try:
        queries = power_query.lake_queries(source, PARAMETERS)
    except power_query.PowerQueryError as error:
        yield f"{partition.place}: {error}"
        return
    for query in queries:
        for column in table.all("column"):
            name = str(column.properties["sourceColumn"]).strip("'")
            kind = query.columns.get(name)
            if kind is None:
                yield f"{column.place}: {column.name} is {name} of the lake, which the partition does not ask for"
            elif _TYPES.get(kind) != column.properties["dataType"]:
                yield f"{column.place}: {column.name} is {column.properties['dataType']}, the partition gives {kind}"


def _unknown_words(node: Node, m: str, known: set[str]) -> Iterator[str]:
    """What stands before `=` is made there; what stands in `[...]` is a field."""
    made = {match.removeprefix("#").strip('"') for match in power_query.made(m)}
    for word in sorted(power_query.names(m) - made - known - _M_WORDS - _M_TYPES):
        yield f"{node.place}: {node.name} uses {word}, a query or parameter that is not there"


def _pages(project: Project) -> Iterator[str]:
    [(path, pages)] = project.documents("pages/pages.json")
    there = {page["name"] for _, page in project.documents("pages/*/page.json")}
    if set(pages["pageOrder"]) != there or len(pages["pageOrder"]) != len(there):
        yield f"{project.name(path)}: lists the pages {pages['pageOrder']}, there are {sorted(there)}"
    if pages["activePageName"] not in there:
        yield f"{project.name(path)}: opens {pages['activePageName']}, a page that is not there"
    for pattern in ("pages/*/page.json", "pages/*/visuals/*/visual.json"):
        for path, document in project.documents(pattern):
            if document["name"] != path.parent.name:
                yield f"{project.name(path)}: is named {document['name']}"
    [(path, report)] = project.documents("report.json")
    resources = project.report.parent / "StaticResources"
    for package in report["resourcePackages"]:
        for item in package["items"]:
            if not (resources / package["name"] / item["path"]).is_file():
                yield f"{project.name(path)}: uses {item['path']}, a file that is not there"


def _visuals(project: Project) -> Iterator[str]:
    for path, page in project.documents("pages/*/page.json"):
        places: list[tuple[str, Mapping[str, float]]] = []
        on_phone: list[tuple[str, Mapping[str, float]]] = []
        for file in sorted(path.parent.glob("visuals/*/visual.json")):
            visual = json.loads(file.read_text(encoding="utf-8"))
            yield from _fields(project, file, visual)
            places.append((project.name(file), visual["position"]))
            phone = file.with_name("mobile.json")
            if phone.is_file():
                on_phone.append((project.name(phone), json.loads(phone.read_text(encoding="utf-8"))["position"]))
            else:
                yield f"{project.name(file)}: is not on the phone"
        yield from _laid_out(places, page["width"], page["height"])
        yield from _laid_out(on_phone, _PHONE_WIDTH, float("inf"))


def _laid_out(places: list[tuple[str, Mapping[str, float]]], width: float, height: float) -> Iterator[str]:
    for number, (name, place) in enumerate(places):
        if place["x"] + place["width"] > width or place["y"] + place["height"] > height:
            yield f"{name}: reaches beyond the page"
        for other, there in places[:number]:
            if all(
                place[start] < there[start] + there[size] and there[start] < place[start] + place[size]
                for start, size in (("x", "width"), ("y", "height"))
            ):
                yield f"{name}: lies over {other}"


def _fields(project: Project, file: Path, visual: Any) -> Iterator[str]:
    columns, measures = project.columns(), project.measures()
    tables = {
        measure: table.name for table in project.model.all("table") for measure in map(_name, table.all("measure"))
    }
    found = list(_named_fields(visual, {}))
    if not found:
        yield f"{project.name(file)}: shows no field"
    for kind, table, name in found:
        there = (table, name) in columns if kind == "Column" else name in measures and tables[name] == table
        if not there:
            yield f"{project.name(file)}: shows {table}[{name}], a {kind.lower()} that is not there"
    for projection in _projections(visual):
        [(kind, said)] = projection["field"].items()
        if projection["queryRef"] != f"{said['Expression']['SourceRef']['Entity']}.{said['Property']}":
            yield f"{project.name(file)}: the {kind.lower()} {said['Property']} is called {projection['queryRef']}"


def _name(node: Node) -> str:
    return node.name


def _projections(visual: Any) -> Iterator[Any]:
    for role in visual["visual"]["query"]["queryState"].values():
        yield from role["projections"]


def _named_fields(value: Any, sources: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Give each field as (`Column` or `Measure`, table, name); a filter names its tables by letters."""
    if isinstance(value, list):
        for item in value:
            yield from _named_fields(item, sources)
    elif isinstance(value, dict):
        if "From" in value:
            sources = {source["Name"]: source["Entity"] for source in value["From"]}
        for key, inner in value.items():
            if key in ("Column", "Measure") and "Property" in inner:
                reference = inner["Expression"]["SourceRef"]
                yield (
                    key,
                    reference.get("Entity") or sources.get(reference["Source"], reference["Source"]),
                    inner["Property"],
                )
            else:
                yield from _named_fields(inner, sources)
