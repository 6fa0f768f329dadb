"""A real SQL database over JDBC: Apache Derby, embedded in Spark's own JVM."""

from dataclasses import dataclass
from typing import Any

from pyspark import SparkContext
from pyspark.sql import SparkSession


def driver_manager() -> Any:
    """Return Java's `DriverManager` in the JVM of this process's Spark, whatever kind of session a test has."""
    context: Any = SparkContext._active_spark_context
    return context._jvm.java.sql.DriverManager


@dataclass(frozen=True)
class Derby:
    """An embedded Derby database in Spark's own JVM."""

    spark: SparkSession
    url: str

    def execute(self, *statements: str, user: str | None = None, password: str | None = None) -> None:
        manager = driver_manager()
        connection = manager.getConnection(self.url, user, password) if user else manager.getConnection(self.url)
        try:
            statement = connection.createStatement()
            for text in statements:
                statement.execute(text)
        finally:
            connection.close()

    def create(self, table: str, rows: int) -> None:
        """Make a table anew, with this many rows of every type that matters."""
        self.drop(table)
        self.execute(
            f'CREATE TABLE {table} ("CustomerId" INT NOT NULL PRIMARY KEY, "Full Name" VARCHAR(100), '
            '"Balance" DECIMAL(18, 4), "Score" DOUBLE, "IsActive" BOOLEAN, "BirthDate" DATE, "CreatedAt" TIMESTAMP)'
        )
        for first in range(0, rows, 250):
            values = ", ".join(_values(number) for number in range(first, min(first + 250, rows)))
            self.execute(f"INSERT INTO {table} VALUES {values}")  # noqa: S608 - our own values

    def drop(self, table: str) -> None:
        """Drop a table that is there; Derby has no DROP TABLE IF EXISTS."""
        there = "SELECT * FROM sys.systables WHERE tabletype = 'T'"
        tables = self.spark.read.format("jdbc").options(url=self.url, query=there).load()
        if table.upper() in {row["TABLENAME"] for row in tables.collect()}:
            self.execute(f"DROP TABLE {table}")


def _values(number: int) -> str:
    name = "NULL" if number == 0 else f"'Zoë Ångström 陈 {number}'"
    return (
        f"({number}, {name}, {number}.1234, {number}.5, {'TRUE' if number % 2 else 'FALSE'}, "
        f"DATE('1970-01-01'), TIMESTAMP('2026-03-29 02:30:00.123456'))"
    )
