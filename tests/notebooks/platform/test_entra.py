"""Signing in at Entra ID, against a real server: a token, or a named error that shows no secret, in time."""

import time
from collections.abc import Callable

import pytest

from fakes.entra_service import CLIENT_ID, CLIENT_SECRET, TENANT, EntraService
from fakes.http_service import Answer, Fault
from fakes.workspace import Settings
from ingestion.platform.azure_http import Patience
from ingestion.platform.entra import SQL_SCOPE, request_token
from ingestion.platform.errors import (
    AzureRefusedError,
    AzureUnavailableError,
    InvalidSettingError,
    MissingSettingError,
    NoTokenError,
)
from ingestion.platform.settings import EntraSettings

QUICK = Patience(tries=3, seconds=5)
Request = Callable[..., str]


@pytest.fixture
def request_one(principal: Settings) -> Request:
    """Return a function that asks for a token for the database."""

    def request(patience: Patience = QUICK) -> str:
        configuration = principal.configuration()
        return request_token(EntraSettings.read(configuration), SQL_SCOPE, configuration.secrets, patience)

    return request


def test_the_secret_is_changed_for_a_token_of_the_scope(entra: EntraService, request_one: Request) -> None:
    assert request_one() == entra.token("https://database.windows.net/.default")
    assert entra.scopes == ["https://database.windows.net/.default"]


def test_secret_and_token_are_hidden_from_then_on(entra: EntraService, principal: Settings) -> None:
    configuration = principal.configuration()
    token = request_token(EntraSettings.read(configuration), SQL_SCOPE, configuration.secrets, QUICK)
    assert configuration.secrets.redact(f"{CLIENT_SECRET} {token}") == "[REDACTED] [REDACTED]"


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.FAIL_AFTER])
def test_a_passing_failure_is_tried_again(entra: EntraService, request_one: Request, fault: Fault) -> None:
    entra.faults.orders[1] = fault
    assert request_one() == entra.token(SQL_SCOPE)
    assert len(entra.faults.calls) == 2


def test_throttling_is_waited_for_as_long_as_the_server_says(entra: EntraService, request_one: Request) -> None:
    entra.throttle_next, entra.retry_after = 1, "1"
    started = time.monotonic()
    assert request_one() == entra.token(SQL_SCOPE)
    assert time.monotonic() - started >= 1


def test_a_service_that_stays_broken_is_given_up(entra: EntraService, request_one: Request) -> None:
    entra.faults.every = lambda _method, _path: Fault.FAIL_AFTER
    with pytest.raises(AzureUnavailableError, match="status 500: InternalServerError: failed on order"):
        request_one()
    assert len(entra.faults.calls) == 3


@pytest.mark.parametrize("retry_after", ["0", "3600"])
def test_no_wait_is_longer_than_the_time_allowed(entra: EntraService, request_one: Request, retry_after: str) -> None:
    entra.throttle_next, entra.retry_after = 9, retry_after
    started = time.monotonic()
    with pytest.raises(AzureUnavailableError):
        request_one(Patience(tries=3, seconds=1.5))
    assert time.monotonic() - started < 3


def test_silence_ends(entra: EntraService, request_one: Request) -> None:
    entra.faults.orders[1] = Fault.HANG
    with pytest.raises(AzureUnavailableError, match=f"{TENANT}/oauth2/v2.0/token: no answer after 0.5 s"):
        request_one(Patience(tries=1, seconds=0.5))


def test_nobody_there_is_a_named_error(principal: Settings, request_one: Request) -> None:
    principal.environment["AZURE_AUTHORITY_HOST"] = "http://127.0.0.1:9"
    with pytest.raises(AzureUnavailableError, match="cannot be reached"):
        request_one(Patience(tries=1, seconds=5))


def test_a_refusal_is_final_and_does_not_show_what_was_sent(
    entra: EntraService, principal: Settings, request_one: Request
) -> None:
    principal.secrets["sql-password"] = f"{CLIENT_SECRET}-old"
    with pytest.raises(AzureRefusedError) as raised:
        request_one()
    assert str(raised.value).endswith("status 401: invalid_client: AADSTS7000215: Invalid client secret: [REDACTED]")
    assert len(entra.requests) == 1


def test_a_page_of_a_proxy_that_repeats_the_request_is_not_shown(
    entra: EntraService, request_one: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entra, "respond", lambda request: Answer(403, {"blocked": request.body.decode()}))
    with pytest.raises(AzureRefusedError, match=r"status 403: Forbidden$"):
        request_one()


def test_an_unknown_tenant_is_said_to_be_one(principal: Settings, request_one: Request) -> None:
    principal.environment["AZURE_TENANT_ID"] = "contoso.onmicrosoft.com"
    with pytest.raises(AzureRefusedError, match="AADSTS90002"):
        request_one()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body={}),
        Answer(body=[]),
        Answer(body={"access_token": ""}),
        Answer(body={"access_token": 7}),
        Answer(body={"access_token": "two words"}),
        Answer(body={"access_token": "planted\r\nX-Injected: 1"}),
        Answer(body=None),
    ],
    ids=str,
)
def test_an_answer_without_a_token_is_an_error(
    entra: EntraService, request_one: Request, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entra, "respond", lambda _request: answer)
    with pytest.raises(NoTokenError, match="access_token") as raised:
        request_one()
    assert "planted" not in str(raised.value)


def test_a_redirect_is_not_followed(entra: EntraService, request_one: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Answer(307, None, {"Location": f"{entra.url}/elsewhere"})
    monkeypatch.setattr(entra, "respond", lambda _request: elsewhere)
    with pytest.raises(AzureRefusedError, match="status 307"):
        request_one()
    assert len(entra.requests) == 1


@pytest.mark.parametrize("user", ["app", "sa@contoso", "0b9a7c55"])
def test_a_databases_own_user_and_password_are_not_sent(
    entra: EntraService, principal: Settings, request_one: Request, user: str
) -> None:
    principal.secrets["sql-user"] = user
    with pytest.raises(InvalidSettingError, match=r"ingestion/sql-user.*application id"):
        request_one()
    assert entra.requests == []


@pytest.mark.parametrize("key", ["sql-user", "sql-password"])
def test_a_missing_secret_is_named(principal: Settings, request_one: Request, key: str) -> None:
    del principal.secrets[key]
    with pytest.raises(MissingSettingError, match=f"ingestion/{key}"):
        request_one()


def test_a_missing_tenant_is_named(principal: Settings) -> None:
    del principal.environment["AZURE_TENANT_ID"]
    with pytest.raises(MissingSettingError, match="AZURE_TENANT_ID"):
        EntraSettings.read(principal.configuration())


@pytest.mark.parametrize("tenant", ["a/b", "../x", "a b", "a?b", "-", "${AZURE_TENANT_ID}"])
def test_a_tenant_that_would_change_the_address_is_refused(principal: Settings, tenant: str) -> None:
    principal.environment["AZURE_TENANT_ID"] = tenant
    with pytest.raises(InvalidSettingError, match="AZURE_TENANT_ID"):
        EntraSettings.read(principal.configuration())


@pytest.mark.parametrize(
    ("given", "authority"),
    [
        ("", "https://login.microsoftonline.com"),
        ("login.microsoftonline.us", "https://login.microsoftonline.us"),
        ("https://login.microsoftonline.us/", "https://login.microsoftonline.us"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_another_cloud_or_a_loopback_server_can_be_named(given: str, authority: str) -> None:
    environment = {"AZURE_TENANT_ID": TENANT, "AZURE_AUTHORITY_HOST": given}
    assert EntraSettings.read(Settings(environment=environment).configuration()).authority == authority


@pytest.mark.parametrize(
    "host", ["http://login.example", "http://localhost.example", "ftp://login.example", "https://", "https://h:x"]
)
def test_a_secret_goes_over_https_only(host: str) -> None:
    environment = {"AZURE_TENANT_ID": TENANT, "AZURE_AUTHORITY_HOST": host}
    with pytest.raises(InvalidSettingError, match="AZURE_AUTHORITY_HOST"):
        EntraSettings.read(Settings(environment=environment).configuration())


def test_the_fake_knows_the_principal(principal: Settings) -> None:
    assert principal.secrets == {"sql-user": CLIENT_ID, "sql-password": CLIENT_SECRET}
