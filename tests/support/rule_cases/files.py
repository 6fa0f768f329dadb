"""Cases of the rules in `bundle.rules.files`."""

from support.rule_cases.case import LOAD, TABLE, Case, both, swap, write

CASES = (
    Case("well-formed", write(TABLE, '{"name": "DS_Table",}'), TABLE, "$", "not well-formed JSON"),
    Case("well-formed", lambda s: s.file(TABLE).write_bytes(b'{"name": "\xff"}'), TABLE, "$", "not UTF-8"),
    Case("well-formed", swap(LOAD, '"concurrency": 4', '"concurrency": NaN'), LOAD, "$", "NaN is no JSON number"),
    Case("well-formed", write(LOAD, "[" * 100_000), LOAD, "$", "nested too deeply"),
    Case(
        "repeated-key",
        swap(LOAD, '"concurrency": 4', '"concurrency": 4, "concurrency": 5'),
        LOAD,
        "$.properties.concurrency",
        "twice",
        swap(LOAD, '"concurrency": 4', '"concurrency": 5'),
    ),
    Case("object-shape", write(TABLE, '{"name": "DS_Table"}'), TABLE, "$", "a factory object is"),
    Case("object-shape", write(TABLE, "[]"), TABLE, "$", "a factory object is"),
    Case("object-shape", swap(TABLE, '"name": "DS_Table"', '"name": null'), TABLE, "$.name", "this name is None"),
    Case(
        "file-name",
        swap(TABLE, '"name": "DS_Table"', '"name": "ds_table"'),
        TABLE,
        "$.name",
        "is 'ds_table', the file is 'DS_Table.json'",
    ),
    Case(
        "known-kind",
        write("pipelines/PL_Lost", "{}"),
        "pipelines/PL_Lost",
        "$",
        "pipelines/ is no kind of factory object; is pipeline/ meant?",
        both(write("build/package", "{}"), write("adfcdc/Orders", "{}"), write(".vscode/settings", "{}")),
    ),
)
