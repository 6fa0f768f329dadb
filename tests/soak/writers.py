"""Writers that never stop: each a connection of its own, which does one thing to the tables at a time, as a seed says.

They insert, update, delete and change keys; commit late and out of turn; work with clocks that are behind, are set back
and show whole seconds only, so that many rows share a moment. A writer has keys of its own, so none waits for another:
a course of steps is the same each time.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier

from soak.cases import LOOKBACK_SECONDS, Case

_NAMES = ("Zoë", "O'Brien", "陈 伟", 'say "hi"', "", " ", "back\\slash", "a\nb")
_KEYS_EACH = 40  # few, so that keys come back
_LONGEST_TRANSACTION, _MOST_BEHIND, _COARSEST = timedelta(seconds=50), 20, 10
assert _LONGEST_TRANSACTION.seconds + _MOST_BEHIND + _COARSEST < LOOKBACK_SECONDS
COLUMNS = ("id", "name", "amount", "note", "modified")

_ANY = SQL("")

Clock = Callable[[], datetime]


def make_table(connection: psycopg.Connection, case: Case) -> None:
    """Make a case's table anew, with some rows, and beside it the table of all rows that it ever held."""
    table, past = Identifier(case.name), Identifier(f"{case.name}_past")
    connection.execute(SQL("DROP TABLE IF EXISTS {}, {}").format(table, past))
    tx = SQL(", tx XID8 NOT NULL DEFAULT pg_current_xact_id()" if "transaction_id" in case.method else "")
    key = SQL("" if case.disposition == "append" and "transaction_id" in case.method else " PRIMARY KEY")
    connection.execute(
        SQL(
            "CREATE TABLE {} (id BIGINT NOT NULL{}, name TEXT NOT NULL, amount NUMERIC(12,4), note TEXT, "
            "modified TIMESTAMP(6){})"
        ).format(table, key, tx)
    )
    connection.execute(SQL("CREATE TABLE {} (LIKE {})").format(past, table))
    connection.execute(SQL("CREATE INDEX ON {} (id)").format(table))
    connection.execute(_KEEP_PAST)
    connection.execute(
        SQL("CREATE TRIGGER z_keep AFTER INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION keep_past()").format(
            table
        )
    )
    if "transaction_id" in case.method:
        connection.execute(_STAMP)
        connection.execute(
            SQL("CREATE TRIGGER a_stamp BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION stamp()").format(table)
        )
    connection.execute(
        SQL(
            "INSERT INTO {} (id, name, amount, modified) "
            "SELECT n, 'row ' || n, n, '2025-12-31'::timestamp + n / 7 * interval '1 second' "
            "FROM generate_series(0, {}, 2) n"
        ).format(table, _KEYS_EACH)
    )


_KEEP_PAST = """
CREATE OR REPLACE FUNCTION keep_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I SELECT ($1).*', TG_TABLE_NAME || '_past') USING NEW;
    RETURN NULL;
END $$"""
_STAMP = """
CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tx := pg_current_xact_id();
    RETURN NEW;
END $$"""


@dataclass
class Writer:
    """One of several writers.

    Attributes:
        connection: its own.
        number: which one it is.
        of: how many there are.
        cases: whose tables it writes to.
        chance: decides what it does.
        now: the true time.
        steps: what it did so far.
    """

    connection: psycopg.Connection = field(repr=False)
    number: int
    of: int
    cases: Sequence[Case]
    chance: random.Random = field(repr=False)
    now: Clock = field(repr=False)
    steps: int = 0
    _began: datetime | None = None
    _stays_open: timedelta = timedelta(0)
    _behind: timedelta = timedelta(0)
    _coarse: int = 0

    def step(self) -> None:
        """Do one thing: begin or go on with a transaction, or end it."""
        self.steps += 1
        if self.chance.random() < 0.1:  # its clock is set
            self._behind = timedelta(seconds=self.chance.uniform(0, _MOST_BEHIND))
            self._coarse = self.chance.choice((0, 0, 1, _COARSEST))
        if self._began is None:
            self._began = self.now()
            is_long = self.chance.random() < 0.2
            self._stays_open = self.chance.random() * _LONGEST_TRANSACTION if is_long else timedelta(0)
        elif (age := self.now() - self._began) > self._stays_open and self.chance.random() < 0.3:
            self.settle(commit=self.chance.random() < 0.85)
            return
        elif age > _LONGEST_TRANSACTION:
            self.settle()
            return
        case = self.chance.choice(self.cases)
        habit = self.chance.choice((*case.habits, *({"insert", "update"} & set(case.habits))))
        self.connection.execute(_HABITS[habit](self, case))

    def settle(self, *, commit: bool = True) -> None:
        """End the transaction, if one is open."""
        self._began = None
        if commit:
            self.connection.commit()
        else:
            self.connection.rollback()

    def insert(self, case: Case) -> Composed:
        statement = SQL("INSERT INTO {} ({}) SELECT {} WHERE NOT EXISTS (SELECT FROM {} WHERE id = {})")
        key = self._new_key()
        names = SQL(", ").join(map(Identifier, COLUMNS))
        values = SQL(", ").join([SQL("{}").format(key), *self._values(case)])
        return statement.format(Identifier(case.name), names, values, Identifier(case.name), key)

    def update(self, case: Case) -> Composed:
        name, amount, note, modified = self._values(case)
        statement = SQL("UPDATE {} SET name = {}, amount = {}, note = {}, modified = {} WHERE id = {}")
        return statement.format(Identifier(case.name), name, amount, note, modified, self._some_key(case))

    def delete(self, case: Case) -> Composed:
        return SQL("DELETE FROM {} WHERE id = {}").format(Identifier(case.name), self._some_key(case))

    def amend(self, case: Case) -> Composed:
        """Change a new row and leave its cursor as it was."""
        name, amount, note, _ = self._values(case)
        statement = SQL("UPDATE {} SET name = {}, amount = {}, note = {} WHERE id = {}")
        return statement.format(Identifier(case.name), name, amount, note, self._some_key(case, self._new_rows()))

    def withdraw(self, case: Case) -> Composed:
        """Delete a new row."""
        return SQL("DELETE FROM {} WHERE id = {}").format(Identifier(case.name), self._some_key(case, self._new_rows()))

    def rekey(self, case: Case) -> Composed:
        *_, modified = self._values(case)
        new = self._new_key()
        statement = SQL(
            "UPDATE {} SET id = {}, modified = {} WHERE id = {} AND NOT EXISTS (SELECT FROM {} WHERE id = {})"
        )
        table = Identifier(case.name)
        return statement.format(table, new, modified, self._some_key(case), table, new)

    def _new_key(self) -> int:
        return self.chance.randrange(_KEYS_EACH) * self.of + self.number

    def _some_key(self, case: Case, which: Composable = _ANY) -> Composed:
        return SQL("(SELECT id FROM {} WHERE id % {} = {}{} ORDER BY md5(id || {}) LIMIT 1)").format(
            Identifier(case.name), self.of, self.number, which, str(self.chance.random())
        )

    def _new_rows(self) -> Composed:
        return SQL(" AND modified > {}::timestamp").format(self.now() - timedelta(seconds=_COARSEST))

    def _values(self, case: Case) -> tuple[Composed, ...]:
        moment = self.now() - self._behind
        if case.ahead and self.chance.random() < 0.3:
            moment = self.now() + timedelta(seconds=self.chance.uniform(0, 3))
        if self._coarse:
            moment = moment.replace(second=moment.second // self._coarse * self._coarse, microsecond=0)
        values = (
            self.chance.choice(_NAMES) + str(self.chance.randrange(100)),
            round(self.chance.uniform(-9, 9), 4) if self.chance.random() < 0.8 else None,
            self.chance.choice(("x", "y", None)),
            None if case.nulls and self.chance.random() < 0.3 else moment,
        )
        types = ("text", "numeric", "text", "timestamp")
        return tuple(SQL("{}::{}").format(value, SQL(kind)) for value, kind in zip(values, types, strict=True))


_HABITS = {name: getattr(Writer, name) for name in ("insert", "update", "delete", "rekey", "amend", "withdraw")}
