"""A right file of each type of source, and single mistakes in them.

A mistake is what is written in place of what, and what comes: its line, its key, and words of the message.
"""

Mistake = tuple[str, str, int, str, str]

SALES = """\
[source]
name = "sales"
type = "sql"
url = "${SQL_URL}"
user = { secret = "sales-user" }
password = { secret = "sales-password" }
max_connections = 4

[defaults]
tags = ["hourly"]
write_disposition = "merge"

[[tables]]
name = "dbo.Orders"
destination = "orders"
primary_key = ["OrderId"]
incremental = { method = "cursor", cursor_column = "ModifiedAt", lookback = "15 minutes" }
deletes = "hard"
delete_detection = "key_scan"
checks = [{ not_null = "OrderId" }, { matches = "Email", pattern = "..." }]
"""
TRACKER = """\
[source]
type = "rest"
url = "https://api.example.com/v2/"
auth = { type = "bearer", token = { secret = "tracker-token" } }
headers = { Accept = "application/json" }
rate_limit = { requests = 10, seconds = 1 }
max_connections = 4

[[endpoints]]
name = "issues"
path = "repos/{repo}/issues"
params = { state = "all", per_page = 100 }
for_each = { repo = ["a/b", "c/d"] }
data_selector = "items"
paginator = { type = "header_link" }
incremental = { method = "cursor", cursor_path = "updated_at", param = "since", lookback = "1 minute" }
primary_key = ["id"]
write_disposition = "merge"
"""
DROP = """\
[source]
type = "files"
url = "${LAKE_ROOT}/landing"

[[paths]]
name = "events"
pattern = "*.csv"
file_format = "csv"
options = { header = true }
"""

SQL_MISTAKES: list[Mistake] = [
    ('type = "sql"', 'type = "sqll"', 3, "type", "Did you mean 'sql'?"),
    ('type = "sql"', "", 1, "type", "is missing"),
    ("${SQL_URL}", "sqlserver://host", 4, "url", "no JDBC address"),
    ("${SQL_URL}", "jdbc:sqlserver://h;user=sa;password=hunter2", 4, "url", "secret in plain text"),
    ("${SQL_URL}", "jdbc:postgresql://h/d?user=sa&password=hunter2", 4, "url", "secret in plain text"),
    ("${SQL_URL}", "jdbc:mysql://sa:hunter2@h/d", 4, "url", "secret in plain text"),
    ("${SQL_URL}", "jdbc:oracle:thin:sa/hunter2@h:1521/d", 4, "url", "secret in plain text"),
    ('{ secret = "sales-user" }', '"hunter2"', 5, "user", "secret in plain text"),
    ('{ secret = "sales-password" }', '"hunter2"', 6, "password", "secret in plain text"),
    ('{ secret = "sales-password" }', '{ value = "hunter2" }', 6, "password.value", "no such key"),
    ('{ secret = "sales-password" }', '{ secret = "hunter2 !" }', 6, "password.secret", "no secret's name"),
    ('password = { secret = "sales-password" }', "", 1, "password", "is missing beside user"),
    ("max_connections = 4", 'credential = "c"', 7, "credential", "in place of user and password"),
    ("max_connections = 4", "max_connections = 0", 7, "max_connections", "the least is 1"),
    ("max_connections = 4", 'max_connections = "4"', 7, "max_connections", "write a whole number"),
    ("max_connections = 4", "max_conections = 4", 7, "max_conections", "Did you mean 'max_connections'?"),
    ('name = "sales"', 'name = "sa.les"', 2, "name", "no source's name"),
    ("[defaults]", "[default]", 9, "", "Did you mean 'defaults'?"),
    ("[[tables]]", "[[endpoints]]", 13, "endpoints", 'belongs to a source of type "rest"'),
    ("[[tables]]", "[tables]", 13, "", "write [[tables]]"),
    ('tags = ["hourly"]', 'tags = "hourly"', 10, "tags", "write a list"),
    ('tags = ["hourly"]', 'tags = ["a,b"]', 10, "tags[0]", "without commas"),
    ('tags = ["hourly"]', 'destination = "x"', 10, "destination", "each feed's own"),
    ('"merge"', '"upsert"', 11, "write_disposition", "Known are: replace, append, merge, scd2, replace_window"),
    ('"merge"', '"replace"', 11, "write_disposition", "leaves only what changed last"),
    ('"merge"', '"merge"\nformat = "parquet"', 12, "format", "can only be replaced whole"),
    ('name = "dbo.Orders"', "", 13, "name", "is missing"),
    ('destination = "orders"', 'destination = "../orders"', 15, "destination", "leaves the lake"),
    ('destination = "orders"', 'destination = "_orders"', 15, "destination", "begins with _"),
    ('destination = "orders"', 'destination = "/orders"', 15, "destination", "empty part"),
    ('destination = "orders"', 'destination = "a\\\\b"', 15, "destination", "in it"),
    ('destination = "orders"', 'destination = "quarantine/x"', 15, "destination", "lake's own folder"),
    ('destination = "orders"', 'destinations = "orders"', 15, "destinations", "Did you mean 'destination'?"),
    ('name = "dbo.Orders"', 'name = "dbo.*"', 15, "destination", "one folder for all"),
    ('destination = "orders"', 'exclude = ["dbo.X"]', 15, "exclude", "is one table"),
    ('["OrderId"]', '"OrderId"', 16, "primary_key", "write a list"),
    ('["OrderId"]', '["OrderId", "OrderId"]', 16, "primary_key", "twice"),
    ('method = "cursor"', 'method = "timestamp"', 17, "incremental.method", "Known are: full, cursor"),
    ('cursor_column = "ModifiedAt", ', "", 17, "incremental.cursor_column", "is missing"),
    ('method = "cursor"', 'method = "cdc"', 17, "incremental.cursor_column", "means nothing to cdc"),
    ('method = "cursor"', 'method = "rowversion"', 17, "incremental.lookback", "means nothing to rowversion"),
    ("15 minutes", "15 min", 17, "incremental.lookback", '"15 minutes"'),
    ("15 minutes", "-1 days", 17, "incremental.lookback", '"15 minutes"'),
    ("15 minutes", "99999999999 weeks", 17, "incremental.lookback", "longer than any calendar"),
    ('delete_detection = "key_scan"', "", 18, "deletes", "detected by nothing"),
    ('delete_detection = "key_scan"', "delete_limit = 2", 19, "delete_limit", "from 0 to 1"),
    ('{ not_null = "OrderId" }', '{ notnull = "OrderId" }', 20, "checks[0].notnull", "Did you mean 'not_null'?"),
    ('{ not_null = "OrderId" }', '{ in_range = "OrderId" }', 20, "checks[0]", "needs at_least or at_most"),
    (', pattern = "..."', "", 20, "checks[1]", "needs pattern"),
    (', pattern = "..."', ', pattern = "...", severty = "x"', 20, "checks[1].severty", "'severity'"),
    ("[source]", "[source", 1, "", "is not TOML"),
    ('type = "sql"', 'type = "sql"\ntype = "sql"', 4, "type", "keep one of the two"),
    ('["hourly"]', '["hourly"', 11, "", "a list above this line has no end"),
]

REST_MISTAKES: list[Mistake] = [
    ("https://api.example.com/v2/", "api.example.com", 3, "url", "no web address"),
    ("https://api.example.com/v2/", "http://api.example.com/v2", 3, "url", "plain http"),
    ("https://api.example.com/v2/", "https://me:hunter2@api.example.com", 3, "url", "secret in plain text"),
    ("https://api.example.com/v2/", "https://api.example.com?api_key=hunter2", 3, "url", "secret in plain text"),
    ('{ secret = "tracker-token" }', '"hunter2"', 4, "auth.token", "secret in plain text"),
    ('"bearer"', '"beerer"', 4, "auth.type", "Did you mean 'bearer'?"),
    ('type = "bearer", ', "", 4, "auth", "has no type"),
    ('"bearer"', '"http_basic"', 4, "auth.token", "no such key"),
    ('Accept = "application/json"', 'Authorization = "hunter2"', 5, "headers.Authorization", "plain text"),
    ('Accept = "application/json"', 'X-Who = "Bearer hunter2"', 5, "headers.X-Who", "plain text"),
    ('Accept = "application/json"', '"X Who" = "me"', 5, "headers.X Who", "no header's name"),
    ("requests = 10", "request = 10", 6, "rate_limit.request", "Did you mean 'requests'?"),
    ('"repos/{repo}/issues"', '"https://other.example/{repo}"', 11, "path", "is a whole address"),
    ('"repos/{repo}/issues"', '"../{repo}"', 11, "path", "leaves the source's url"),
    ('"repos/{repo}/issues"', '"repos/{rep}/issues"', 11, "path", "Did you mean 'repo'?"),
    ('"repos/{repo}/issues"', '"repos/{repo.id}"', 11, "path", "not each value"),
    ('"repos/{repo}/issues"', '"repos/{repo/issues"', 11, "path", "a brace"),
    ('"repos/{repo}/issues"', '"issues"', 13, "for_each.repo", "is asked for nowhere"),
    ("per_page = 100", 'api_key = "hunter2"', 12, "params.api_key", "plain text"),
    ("per_page = 100", 'since = "x"', 12, "params.since", "is set by incremental too"),
    ('["a/b", "c/d"]', "[]", 13, "for_each.repo", "has no value"),
    ('["a/b", "c/d"]', '["a/b", "a/b"]', 13, "for_each.repo", "twice"),
    ('["a/b", "c/d"]', '["a/b", { name = "c" }]', 13, "for_each.repo[1]", '"value"'),
    ('"items"', '"items[?(@.x)]"', 14, "data_selector", "filters, slices and .. are not taken"),
    ('"header_link"', '"headerlink"', 15, "paginator.type", "Did you mean 'header_link'?"),
    ('"header_link"', '"json_link"', 15, "paginator.next_url_path", "is missing"),
    ('"header_link"', '"cursor", cursor_path = "n"', 15, "paginator.cursor_param", "is missing"),
    ('"header_link"', '"page_number", page_param = "state"', 12, "params.state", "is set by paginator too"),
    (', param = "since"', "", 16, "incremental.param", "is missing"),
    ('method = "cursor"', 'method = "cdc"', 16, "incremental.method", "Known are: full, cursor"),
    ('primary_key = ["id"]\n', "", 16, "incremental.lookback", "which only a key tells"),
    ('primary_key = ["id"]\n', "", 17, "write_disposition", "needs a key"),
    ('"merge"', '"replace_window"', 18, "write_disposition", "what an API leaves out"),
    ('write_disposition = "merge"', 'format = "json"', 9, "write_disposition", "leaves only what changed last"),
    ('primary_key = ["id"]', 'primary_key = ["id"]\nfile_name = "{id}"', 18, "file_name", "means nothing to 'delta'"),
]

FILES_MISTAKES: list[Mistake] = [
    ('pattern = "*.csv"', "", 5, "pattern", "is missing"),
    ('"csv"', '"avro"', 8, "file_format", "Known are: csv, json, parquet"),
    ("header = true", 'password = "hunter2"', 9, "options.password", "plain text"),
    ("header = true", 'mode = "DROPMALFORMED"', 9, "options.mode", "without a word"),
    ("header = true", "headr = true", 9, "options.headr", "Did you mean 'header'?"),
    ('"*.csv"', '"/*.csv"', 7, "pattern", "no path below"),
    ('"*.csv"', '"../*.csv"', 7, "pattern", "no path below"),
    ("${LAKE_ROOT}/landing", "https://x.example/landing", 3, "url", "is no folder"),
    ("${LAKE_ROOT}/landing", "landing", 3, "url", "is no folder"),
    ('name = "events"', 'name = "events"\nformat = "parquet"', 7, "format", 'write format = "delta" for append'),
    ('name = "events"', 'name = "events"\nwrite_disposition = "merge"', 7, "write_disposition", "needs a key"),
    ('name = "events"', 'name = "events"\ndeletes = "soft"', 7, "deletes", "detected by nothing"),
    ('name = "events"', 'name = "ev*"', 6, "name", "choose another name"),
]
