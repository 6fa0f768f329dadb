"""A secret that is not there is normal, one that cannot be read is an error, and none is ever shown."""

from types import SimpleNamespace
from typing import NoReturn

import pytest

from fakes.workspace import Settings
from ingestion.platform.errors import SecretUnavailableError
from ingestion.platform.secrets import SecretReference, SecretStore

KEY = SecretReference("ingestion", "restcountries-api-key")


def refuse(*_: str) -> NoReturn:
    raise RuntimeError("PERMISSION_DENIED")


def test_a_secret_is_found() -> None:
    assert Settings(secrets={KEY.key: "abc"}).secret_store().find(KEY) == "abc"


@pytest.mark.parametrize("secrets", [{}, {"sql-user": "x"}, {KEY.key: ""}])
def test_a_secret_that_is_not_there_is_none(secrets: dict[str, str]) -> None:
    assert Settings(secrets=secrets).secret_store().find(KEY) is None


def test_a_secret_that_exists_and_cannot_be_read_is_an_error() -> None:
    store = SecretStore(refuse, lambda _: [SimpleNamespace(key=KEY.key)])
    with pytest.raises(SecretUnavailableError, match=r"ingestion/restcountries-api-key.*PERMISSION_DENIED"):
        store.find(KEY)


def test_a_scope_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(SecretUnavailableError, match=r"other/x.*'other'.*SECRET_SCOPE"):
        Settings(secrets={"x": "y"}).secret_store().find(SecretReference("other", "x"))


def test_what_was_handed_out_is_redacted_the_longest_first() -> None:
    store = Settings(secrets={"a": "top", "b": "top-secret"}).secret_store()
    assert store.redact("top-secret") == "top-secret"
    for key in ("a", "b"):
        store.find(SecretReference("ingestion", key))
    assert store.redact("it is top-secret, on top") == "it is [REDACTED], on [REDACTED]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "jdbc:sqlserver://h:1433;user=u;password=p w!;encrypt=true",
            "jdbc:sqlserver://h:1433;user=u;password=[REDACTED];encrypt=true",
        ),
        ("jdbc:sqlserver://h;Password = {a;b};x=1", "jdbc:sqlserver://h;Password=[REDACTED];x=1"),
        (
            "jdbc:postgresql://h/d?user=u&password=p&ssl=true",
            "jdbc:postgresql://h/d?user=u&password=[REDACTED]&ssl=true",
        ),
        ("jdbc:mysql://u:p@h/d", "jdbc:mysql://u:[REDACTED]@h/d"),
        ("jdbc:sqlserver://h:1433;databaseName=d", "jdbc:sqlserver://h:1433;databaseName=d"),
        ("abfss://raw-data@a.dfs.core.windows.net/x", "abfss://raw-data@a.dfs.core.windows.net/x"),
    ],
)
def test_a_password_in_a_url_is_not_shown(text: str, shown: str) -> None:
    assert SecretStore(refuse, refuse).redact(text) == shown
