"""What is wrong with the sources' files: one line a refusal, which names file, line, table, key and the way out."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ingestion.platform.errors import InvalidSettingError


@dataclass(frozen=True, order=True)
class Problem:
    """One refusal.

    Attributes:
        file: the file's name in the folder of sources.
        line: in it, from 1.
        table: the part of the file, as `[[tables]] "dbo.Orders"`; empty for the file as a whole.
        key: the key, dotted where it is an inner one; empty for the table as a whole.
        message: what is wrong, and the way out.
    """

    file: str
    line: int
    table: str
    key: str
    message: str

    def __str__(self) -> str:
        """`sales.toml:12: [[tables]] "dbo.Orders": format: ...`."""
        return ": ".join(part for part in (f"{self.file}:{self.line}", self.table, self.key, self.message) if part)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return asdict(self)


class SourcesError(InvalidSettingError):
    """The sources' files cannot be right: lists every refusal, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
