"""The method `transaction_id`, of PostgreSQL: by a column `xid8` that holds the transaction of a row's last write.

A trigger, or the column's default and every UPDATE, sets it to `pg_current_xact_id()`. All transactions below the
snapshot's `xmin` have ended: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
"""

from ingestion.sql.methods.counter import Counter


class TransactionId(Counter):
    """Reads a table by the transaction of each row's last write."""
