"""Microsoft Entra ID as a service principal sees it: the token endpoint of one tenant, and its refusals."""

from urllib.parse import parse_qs

from fakes.http_service import Answer, Faults, HttpService, Request

TENANT = "6f2c1d3e-0000-4000-8000-1234567890ab"
CLIENT_ID = "0b9a7c55-0000-4000-8000-abcdef012345"
# With characters that mean something in a form, in an address and in JSON.
CLIENT_SECRET = 'planted~8Q&secret=+%41"x'


class EntraService(HttpService):
    """Gives the one service principal a token for each scope."""

    def __init__(self, *, faults: Faults | None = None) -> None:
        super().__init__(faults=faults, tls=True)
        self.scopes: list[str] = []
        self.lifetime = 3599

    @staticmethod
    def token(scope: str) -> str:
        """The token for a scope, in the alphabet of real ones."""
        return f"eyJ0eXAi.planted-token-{scope.encode().hex()}.x_y-z"

    @property
    def variables(self) -> dict[str, str]:
        """The cluster's environment variables that lead here."""
        return {"AZURE_TENANT_ID": TENANT, "AZURE_AUTHORITY_HOST": self.url}

    def respond(self, request: Request) -> Answer:
        if request.method == "GET" and request.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return Answer(body=self._openid_configuration())
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (request.method, request.path) != ("POST", f"/{TENANT}/oauth2/v2.0/token"):
            return self.refusal(400, "invalid_request", "AADSTS90002: Tenant not found.")
        if request.headers["content-type"] != "application/x-www-form-urlencoded":
            return self.refusal(400, "invalid_request", "AADSTS900144: The request body must be a form.")
        if form.get("client_id") != CLIENT_ID:
            return self.refusal(400, "unauthorized_client", "AADSTS700016: Application was not found.")
        if form.get("client_secret") != CLIENT_SECRET:
            # Worse than the real one: it repeats what it was sent.
            given = form.get("client_secret")
            return self.refusal(401, "invalid_client", f"AADSTS7000215: Invalid client secret: {given}")
        scope = form.get("scope", "")
        if form.get("grant_type") != "client_credentials" or not scope.endswith("/.default"):
            return self.refusal(400, "invalid_scope", "AADSTS1002012: The provided scope is not valid.")
        self.scopes.append(scope)
        token = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": self.token(scope)}
        return Answer(body=token)

    def _openid_configuration(self) -> dict[str, str]:
        return {
            "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "authorization_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/token",
        }

    def refusal(self, status: int, code: str, message: str) -> Answer:
        description = f"{message}\r\nTrace ID: 1\r\nTimestamp: 2026-07-01 12:00:00Z"
        return Answer(status, {"error": code, "error_description": description, "error_codes": [1]})
