"""The databases that are read, and which of them a JDBC address names."""

from ingestion.platform.errors import InvalidSettingError
from ingestion.sql.dialects.derby import Derby
from ingestion.sql.dialects.dialect import Dialect, TableName
from ingestion.sql.dialects.mysql import MySql
from ingestion.sql.dialects.postgresql import PostgreSql
from ingestion.sql.dialects.sqlserver import SqlServer

DIALECTS: tuple[Dialect, ...] = (SqlServer(), PostgreSql(), MySql(), Derby())

__all__ = ["DIALECTS", "Dialect", "TableName", "dialect_of"]


def dialect_of(url: str) -> Dialect:
    """Return the dialect of a JDBC address.

    Raises:
        InvalidSettingError: no database that is known here. Spark too would take the names of its columns for texts.
    """
    for dialect in DIALECTS:
        if url.startswith(dialect.scheme):
            return dialect
    scheme = ":".join(url.split(":", maxsplit=2)[:2])[:40]
    if scheme == "jdbc:mariadb":
        raise InvalidSettingError(
            "the database's address begins with jdbc:mariadb: - write jdbc:mysql://HOST/DATABASE?permitMysqlScheme, "
            "which MariaDB's driver takes too; Spark knows the database by that word alone."
        )
    known = ", ".join(dialect.scheme for dialect in DIALECTS)
    raise InvalidSettingError(f"the database's address begins with {scheme!r}: what is read here begins with {known}.")
