"""Questions about many tables are asked at once, and no answer is older than it may be."""

from collections.abc import Callable, Iterator

import pytest
from pyspark.sql import Row, SparkSession

from fakes.postgres import Postgres
from ingestion.platform.errors import SourceError
from ingestion.sql.catalogue import Catalogue, together
from ingestion.sql.database import SqlDatabase

NAMES = ["a", "b", "c"]


def query(name: str) -> str:
    return f"SELECT place FROM columns WHERE name = '{name}'"


class Asked:
    """A database that answers as many rows as it is asked about tables, and remembers what it was asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.refuses_many = False
        self.now = 0.0

    def ask(self, sql: str, _name: str) -> list[Row]:
        self.queries.append(sql)
        names = [name for name in NAMES if f"'{name}'" in sql]
        if "UNION" not in sql:
            return [Row(PLACE=f"{names[0]} alone")]
        if self.refuses_many:
            raise SourceError("too many")
        return [Row(TABLE_NUMBER=number, PLACE=name) for number, name in enumerate(names) if name != "b"]

    def clock(self) -> float:
        return self.now


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def answer(asked: Asked) -> Callable[[str], list[dict[str, object]]]:
    catalogue = Catalogue(asked.ask, asked.clock)
    catalogue.expect(NAMES)
    return lambda name: catalogue.answer("columns", name, query)


def test_one_question_does_for_all_tables_that_will_be_asked_about(
    asked: Asked, answer: Callable[[str], list[dict[str, object]]]
) -> None:
    assert [answer(name) for name in NAMES] == [[{"place": "a"}], [], [{"place": "c"}]]
    assert asked.queries == [together([query(name) for name in NAMES])]


def test_who_asks_again_is_told_what_is_there_now(
    asked: Asked, answer: Callable[[str], list[dict[str, object]]]
) -> None:
    answer("a")
    assert answer("a") == [{"place": "a alone"}]
    asked.now = 61
    assert answer("c") == [{"place": "c alone"}], "asked for a minute ago"
    assert len(asked.queries) == 3


def test_where_many_at_once_are_refused_each_is_asked_about_by_itself(
    asked: Asked, answer: Callable[[str], list[dict[str, object]]]
) -> None:
    asked.refuses_many = True
    assert [answer(name) for name in NAMES] == [[{"place": f"{name} alone"}] for name in NAMES]
    assert len(asked.queries) == 4


def test_a_table_that_is_not_there_is_its_own_matter(asked: Asked) -> None:
    def query_of(name: str) -> str:
        if name == "b":
            raise SourceError("no such table")
        return query(name)

    catalogue = Catalogue(asked.ask, asked.clock)
    catalogue.expect(NAMES)
    assert catalogue.answer("columns", "a", query_of) == [{"place": "a"}]
    with pytest.raises(SourceError, match="no such table"):
        catalogue.answer("columns", "b", query_of)


@pytest.fixture
def tables(postgres: Postgres) -> Iterator[list[str]]:
    names = ["cat_one", "cat_two", "cat_three"]
    for number, name in enumerate(names):
        postgres.drop(name)
        key = "" if number == 1 else f", PRIMARY KEY (k{number}, id)"
        postgres.execute(f"CREATE TABLE {name} (id INT NOT NULL, k{number} TEXT NOT NULL{key})")
    yield names
    for name in names:
        postgres.drop(name)


def test_many_at_once_are_told_what_each_is_told_by_itself(
    spark: SparkSession, postgres: Postgres, tables: list[str]
) -> None:
    def database() -> SqlDatabase:
        return SqlDatabase(spark, postgres.url, lambda: {"user": postgres.user, "password": postgres.password})

    single, many = database(), database()
    many.expect(tables)
    for name in tables:
        assert many.primary_key(name) == single.primary_key(name)
        assert many.declared(name) == single.declared(name)
        assert many.identity(name) == single.identity(name)
    assert many.primary_key("cat_one") == ("k0", "id")
    assert len({str(single.identity(name)) for name in tables}) == 3
