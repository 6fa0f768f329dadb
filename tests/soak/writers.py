"""Writers that never stop: each a connection of its own, which does one thing to the tables at a time, as a seed says.

They insert, update, delete and change keys; commit late and out of turn; work with clocks that are behind, are set back
and show whole seconds only, so that many rows share a moment. A writer has keys of its own, so none waits for another:
a course of steps is the same each time.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from soak.cases import LOOKBACK_SECONDS, Case
from soak.servers import COLUMNS, KEYS_EACH, Connection, ask

_NAMES = ("Zoë", "O'Brien", "陈 伟", 'say "hi"', "", " ", "back\\slash", "a\nb")
_LONGEST_TRANSACTION, _MOST_BEHIND, _COARSEST = timedelta(seconds=50), 20, 10
assert _LONGEST_TRANSACTION.seconds + _MOST_BEHIND + _COARSEST < LOOKBACK_SECONDS

Clock = Callable[[], datetime]


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

    connection: Connection = field(repr=False)
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
    _stamps: dict[tuple[str, int], Any] = field(default_factory=dict)

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
        _HABITS[habit](self, case)

    def settle(self, *, commit: bool = True) -> None:
        """End the transaction, if one is open."""
        self._began = None
        if commit:
            self.connection.commit()
        else:
            self.connection.rollback()

    def insert(self, case: Case) -> None:
        key = self._new_key()
        if key not in self._keys(case):
            names, marks = ", ".join(COLUMNS), ", ".join(["%s"] * len(COLUMNS))
            *values, modified = self._values(case)
            statement = f"INSERT INTO {case.name} ({names}) VALUES ({marks})"
            ask(self.connection, statement, key, *values, self._stamp(case, key, modified))

    def update(self, case: Case) -> None:
        if keys := self._keys(case):
            changes = ", ".join(f"{name} = %s" for name in COLUMNS[1:])
            statement = f"UPDATE {case.name} SET {changes} WHERE id = %s"
            *values, modified = self._values(case)
            key = self.chance.choice(keys)
            ask(self.connection, statement, *values, self._stamp(case, key, modified), key)

    def delete(self, case: Case) -> None:
        self._delete_one(case, self._keys(case))

    def amend(self, case: Case) -> None:
        """Change a new row and leave its cursor as it was."""
        if keys := self._new_keys(case):
            name, amount, note, _ = self._values(case)
            statement = f"UPDATE {case.name} SET name = %s, amount = %s, note = %s WHERE id = %s"
            ask(self.connection, statement, name, amount, note, self.chance.choice(keys))

    def withdraw(self, case: Case) -> None:
        """Delete a new row."""
        self._delete_one(case, self._new_keys(case))

    def rekey(self, case: Case) -> None:
        keys, new = self._keys(case), self._new_key()
        if keys and new not in keys:
            *_, modified = self._values(case)
            statement = f"UPDATE {case.name} SET id = %s, modified = %s WHERE id = %s"
            ask(self.connection, statement, new, self._stamp(case, new, modified), self.chance.choice(keys))

    def _delete_one(self, case: Case, keys: Sequence[int]) -> None:
        if keys:
            ask(self.connection, f"DELETE FROM {case.name} WHERE id = %s", self.chance.choice(keys))

    def _new_key(self) -> int:
        return self.chance.randrange(KEYS_EACH) * self.of + self.number

    def _keys(self, case: Case) -> list[int]:
        """Return this writer's keys that are there."""
        return self._found(f"SELECT id FROM {case.name} WHERE MOD(id, %s) = %s ORDER BY id", self.of, self.number)

    def _new_keys(self, case: Case) -> list[int]:
        statement = f"SELECT id FROM {case.name} WHERE MOD(id, %s) = %s AND modified > %s ORDER BY id"
        return self._found(statement, self.of, self.number, self.now() - timedelta(seconds=_COARSEST))

    def _found(self, statement: str, *values: object) -> list[int]:
        return [key for (key,) in ask(self.connection, statement, *values)]

    def _stamp(self, case: Case, key: int, moment: Any) -> Any:
        """Return when a row changed: where that is not the writer's to say, never earlier than before."""
        if not case.stamps_go_on:
            return moment
        self._stamps[case.name, key] = moment = max(moment, self._stamps.get((case.name, key), moment))
        return moment

    def _values(self, case: Case) -> tuple[Any, ...]:
        moment = self.now() - self._behind
        if case.ahead and self.chance.random() < 0.3:
            moment = self.now() + timedelta(seconds=self.chance.uniform(0, 3))
        if self._coarse:
            moment = moment.replace(second=moment.second // self._coarse * self._coarse, microsecond=0)
        return (
            self.chance.choice(_NAMES) + str(self.chance.randrange(100)),
            round(self.chance.uniform(-9, 9), 4) if self.chance.random() < 0.8 else None,
            self.chance.choice(("x", "y", None)),
            None if case.nulls and self.chance.random() < 0.3 else moment,
        )


_HABITS = {name: getattr(Writer, name) for name in ("insert", "update", "delete", "rekey", "amend", "withdraw")}
