"""Azure Key Vault, as far as a reader of secrets sees it."""

from fakes.http_service import Answer, Faults, HttpService, Request


class KeyVaultService(HttpService):
    """Gives its secrets to whoever has the token.

    Args:
        token: the bearer token that is let in.
        secrets: their values by name.
        faults: what goes wrong.
    """

    def __init__(self, token: str, secrets: dict[str, str], *, faults: Faults | None = None) -> None:
        super().__init__(faults=faults)
        self.secrets = secrets
        self.denied: set[str] = set()
        self._token = token

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return self.refusal(401, "Unauthorized", "AKV10022: Invalid audience.")
        name = request.path.removeprefix("/secrets/")
        if request.method != "GET" or request.query != {"api-version": "7.4"} or "/" in name:
            return self.refusal(400, "BadParameter", f"{request.method} {request.path} {request.query}")
        if name in self.denied:
            return self.refusal(403, "Forbidden", "Caller is not authorized to perform action on resource.")
        if name not in self.secrets:
            return self.refusal(404, "SecretNotFound", f"A secret with (name/id) {name} was not found.")
        return Answer(body={"value": self.secrets[name], "id": f"{self.url}/secrets/{name}/1"})

    def refusal(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"error": {"code": code, "message": message}})
