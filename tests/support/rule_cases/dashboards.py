"""Cases of the rules in `bundle.rules.dashboards`."""

import json

from support.rule_cases.case import Case, both, write

FILE = "infra/dashboards/shop.lvdash.json"
TABLES = write("infra/dashboards/tables.toml", '[orders]\nfolder = "orders"\nformat = "table"\ncolumns = "id BIGINT"\n')
ORDERS = {
    "datasets": [{"name": "orders", "displayName": "Orders", "queryLines": ["SELECT id FROM orders"]}],
    "pages": [
        {
            "name": "orders",
            "displayName": "Orders",
            "pageType": "PAGE_TYPE_CANVAS",
            "layout": [
                {
                    "widget": {
                        "name": "count",
                        "queries": [
                            {
                                "name": "main_query",
                                "query": {
                                    "datasetName": "orders",
                                    "fields": [{"name": "count(id)", "expression": "COUNT(`id`)"}],
                                    "disaggregated": False,
                                },
                            }
                        ],
                        "spec": {
                            "version": 2,
                            "widgetType": "counter",
                            "encodings": {"value": {"fieldName": "count(id)", "displayName": "Orders"}},
                            "frame": {"showTitle": True, "title": "Orders"},
                        },
                    },
                    "position": {"x": 0, "y": 0, "width": 2, "height": 2},
                }
            ],
        }
    ],
}
GOOD = json.dumps(ORDERS)

CASES = (
    Case(
        "dashboard-right",
        both(TABLES, write(FILE, GOOD.replace("FROM orders", "FROM ordres"))),
        FILE,
        "datasets.orders",
        "names none of the tables",
        both(TABLES, write(FILE, GOOD)),
    ),
    Case("dashboard-right", both(TABLES, write(FILE, GOOD[:-1])), FILE, "$", "cannot be read"),
    Case("dashboard-right", write(FILE, GOOD), "infra/dashboards/tables.toml", "$", "cannot be read"),
)
