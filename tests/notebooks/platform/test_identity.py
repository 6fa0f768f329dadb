"""Who the notebooks are: a service credential, a service principal at a real server, or nobody; no secret is shown."""

import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from fakes.entra_service import CLIENT_SECRET, EntraService
from fakes.http_service import Answer, Fault
from fakes.workspace import Settings
from ingestion.platform.errors import (
    AzureError,
    AzureRefusedError,
    AzureUnavailableError,
    InvalidSettingError,
    MissingSettingError,
    NoTokenError,
)
from ingestion.platform.identity import SQL_SCOPE, find_credential, request_token, require_credential

QUICK = 20.0
Request = Callable[..., str]


@pytest.fixture
def request_one(principal: Settings) -> Request:
    """Return a function that asks for a token for the database."""

    def request(seconds: float = QUICK) -> str:
        configuration = principal.configuration()
        return request_token(require_credential(configuration), SQL_SCOPE, configuration.secrets, seconds=seconds)

    return request


def test_the_secret_is_changed_for_a_token_of_the_scope(entra: EntraService, request_one: Request) -> None:
    assert request_one() == entra.token("https://database.windows.net/.default")
    assert entra.scopes == ["https://database.windows.net/.default"]


def test_secret_and_token_are_hidden_from_then_on(entra: EntraService, principal: Settings) -> None:
    configuration = principal.configuration()
    token = request_token(require_credential(configuration), SQL_SCOPE, configuration.secrets, seconds=QUICK)
    assert configuration.secrets.redact(f"{CLIENT_SECRET} {token}") == "[REDACTED] [REDACTED]"
    assert token == entra.token(SQL_SCOPE)


def test_a_token_that_is_about_to_end_is_renewed_and_another_is_not(entra: EntraService, principal: Settings) -> None:
    configuration = principal.configuration()
    credential = require_credential(configuration)
    for lifetime, asked in ((3599, 1), (3599, 1)):
        entra.lifetime = lifetime
        request_token(credential, SQL_SCOPE, configuration.secrets, seconds=QUICK)
        assert len(entra.scopes) == asked
    entra.lifetime = 200
    credential = require_credential(configuration)
    for asked in (2, 3):
        request_token(credential, SQL_SCOPE, configuration.secrets, seconds=QUICK)
        assert len(entra.scopes) == asked


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.FAIL_AFTER, Fault.THROTTLE, Fault.BUSY])
@pytest.mark.parametrize("number", [1, 2])
def test_a_passing_failure_is_tried_again(number: int, fault: Fault, entra: EntraService, request_one: Request) -> None:
    entra.faults.orders[number] = fault
    assert request_one() == entra.token(SQL_SCOPE)
    assert len(entra.faults.calls) == 3


def test_a_service_that_stays_broken_is_given_up(entra: EntraService, request_one: Request) -> None:
    entra.faults.every = lambda _method, _path: Fault.FAIL_AFTER
    with pytest.raises(AzureUnavailableError, match=SQL_SCOPE):
        request_one()
    assert len(entra.faults.calls) == 4


@pytest.mark.parametrize("retry_after", ["0", "3600"])
def test_no_wait_is_longer_than_the_time_allowed(entra: EntraService, request_one: Request, retry_after: str) -> None:
    entra.throttle_next, entra.retry_after = 9, retry_after
    started = time.monotonic()
    with pytest.raises(AzureUnavailableError):
        request_one(1.5)
    assert time.monotonic() - started < 120


def test_silence_ends(entra: EntraService, request_one: Request) -> None:
    entra.faults.orders[1] = Fault.HANG
    with pytest.raises(AzureUnavailableError, match=f"a token for {SQL_SCOPE}: none after 0.5 s"):
        request_one(0.5)


def test_nobody_there_is_a_named_error(principal: Settings, request_one: Request) -> None:
    principal.environment["AZURE_AUTHORITY_HOST"] = "https://127.0.0.1:9"
    with pytest.raises(AzureUnavailableError, match="Connection refused"):
        request_one()


def test_a_refusal_is_final_and_neither_error_nor_log_shows_what_was_sent(
    entra: EntraService, principal: Settings, request_one: Request, caplog: pytest.LogCaptureFixture
) -> None:
    principal.secrets["sql-password"] = f"{CLIENT_SECRET}-old"
    with caplog.at_level(logging.INFO), pytest.raises(AzureRefusedError) as raised:
        request_one()
    assert str(raised.value).endswith("AADSTS7000215: Invalid client secret: [REDACTED]")
    assert len(entra.scopes) == 0
    assert CLIENT_SECRET not in caplog.text


def test_an_unknown_tenant_is_said_to_be_one(principal: Settings, request_one: Request) -> None:
    principal.environment["AZURE_TENANT_ID"] = "contoso.onmicrosoft.com"
    with pytest.raises(AzureError, match=SQL_SCOPE):
        request_one()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body={}),
        Answer(body=[]),
        Answer(body={"access_token": "", "expires_in": 3599}),
        Answer(body={"access_token": "two words", "expires_in": 3599}),
        Answer(body={"access_token": "planted\r\nX-Injected: 1", "expires_in": 3599}),
        Answer(body=None),
        Answer(403, {"blocked": "planted"}),
        Answer(307, None, {"Location": "https://127.0.0.1:9/elsewhere"}),
    ],
    ids=str,
)
def test_an_answer_without_a_token_is_an_error(
    entra: EntraService, request_one: Request, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond = entra.respond
    monkeypatch.setattr(entra, "respond", lambda request: respond(request) if request.method == "GET" else answer)
    with pytest.raises(AzureError, match=SQL_SCOPE) as raised:
        request_one()
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize("user", ["app", "sa@contoso", "0b9a7c55"])
def test_a_databases_own_user_and_password_are_not_sent(
    entra: EntraService, principal: Settings, request_one: Request, user: str
) -> None:
    principal.secrets["sql-user"] = user
    with pytest.raises(InvalidSettingError, match=r"ingestion/sql-user.*application id"):
        request_one()
    assert entra.requests == []


@pytest.mark.parametrize("missing", ["sql-user", "sql-password"])
def test_a_secret_that_is_not_there_is_named(principal: Settings, request_one: Request, missing: str) -> None:
    del principal.secrets[missing]
    with pytest.raises(MissingSettingError, match=f"ingestion/{missing} is not there"):
        request_one()


@pytest.mark.parametrize("tenant", ["a b", "contoso/../x", "?"])
def test_a_tenant_that_is_none_is_refused(principal: Settings, request_one: Request, tenant: str) -> None:
    principal.environment["AZURE_TENANT_ID"] = tenant
    with pytest.raises(InvalidSettingError, match="AZURE_TENANT_ID"):
        request_one()


def test_secrets_are_not_sent_in_the_clear(principal: Settings, request_one: Request) -> None:
    principal.environment["AZURE_AUTHORITY_HOST"] = "http://127.0.0.1:9"
    with pytest.raises(InvalidSettingError, match=r"AZURE_AUTHORITY_HOST.*https"):
        request_one()


def test_without_settings_there_is_nobody_and_who_needs_one_is_told_the_ways() -> None:
    configuration = Settings().configuration()
    assert find_credential(configuration) is None
    with pytest.raises(MissingSettingError, match=r"CREDENTIAL.*AZURE_TENANT_ID.*sql-user and sql-password"):
        require_credential(configuration)


class ServiceCredential:
    """What Unity Catalog gives for a name; its tokens count."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.asked += scopes
        return AccessToken(f"token-{self.name}-{len(self.asked)}", 0)


def with_service_credential(provider: Callable[[str], Any] | None, principal: Settings) -> Any:
    principal.environment["CREDENTIAL"] = "ingestion-identity"
    principal.credentials = SimpleNamespace(getServiceCredentialsProvider=provider) if provider else SimpleNamespace()
    return principal.configuration()


def test_a_service_credential_wins_over_the_service_principal(principal: Settings, entra: EntraService) -> None:
    configuration = with_service_credential(ServiceCredential, principal)
    credential = require_credential(configuration)
    assert request_token(credential, SQL_SCOPE, configuration.secrets) == "token-ingestion-identity-1"
    assert request_token(credential, SQL_SCOPE, configuration.secrets) == "token-ingestion-identity-2"
    assert configuration.secrets.redact("token-ingestion-identity-1") == "[REDACTED]"
    assert entra.requests == []


def test_compute_that_gives_no_service_credentials_is_named(principal: Settings) -> None:
    with pytest.raises(InvalidSettingError, match=r"CREDENTIAL is 'ingestion-identity'.*Runtime 16.2 or later"):
        require_credential(with_service_credential(None, principal))


def test_a_service_credential_that_cannot_be_had_says_what_to_grant(principal: Settings) -> None:
    def refuse(name: str) -> Any:
        raise RuntimeError(f"PERMISSION_DENIED: no ACCESS on {name}\n\tat java.base/frames")

    with pytest.raises(
        AzureRefusedError, match=r"ingestion-identity: cannot be had: PERMISSION_DENIED.*grant ACCESS"
    ) as raised:
        require_credential(with_service_credential(refuse, principal))
    assert "frames" not in str(raised.value)


@pytest.mark.parametrize("error", [ClientAuthenticationError("denied"), RuntimeError("denied")], ids=repr)
def test_a_service_credential_that_gives_no_token_is_named(error: Exception, principal: Settings) -> None:
    class Refusing(ServiceCredential):
        def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
            raise error

    configuration = with_service_credential(Refusing, principal)
    with pytest.raises(AzureRefusedError, match=f"a token for {SQL_SCOPE}: denied"):
        request_token(require_credential(configuration), SQL_SCOPE, configuration.secrets)


def test_a_service_credential_whose_token_cannot_be_sent_is_named(principal: Settings) -> None:
    class Odd(ServiceCredential):
        def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
            return AccessToken("two words", 0)

    configuration = with_service_credential(Odd, principal)
    with pytest.raises(NoTokenError):
        request_token(require_credential(configuration), SQL_SCOPE, configuration.secrets)
