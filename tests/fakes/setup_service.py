"""A workspace and two vaults as setting up meets them: each principal sees what it may see, and no more.

Unity Catalog lists an object for its owner and for whoever holds a privilege on it, and tells who holds what to the
owner and to holders of MANAGE; another one's object of the same name "already exists". Scopes are alike. Folders
inherit.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fakes.http_service import Answer, HttpService, Request

Given = dict[str, Any]
V2, UNITY = "/api/2.0", "/api/2.1/unity-catalog"
ALL_USERS = {"group_name": "users", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True}]}


class RefusedError(Exception):
    """An answer that is an error: status, code, message."""


@dataclass
class UnityObject:
    document: Given
    owner: str
    grants: dict[str, list[str]] = field(default_factory=dict)

    def visible_to(self, caller: str) -> bool:
        return caller == self.owner or bool(self.grants.get(caller))

    def managed_by(self, caller: str) -> bool:
        return caller == self.owner or "MANAGE" in self.grants.get(caller, [])


class SetupService(HttpService):
    """A workspace at `/api`, the notebooks' vault at `/notebooks`, the other one at `/operations`."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.scopes: dict[str, Given] = {}
        self.acls: list[Given] = []
        self.principals: list[Given] = []
        self.policies: list[Given] = []
        seen_by = {"administrator": ["MANAGE"], "infrastructure": ["MANAGE"]}
        self.unity: dict[tuple[str, str], UnityObject] = {
            ("catalog", "main"): UnityObject({"name": "main"}, "metastore", seen_by)
        }
        self.folders = {"/": 1, "/Shared": 2, "/Users": 3}
        self.permissions: dict[str, list[Given]] = {"directories/2": [ALL_USERS]}
        self.tokens: dict[str, Given] = {}
        self.vaults: dict[str, dict[str, Given]] = {
            "notebooks": {"sql-user": {"value": "app-pipelines"}, "sql-password": {"value": "s3cret"}},
            "operations": {},
        }
        self.refusals: dict[str, tuple[int, Given]] = {}

    def refusal(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"error_code": code, "message": message})

    def respond(self, request: Request) -> Answer:
        if request.path == "/.well-known/databricks-config":
            return Answer(body={"oidc_endpoint": f"{self.url}/oidc", "host_type": "workspace"})
        call = f"{request.method} {request.path}"
        if call in self.refusals:
            return Answer(*self.refusals[call])
        caller = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = {**request.query, **request.json, "caller": caller}
        for pattern, respond in ROUTES.items():
            if match := re.fullmatch(pattern, call):
                try:
                    return Answer(body=respond(self, {**given, **match.groupdict()}) or {})
                except RefusedError as refused:
                    return self.refusal(*refused.args)
                except KeyError as missing:
                    return self.refusal(404, "RESOURCE_DOES_NOT_EXIST", f"{missing} does not exist")
        return self.refusal(404, "ENDPOINT_NOT_FOUND", call)

    # Scopes, principals, policies

    def list_scopes(self, given: Given) -> Given:
        readers = {acl["scope"] for acl in self.acls if acl["principal"] == given["caller"]}
        seen = [scope for name, scope in self.scopes.items() if scope["owner"] == given["caller"] or name in readers]
        return {
            "scopes": [{key: scope[key] for key in ("name", "backend_type", "keyvault_metadata")} for scope in seen]
        }

    def create_scope(self, given: Given) -> None:
        name = given["scope"]
        if name in self.scopes:
            raise RefusedError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
        keyvault = given["backend_azure_keyvault"]
        self.scopes[name] = {
            "name": name,
            "backend_type": "AZURE_KEYVAULT",
            "keyvault_metadata": keyvault,
            "owner": given["caller"],
        }

    def find_principals(self, given: Given) -> Given:
        wanted = re.fullmatch('applicationId eq "(.+)"', given["filter"])
        assert wanted
        # SCIM pages: the SDK asks for further pages until one is empty.
        found = [one for one in self.principals if one["applicationId"] == wanted[1] and given["startIndex"] == "1"]
        return {"Resources": found, "totalResults": len(found), "itemsPerPage": len(found)}

    def add_principal(self, given: Given) -> None:
        self.principals.append(given)
        self.folders[f"/Users/{given['applicationId']}"] = len(self.folders) + 1

    def create_policy(self, given: Given) -> Given:
        self.policies.append({**given, "policy_id": "POLICY1"})
        return {"policy_id": "POLICY1"}

    def edit_policy(self, given: Given) -> None:
        self.policies[:] = [given if one["policy_id"] == given["policy_id"] else one for one in self.policies]

    # Folders

    def make_folder(self, given: Given) -> None:
        parent = given["path"].rpartition("/")[0] or "/"
        if parent == "/Users":
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", "Folder Users is protected")
        if parent not in self.folders:
            raise KeyError(parent)
        self.folders[given["path"]] = len(self.folders) + 1

    def show_permissions(self, given: Given) -> Given:
        entries = list(self.permissions.get(given["target"], []))
        for path, number in self.folders.items():
            if given["target"] == f"directories/{number}":
                for parent in _parents(path):
                    entries += self.permissions.get(f"directories/{self.folders[parent]}", [])
        return {"access_control_list": entries}

    def permit(self, given: Given) -> None:
        entries = self.permissions.setdefault(given["target"], [])
        for entry in given["access_control_list"]:
            level = {"permission_level": entry["permission_level"], "inherited": False}
            entries.append({"service_principal_name": entry["service_principal_name"], "all_permissions": [level]})

    # Unity Catalog

    def list_unity(self, kind: str, given: Given) -> list[Given]:
        inside = f"{given['catalog_name']}." if kind == "schema" else ""
        return [
            one.document
            for (found, name), one in self.unity.items()
            if found == kind and name.startswith(inside) and one.visible_to(given["caller"])
        ]

    def create_unity(self, kind: str, given: Given) -> None:
        name = f"{given['catalog_name']}.{given['name']}" if kind == "schema" else given["name"]
        if (kind, name) in self.unity:
            code = f"{kind.upper()}_ALREADY_EXISTS"
            raise RefusedError(400, code, f"{kind.replace('_', ' ').title()} '{name}' already exists")
        document = {key: value for key, value in given.items() if key != "caller"}
        self.unity[kind, name] = UnityObject(document, given["caller"])

    def show_grants(self, given: Given) -> Given:
        held = self._managed(given).grants
        return {"privilege_assignments": [{"principal": who, "privileges": what} for who, what in held.items()]}

    def grant(self, given: Given) -> None:
        target = self._managed(given)
        for change in given["changes"]:
            target.grants.setdefault(change["principal"], []).extend(change["add"])

    def _managed(self, given: Given) -> UnityObject:
        target = self.unity[given["kind"], given["name"]]
        if not target.managed_by(given["caller"]):
            raise RefusedError(
                403, "PERMISSION_DENIED", f"User does not have MANAGE on {given['kind']} '{given['name']}'"
            )
        return target

    # Tokens and vaults

    def create_token(self, given: Given) -> Given:
        number = f"{len(self.tokens) + 1}"
        expiry = self.now + timedelta(seconds=given["lifetime_seconds"])
        info = {"token_id": f"t{number}", "comment": given["comment"], "expiry_time": int(expiry.timestamp() * 1000)}
        self.tokens[f"t{number}"] = {**info, "owner": given["caller"]}
        return {"token_value": f"dapi-{number}", "token_info": info}

    def list_secrets(self, given: Given) -> Given:
        names = sorted(self.vaults[given["vault"]])
        start = int(given.get("skip", 0))
        found = [
            {"id": f"https://v/secrets/{name}", "attributes": self.vaults[given["vault"]][name].get("attributes", {})}
            for name in names[start : start + 1]
        ]
        following = f"{self.url}/{given['vault']}/secrets?api-version=7.4&skip={start + 1}"
        return {"value": found, "nextLink": following if start + 1 < len(names) else None}


def _parents(path: str) -> list[str]:
    parents = []
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        parents.append(path)
    return parents


def _unity(kind: str, collection: str, key: str) -> dict[str, Callable[[SetupService, Given], Any]]:
    return {
        f"GET {UNITY}/{collection}": lambda cloud, given: {key: cloud.list_unity(kind, given)},
        f"POST {UNITY}/{collection}": lambda cloud, given: cloud.create_unity(kind, given),
    }


ROUTES: dict[str, Callable[[SetupService, Given], Any]] = {
    f"GET {V2}/preview/scim/v2/Me": lambda _, given: {"userName": given["caller"]},
    f"GET {V2}/secrets/scopes/list": SetupService.list_scopes,
    f"POST {V2}/secrets/scopes/create": SetupService.create_scope,
    f"GET {V2}/secrets/acls/list": lambda cloud, _: {"items": cloud.acls},
    f"POST {V2}/secrets/acls/put": lambda cloud, given: cloud.acls.append(given),
    f"GET {V2}/preview/scim/v2/ServicePrincipals": SetupService.find_principals,
    f"POST {V2}/preview/scim/v2/ServicePrincipals": SetupService.add_principal,
    f"GET {V2}/workspace/get-status": lambda cloud, given: {"object_id": cloud.folders[given["path"]]},
    f"POST {V2}/workspace/mkdirs": SetupService.make_folder,
    f"GET {V2}/permissions/(?P<target>.+)": SetupService.show_permissions,
    f"PATCH {V2}/permissions/(?P<target>.+)": SetupService.permit,
    f"GET {V2}/policies/clusters/list": lambda cloud, _: {"policies": cloud.policies},
    f"POST {V2}/policies/clusters/create": SetupService.create_policy,
    f"POST {V2}/policies/clusters/edit": SetupService.edit_policy,
    **_unity("storage_credential", "storage-credentials", "storage_credentials"),
    **_unity("external_location", "external-locations", "external_locations"),
    **_unity("credential", "credentials", "credentials"),
    **_unity("catalog", "catalogs", "catalogs"),
    **_unity("schema", "schemas", "schemas"),
    f"GET {UNITY}/permissions/(?P<kind>\\w+)/(?P<name>.+)": SetupService.show_grants,
    f"PATCH {UNITY}/permissions/(?P<kind>\\w+)/(?P<name>.+)": SetupService.grant,
    f"GET {V2}/token/list": lambda cloud, given: {
        "token_infos": [token for token in cloud.tokens.values() if token["owner"] == given["caller"]]
    },
    f"POST {V2}/token/create": SetupService.create_token,
    f"POST {V2}/token/delete": lambda cloud, given: cloud.tokens.pop(given["token_id"]) and None,
    "GET /(?P<vault>\\w+)/secrets": SetupService.list_secrets,
    "GET /(?P<vault>\\w+)/secrets/(?P<name>.+)": lambda cloud, given: cloud.vaults[given["vault"]][given["name"]],
    "PUT /(?P<vault>\\w+)/secrets/(?P<name>.+)": lambda cloud, given: cloud.vaults[given["vault"]].update(
        {given["name"]: given}
    ),
}
