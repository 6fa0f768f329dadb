"""Runs `publish.py` against a Fabric workspace in memory; prints what it then holds, as JSON.

That is type -> path -> text, and under `ids` type -> id.

The workspace answers what fabric-cicd asks of Fabric's REST API (learn.microsoft.com/rest/api/fabric): its items and
folders, and an item's creation.
"""

import base64
import json
import runpy
import sys
import time
import uuid
from typing import Any

import requests
from azure.core.credentials import AccessToken
from azure.identity import AzureCliCredential

ITEMS: list[dict[str, Any]] = []
HELD: dict[str, dict[str, str]] = {}


def answer(method: str, url: str, json: Any = None, **_: Any) -> requests.Response:
    """Answer as the workspace would."""
    response = requests.Response()
    response.status_code, response.url = 200, url
    path = url.partition("/v1/workspaces/")[2].partition("/")[2].partition("?")[0]
    match method, path:
        case "GET", "":
            body: Any = {"id": "w", "displayName": "Test", "capacityId": "c"}
        case "GET", "items":
            body = {"value": ITEMS}
        case "GET", "folders":
            body = {"value": []}
        case "POST", "items":
            parts = json["definition"]["parts"]
            HELD[json["type"]] = {part["path"]: base64.b64decode(part["payload"]).decode() for part in parts}
            body = {"id": str(uuid.uuid4()), **json}
            HELD.setdefault("ids", {})[json["type"]] = body["id"]
            ITEMS.append(
                {"id": body["id"], "type": json["type"], "displayName": json["displayName"], "description": ""}
            )
            response.status_code = 201
        case _:
            raise NotImplementedError(f"{method} {url}")
    response._content = bytes(_text(body), "utf-8")
    response.headers["Content-Type"] = "application/json"
    return response


def _text(body: Any) -> str:
    return json.dumps(body)


def token(*_: Any, **__: Any) -> AccessToken:
    """Sign in."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) + 3600, "oid": "o"}).encode()).decode()
    return AccessToken(f"e30.{claims}.x", int(time.time()) + 3600)


requests.request = answer
AzureCliCredential.get_token = token
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
print(json.dumps(HELD))  # noqa: T201
