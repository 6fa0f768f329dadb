"""Cases of the rules in `bundle.rules.secrets`."""

from support.rule_cases.case import ACTIVITIES, COUNT, DATABRICKS, LOAD, SQL, Case, both, put, swap


def web_service(text: str) -> dict[str, object]:
    return {"type": "HttpServer", "typeProperties": {"url": "https://example.net", "note": text}}


CASES = (
    Case(
        "encrypted-credential",
        put(SQL, "typeProperties.encryptedCredential", "ew0KICAi"),
        SQL,
        "$.properties.typeProperties.encryptedCredential",
        "cannot be moved to another factory",
    ),
    Case(
        "inline-secret",
        put(SQL, "typeProperties.password", {"type": "SecureString", "value": "hunter2"}),
        SQL,
        "$.properties.typeProperties.password.value",
        "keep it in Key Vault",
        put(SQL, "typeProperties.password", {"type": "SecureString", "value": "@{linkedService().database}"}),
    ),
    Case(
        "inline-secret",
        put(DATABRICKS, "typeProperties.accessToken", "hunter2"),
        DATABRICKS,
        "$.properties.typeProperties.accessToken",
        "a secret stands in the file",
    ),
    Case(
        "inline-secret",
        put(DATABRICKS, "typeProperties.newClusterSparkEnvVars", {"SQL_PASSWORD": "hunter2"}),
        DATABRICKS,
        "$.properties.typeProperties.newClusterSparkEnvVars.SQL_PASSWORD",
        "a secret stands in the file",
        put(
            DATABRICKS,
            "typeProperties.newClusterSparkEnvVars",
            {"SQL_PASSWORD": "{{secrets/app/sql-password}}", "SECRET_SCOPE": "app"},
        ),
    ),
    Case(
        "inline-secret",
        swap(SQL, "User ID=loader", "User ID=loader;Password=hunter2"),
        SQL,
        "$.properties.typeProperties.connectionString",
        "a password stands in the file",
        swap(SQL, "User ID=loader", "User ID=loader;Password=@{linkedService().database}"),
    ),
    *(
        Case(
            "inline-secret",
            lambda s, text=text: s.add("linkedService/LS_Web", web_service(text)),
            "linkedService/LS_Web",
            "$.properties.typeProperties.note",
            what,
        )
        for text, what in (
            ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2==", "an account or access key"),
            ("https://a.blob.core.windows.net/c?sv=1&sig=abcdefghij1234567890%3D", "a shared access signature"),
            ("dapi" + "0123456789abcdef" * 2, "a Databricks access token"),
            ("https://user:hunter2@example.net", "a user and password in an address"),
            ("Bearer abcdefghijklmnop1234", "an authorization header"),
            ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
            ("a;ClientSecret=hunter2", "a client secret"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "a JSON web token"),
        )
    ),
    Case(
        "inline-secret",
        put(LOAD, "parameters.key", {"type": "SecureString", "defaultValue": "hunter2"}),
        LOAD,
        "$.properties.parameters.key.defaultValue",
        "a secret stands in the file",
        put(LOAD, "parameters.key", {"type": "SecureString", "defaultValue": ""}),
    ),
    Case(
        "inline-secret",
        put(LOAD, "parameters.ClientSecret", {"type": "string", "defaultValue": "hunter2"}),
        LOAD,
        "$.properties.parameters.ClientSecret.defaultValue",
        "a secret stands in the file",
        put(LOAD, "parameters.ClientSecret", {"type": "string", "defaultValue": "@pipeline().RunId"}),
    ),
    Case(
        "inline-secret",
        put(COUNT, "variables.password", {"type": "String", "defaultValue": "hunter2"}),
        COUNT,
        "$.properties.variables.password.defaultValue",
        "a secret stands in the file",
        put(SQL, "typeProperties.password", {"type": "SecureString", "value": "**********"}),
    ),
    Case(
        "inline-secret",
        put(SQL, "typeProperties.sasUri", "https://a.blob.core.windows.net/c?sv=1&sig=hunter2"),
        SQL,
        "$.properties.typeProperties.sasUri",
        "a secret stands in the file",
        put(SQL, "typeProperties.sasUri", "https://a.blob.core.windows.net/"),
    ),
    Case(
        "inline-secret",
        both(
            put(LOAD, "activities.1.linkedServiceName.parameters", {"token": "hunter2"}),
            put(DATABRICKS, "parameters", {"token": {"type": "String", "defaultValue": ""}}),
        ),
        LOAD,
        f"{ACTIVITIES}[1].linkedServiceName.parameters.token",
        "a secret stands in the file",
        both(
            put(LOAD, "activities.1.linkedServiceName.parameters", {"token": "databricks-token"}),
            put(DATABRICKS, "parameters", {"token": {"type": "String", "defaultValue": "databricks-token"}}),
            put(DATABRICKS, "typeProperties.accessToken.secretName", "@linkedService().token"),
        ),
    ),
    Case(
        "inline-secret",
        swap("load.py", '("count", "country")', '("count", "dapi' + "0123456789abcdef" * 2 + '")'),
        "load.py",
        "line 7",
        "keep it in a secret scope",
    ),
)
