"""A widget wins over a variable, a variable over a default; what is missing or wrong is named with the way out."""

from typing import TYPE_CHECKING, cast

import pytest

from fakes.workspace import Settings
from ingestion.loads.run_context import LoadSettings, Run
from ingestion.platform.errors import InvalidSettingError, MissingSettingError
from ingestion.platform.log import StepLog
from ingestion.platform.secrets import SecretReference
from ingestion.platform.settings import CountrySettings, TableSchema, read_customer_count

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COMPLETE = {"LAKE_ROOT": "/lake", "SQL_URL": "jdbc:derby:x", "COUNTRY_API_URL": "http://api.example/v3.1"}


def load_settings(**widgets: str) -> LoadSettings:
    return LoadSettings.read(Settings(widgets=widgets, environment=COMPLETE).configuration())


def country_settings(**widgets: str) -> CountrySettings:
    return CountrySettings.read(Settings(widgets=widgets, environment=COMPLETE).configuration())


def test_a_widget_wins_over_the_variable() -> None:
    assert load_settings(lake_root="abfss://raw-data@a.dfs.core.windows.net").lake_root.startswith("abfss:")
    assert country_settings(country_api_url="https://other.example").api_url == "https://other.example"


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_widget_gives_way_to_the_variable(empty: str) -> None:
    assert load_settings(lake_root=empty).lake_root == "/lake"


def test_defaults_stand_where_nothing_is_said() -> None:
    settings = load_settings()
    assert (settings.may_break_schema, settings.quarantine_limit) == (False, None)
    assert (settings.quarantine_days, settings.sql_connections) == (30, 8)
    without_url = Settings(environment={"LAKE_ROOT": "/lake"}).configuration()
    assert CountrySettings.read(without_url).api_url is None


def test_tables_are_in_a_catalog_where_both_its_name_and_a_schema_are_set() -> None:
    assert load_settings().schema is None
    assert load_settings(catalog="main", schema="ingestion-dev").schema == TableSchema("main", "ingestion-dev")
    for given, missing in (("catalog", "schema"), ("schema", "catalog")):
        with pytest.raises(MissingSettingError, match=f"{missing} is not set, but {given} is: set both"):
            load_settings(**{given: "main"})


def test_the_secret_scope_can_be_named() -> None:
    configuration = Settings(widgets={"secret_scope": "other"}).configuration()
    assert configuration.secret("sql-user") == SecretReference("other", "sql-user")


def test_a_secret_that_is_required_is_named_with_its_scope() -> None:
    settings = Settings(secrets={"key": "value"})
    assert settings.configuration().require_secret("key") == "value"
    with pytest.raises(MissingSettingError, match="ingestion/other is not stored"):
        settings.configuration().require_secret("other")


def test_a_missing_setting_is_named_with_all_three_places() -> None:
    with pytest.raises(MissingSettingError) as raised:
        LoadSettings.read(Settings(environment={"SQL_URL": "jdbc:derby:x"}).configuration())
    for words in ("widget lake_root", "environment variable LAKE_ROOT", "no default"):
        assert words in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quarantine_limit", "some", "QUARANTINE_LIMIT"),
        ("quarantine_limit", "101", "0 to 100"),
        ("quarantine_limit", "-1", "0 to 100"),
        ("quarantine_limit", "nan", "0 to 100"),
        ("sql_connections", "0", "1 to 64"),
        ("sql_connections", "65", "1 to 64"),
        ("sql_connections", "many", "SQL_CONNECTIONS"),
        ("schema_change", "yes", "SCHEMA_CHANGE"),
        ("catalog", "main.ingestion", "a name by itself"),
        ("schema", "two words", "SCHEMA"),
    ],
)
def test_a_table_setting_that_cannot_be_used_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidSettingError, match=words):
        load_settings(**{"catalog": "main", "schema": "ingestion", name: value})


@pytest.mark.parametrize("url", ["restcountries.com/v3.1", "ftp://restcountries.com", "https://", "jdbc:x"])
def test_a_country_api_address_must_be_a_web_address(url: str) -> None:
    with pytest.raises(InvalidSettingError, match="country_api_url"):
        country_settings(country_api_url=url)


@pytest.mark.parametrize(("text", "connections"), [("", 8), ("1", 1), (" 64 ", 64), ("16.0", 16)])
def test_the_connections_to_the_country_api_are_a_setting(text: str, connections: int) -> None:
    assert country_settings(country_api_connections=text).api_connections == connections
    environment = COMPLETE | {"COUNTRY_API_CONNECTIONS": text}
    assert CountrySettings.read(Settings(environment=environment).configuration()).api_connections == connections


@pytest.mark.parametrize("text", ["0", "65", "-1", "8.5", "eight", "1e1", "9" * 5000])
def test_connections_that_are_no_number_from_1_to_64_are_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"(?s)country_api_connections.*1 to 64.*COUNTRY_API_CONNECTIONS"):
        country_settings(country_api_connections=text)


def test_a_slash_at_the_end_changes_nothing() -> None:
    assert country_settings(country_api_url="http://api.example/v3.1/").api_url == "http://api.example/v3.1"
    assert load_settings(lake_root="/lake/").lake_root == "/lake"


def test_no_repr_shows_a_password() -> None:
    settings = Settings(
        environment=COMPLETE | {"SQL_URL": "jdbc:sqlserver://h;password=hunter2"}, secrets={"sql-password": "hunter2"}
    )
    configuration = settings.configuration()
    assert configuration.secrets.find(configuration.secret("sql-password")) == "hunter2"
    run = Run.begin(cast("SparkSession", None), configuration, StepLog(configuration.secrets.redact))
    for shown in (configuration, configuration.secrets, run, run.sources()):
        assert "hunter2" not in repr(shown)


@pytest.mark.parametrize(
    ("text", "count"),
    [("601", 601), ("601.0", 601), (" 601 ", 601), ("0", 0), ("0601", 601), ("900000000000000000", 900000000000000000)],
)
def test_a_customer_count_is_a_number_as_data_factory_writes_it(text: str, count: int) -> None:
    assert read_customer_count(Settings(widgets={"customer_count": text}).configuration()) == count


@pytest.mark.parametrize(
    "text", ["abc", "601.5", "-1", "1e3", "1,000", "6_01", "NaN", "null", "٦٠١", "0x259", "9" * 5000, '"601"']
)
def test_a_customer_count_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="customer_count"):
        read_customer_count(Settings(widgets={"customer_count": text}).configuration())


@pytest.mark.parametrize("text", ["", "   "])
def test_a_missing_customer_count_is_named_whatever_the_environment_says(text: str) -> None:
    settings = Settings(widgets={"customer_count": text}, environment={"CUSTOMER_COUNT": "601"})
    with pytest.raises(MissingSettingError, match="base parameter"):
        read_customer_count(settings.configuration())
