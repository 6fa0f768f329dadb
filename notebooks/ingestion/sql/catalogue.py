"""What a database's catalogue says of single tables: where many are asked about, one question does for all of them."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pyspark.sql import Row

from ingestion.platform.errors import SourceError

# As many tables as one statement asks about.
_AT_ONCE = 50
# What was asked for others, too, is no longer what is now after so many seconds.
_KEPT_SECONDS = 60.0
_NUMBER = "table_number"

Answer = list[dict[str, Any]]


def together(queries: Sequence[str]) -> str:
    """Return one query of several that have the same columns; each row says in `table_number` whose it is."""
    return " UNION ALL ".join(
        f"SELECT {number} AS {_NUMBER}, asked_{number}.* FROM ({query}) asked_{number}"  # noqa: S608 - dialects' own
        for number, query in enumerate(queries)
    )


@dataclass
class Catalogue:
    """Answers to questions about tables.

    Attributes:
        ask: asks the database: a query, and what it is about, for messages.
        clock: tells seconds.
    """

    ask: Callable[[str, str], list[Row]] = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _expected: tuple[str, ...] = ()
    _asked: set[tuple[str, str]] = field(default_factory=set)
    _answers: dict[tuple[str, str], tuple[float, Answer]] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def expect(self, names: Sequence[str]) -> None:
        """Tell which tables will be asked about."""
        self._expected = tuple(names)

    def answer(self, question: str, name: str, query: Callable[[str], str]) -> Answer:
        """Return what the catalogue says of a table, its columns in lower case.

        What was asked for it together with others is told once, and not later than a minute after: who asks again wants
        to know what is there now.

        Args:
            question: what the query asks for.
            name: of the table.
            query: returns the SQL of the question about a table.

        Raises:
            SourceError: the database cannot be reached, or refuses.
        """
        with self._lock:
            if len(self._expected) > 1 and name in self._expected and (question, name) not in self._asked:
                self._ask_about_many(question, name, query)
            asked, found = self._answers.pop((question, name), (0.0, None))
            if found is not None and self.clock() - asked < _KEPT_SECONDS:
                return found
        return [_lower(row) for row in self.ask(query(name), name)]

    def _ask_about_many(self, question: str, name: str, query: Callable[[str], str]) -> None:
        """Ask about a table and those after it; where that is refused, each is asked about by itself."""
        start = self._expected.index(name)
        names = [each for each in self._expected[start : start + _AT_ONCE] if (question, each) not in self._asked]
        self._asked.update((question, each) for each in names)
        begun, queries = self.clock(), dict[str, str]()
        for each in names:
            # Of a table that is not there its own feed tells.
            with suppress(SourceError):
                queries[each] = query(each)
        if len(queries) < 2:  # noqa: PLR2004 - nothing to put together
            return
        try:
            rows = [_lower(row) for row in self.ask(together(list(queries.values())), "the catalogue")]
        except SourceError:
            return
        answers: list[Answer] = [[] for _ in queries]
        for row in rows:
            answers[int(row.pop(_NUMBER))].append(row)
        self._answers |= {(question, each): (begun, answer) for each, answer in zip(queries, answers, strict=True)}


def _lower(row: Row) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in row.asDict().items()}
