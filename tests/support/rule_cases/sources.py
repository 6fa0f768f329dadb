"""Cases of the rules in `bundle.rules.sources`."""

from support.rule_cases.case import Case, both, write

SOURCE = """\
[source]
type = "sql"
url = "jdbc:sqlserver://shop:1433;databaseName=shop"
user = { secret = "sql-user" }
password = { secret = "sql-password" }

[[tables]]
name = "dbo.Orders"
"""
RUNBOOK = "# Runbook\n\n## Secrets\n\n| secret | by |\n| --- | --- |\n| `sql-password`, `sql-user` | us |\n\n## Costs\n"
SHOP = "notebooks/sources/shop.toml"

READER = write("ingestion/feeds/__init__.py", "")

CASES = (
    Case(
        "source-right",
        both(READER, write(SHOP, SOURCE + 'formt = "delta"\n')),
        SHOP,
        "line 9: [[tables]] 'dbo.Orders': formt",
        "Did you mean 'format'?",
        both(READER, write(SHOP, SOURCE)),
    ),
    Case(
        "source-right",
        both(READER, write(SHOP, SOURCE.replace('{ secret = "sql-password" }', '"hunter2"'))),
        SHOP,
        "line 5: [source]: password",
        "secret in plain text",
    ),
    Case(
        "source-secret-listed",
        both(READER, write(SHOP, SOURCE), write("infra/README.md", RUNBOOK.replace("`sql-user`", "`sa`"))),
        SHOP,
        "line 4: user.secret",
        "'sql-user' is not in the runbook's list",
        both(READER, write(SHOP, SOURCE), write("infra/README.md", RUNBOOK)),
    ),
)
