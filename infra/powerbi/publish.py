"""Publishes the Power BI project into a workspace, by Microsoft's fabric-cicd: `publish.py WORKSPACE_ID`.

It signs in as `az login` did, and takes the model's parameters from environment variables (`parameter.yml`):
SQL_WAREHOUSE_HOSTNAME, SQL_WAREHOUSE_HTTP_PATH and LAKE_ROOT have to be set; TABLE_FORMAT, CATALOG and SCHEMA are as
the project has them unless they are. It takes `pip install fabric-cicd==1.4.0`.
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
REQUIRED = ("SQL_WAREHOUSE_HOSTNAME", "SQL_WAREHOUSE_HTTP_PATH", "LAKE_ROOT")
DEFAULTS = {"TABLE_FORMAT": "parquet", "CATALOG": "samples", "SCHEMA": ""}


def main(arguments: list[str]) -> int:
    """Publish; return the exit status."""
    if len(arguments) != 1:
        print("usage: publish.py WORKSPACE_ID", file=sys.stderr)
        return 2
    for name, value in DEFAULTS.items():
        os.environ[name] = os.environ.get(name) or value
    problems = [f"{name}: is not set" for name in REQUIRED if not os.environ.get(name)]
    problems += [
        f"{name}: has a quotation mark, which no such value has"
        for name in (*REQUIRED, *DEFAULTS)
        if '"' in os.environ.get(name, "")
    ]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 2
    try:
        import fabric_cicd
        from azure.identity import AzureCliCredential
    except ImportError as error:
        print(f"{error}: pip install fabric-cicd==1.4.0", file=sys.stderr)
        return 2
    fabric_cicd.append_feature_flag("enable_environment_variable_replacement")
    workspace = fabric_cicd.FabricWorkspace(
        workspace_id=arguments[0],
        repository_directory=str(FOLDER),
        item_type_in_scope=["SemanticModel", "Report"],
        token_credential=AzureCliCredential(),
    )
    fabric_cicd.publish_all_items(workspace)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
