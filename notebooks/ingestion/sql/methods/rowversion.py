"""The method `rowversion`, of SQL Server: by a column that the database numbers anew with each write.

Numbers are given out when a statement runs, and committed in any order; `MIN_ACTIVE_ROWVERSION()` is the lowest that is
not committed. `@@DBTS`, which others read up to, loses what is committed late.
https://learn.microsoft.com/sql/t-sql/functions/min-active-rowversion-transact-sql

Written by the documentation, not tried on a server of SQL Server.
"""

from ingestion.sql.methods.counter import Counter


class Rowversion(Counter):
    """Reads a table by its rowversion."""
