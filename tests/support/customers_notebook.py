"""The notebook process_customer_data over one database and one lake, run again and again while things go wrong."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from support.lakes import every_row_is_accounted_for, leftovers, rows_found


@dataclass
class CustomersNotebook:
    """What process_customer_data does, and what its last run showed.

    It does not wait between two tries: `between_tries` is called in place of each wait, with its number from 1.

    Attributes:
        waits: the seconds it would have waited.
        seconds: how long it took without them.
        shown: all that it wrote on stdout and stderr, the JVM's lines included.
    """

    spark: SparkSession
    lake: Path
    settings: Settings
    captured: pytest.CaptureFixture[str]
    waits: list[float] = field(default_factory=list)
    seconds: float = 0
    shown: str = ""

    def run(self, between_tries: Callable[[int], None] = lambda _number: None) -> str:
        def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            between_tries(len(self.waits))

        self.waits = []
        self.captured.readouterr()
        started = time.monotonic()
        exit_value = process_customers(self.spark, self.settings.configuration(), sleep=sleep)
        self.seconds = time.monotonic() - started
        output = self.captured.readouterr()
        self.shown = output.out + output.err
        return exit_value

    @property
    def rows(self) -> int | None:
        """The rows that a reader of the lake finds now."""
        return rows_found(self.lake / "customer_data")

    @property
    def error(self) -> str:
        """What the last line of the log says about the last run's failure, without the password."""
        assert self.settings.secrets["sql-password"] not in self.shown
        lines = [json.loads(line) for line in self.shown.splitlines() if line.startswith("{")]
        run: dict[str, Any] = lines[-1]
        assert (run["step"], run["level"]) == ("process_customer_data", "ERROR")
        return str(run["error"])

    def lands(self, rows: int) -> bool:
        """Run without any fault left, and say whether so many rows are in place, and nothing else lies about."""
        landed = self.run() == str(rows) and self.waits == []
        whole = self.rows == rows and every_row_is_accounted_for(self.lake, "customer_data")
        return landed and whole and leftovers(self.lake) == []
