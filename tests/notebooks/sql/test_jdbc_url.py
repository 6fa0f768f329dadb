"""A property is taken out of a JDBC address, and nothing else is."""

import pytest

from ingestion.sql.jdbc_url import take_property

URL = "jdbc:sqlserver://h:1433;databaseName=d;encrypt=true"
BRACED = f"{URL};password={{a;authentication=X;}}}}b}}"
BRACE = f"{URL};password=a{{b"


@pytest.mark.parametrize(
    ("url", "rest", "value"),
    [
        (f"{URL};authentication=X", URL, "X"),
        (f"{URL};authentication=X;", URL, "X"),
        ("jdbc:sqlserver://h:1433;authentication=X;databaseName=d;encrypt=true", URL, "X"),
        (f"{URL}; Authentication = {{X}} ", URL, "X"),
        (f"{URL};authentication=A;authentication=X", URL, "X"),
        (f"{BRACED};authentication=Y", BRACED, "Y"),
        (f"{BRACE};authentication=Y", BRACE, "Y"),
        (f"{URL};authentication=", URL, ""),
    ],
)
def test_a_property_is_taken_out(url: str, rest: str, value: str) -> None:
    assert take_property(url, "authentication") == (rest, value)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "jdbc:derby:/tmp/x;create=true;",
        "jdbc:postgresql://h/d?user=u&authentication=X",
        f"{URL};authenticationScheme=X",
        f"{URL};applicationName=authentication",
        "jdbc:",
    ],
)
def test_an_address_without_the_property_is_left_alone(url: str) -> None:
    assert take_property(url, "authentication") == (url, None)
