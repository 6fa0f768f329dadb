"""Secrets on this machine: where they are, and that they are not written."""

from local_factory.cluster.redaction import Redactor, secret_variable, secrets_of


def test_a_secret_is_a_variable_named_by_scope_and_key() -> None:
    assert secret_variable("my-scope", "sql-password") == "SECRET_MY_SCOPE_SQL_PASSWORD"


def test_the_variable_that_names_the_scope_is_no_secret() -> None:
    environment = {"SECRET_SCOPE": "ingestion", "SECRET_INGESTION_SQL_USER": "u", "PATH": "/bin"}
    assert secrets_of(environment) == {"SECRET_INGESTION_SQL_USER": "u"}


def test_secrets_are_taken_out_whole_also_when_one_is_part_of_another() -> None:
    assert Redactor(["pass", "password1"]).text("password1 and pass") == "[REDACTED] and [REDACTED]"


def test_a_secret_of_fewer_than_four_characters_stays_and_is_named() -> None:
    redactor = Redactor()
    redactor.hide_variables({"SECRET_INGESTION_SQL_PASSWORD": "00", "SECRET_INGESTION_KEY": "long enough"})
    assert redactor.text('{"rows": 700, "key": "long enough"}') == '{"rows": 700, "key": "[REDACTED]"}'
    assert redactor.too_short == {"SECRET_INGESTION_SQL_PASSWORD"}


def test_a_users_name_is_taken_out_as_a_whole_word_only() -> None:
    redactor = Redactor()
    redactor.hide_variables({"SECRET_INGESTION_SQL_USER": "load"})
    assert redactor.text("load: the class loader of user 'load'") == "[REDACTED]: the class loader of user '[REDACTED]'"


def test_an_empty_secret_changes_nothing() -> None:
    assert Redactor(["", " "]).text("a b") == "a b"
