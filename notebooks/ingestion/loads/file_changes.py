"""The rows of a folder's files, as a load reads them: those of the files that are new, or of all that are there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everyone calls it
from pyspark.sql.types import StructType

from ingestion.feeds.model import Files, FilesSource
from ingestion.files.contents import Contents, no_contents, several
from ingestion.files.folder import Folder, FolderFiles
from ingestion.files.reading import read_files
from ingestion.lake.changes import Changes, Reach
from ingestion.lake.journal import Window, read_journal
from ingestion.lake.manifest import manifest_path, read_manifest
from ingestion.loads.run_context import Run
from ingestion.platform.errors import (
    InvalidSettingError,
    NothingYetError,
    PositionLostError,
    SchemaChangedError,
)

Result = TypeVar("Result")
_SHOWN = 5


@dataclass
class FileChanges:
    """The rows of the files that are new in a folder. A position is the number of a window: see `Folder`.

    Attributes:
        run: what the load works with.
        source: that has the folder.
        feed: which of its files.
    """

    run: Run
    source: FilesSource
    feed: Files
    is_key_kept: bool = field(init=False, default=False)
    may_skip_rows: bool = field(init=False, default=False)
    _files: FolderFiles | None = field(init=False, default=None)
    _read: tuple[Window, Changes] | None = field(init=False, default=None)

    @property
    def shown(self) -> str:
        """The folder."""
        return self.source.url

    @property
    def key(self) -> tuple[str, ...]:
        """The feed's key."""
        return self.feed.primary_key

    @property
    def notes(self) -> list[str]:
        """What is to be told stands with the changes."""
        return []

    @property
    def method(self) -> "FileChanges":
        """How what is new is told: by this."""
        return self

    def keys(self) -> DataFrame:
        """Refuse: files that are gone delete no rows.

        Raises:
            InvalidSettingError: always.
        """
        raise InvalidSettingError(
            f"{self.feed.name}: files that are gone delete no rows: leave deletes and delete_detection out."
        )

    def check_columns(self) -> None:
        """Nothing to be made sure of: types are found over all lines that were read."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the files: what passes by itself Spark tries again."""
        return task()

    def identity(self) -> Mapping[str, str]:
        """Return the folder: in another one, other files were read."""
        return {"folder": self.source.url}

    def at(self, value: str) -> str:
        """Refuse: a file is read once, and there is no window that could be chosen.

        Raises:
            InvalidSettingError: always.
        """
        raise InvalidSettingError(
            f"{self.feed.name}: each file is read once, so no window from {value[:80]!r} can be chosen: mode reload."
        )

    def now(self, position: str | None) -> Reach:
        """Find the files that are new, and tell the number of their window.

        Raises:
            PositionLostError: what was found in former loads is gone from the lake.
            SourceError: the folder is not there, or cannot be read.
        """
        files = self._look(position)
        return Reach(str(files.last))

    def check(self, position: str, identity: Mapping[str, str]) -> None:
        """Make sure that a position is one in this folder.

        Raises:
            PositionLostError: it is not.
        """
        if identity != self.identity():
            raise PositionLostError(f"{self.shown}: the files that were read are those of {identity.get('folder')}.")

    def changes(self, window: Window) -> Changes:
        """Return the rows of a window's files; what tells their columns is read once a window.

        Raises:
            NothingYetError: no file tells any column yet.
            SchemaChangedError: a file lacks a column of the target.
            SourceError: a file cannot be read.
        """
        if self._read is None or self._read[0] != window:
            self._read = window, self._changes(window)
        return self._read[1]

    def _changes(self, window: Window) -> Changes:
        start, end = int(window.start or 0), int(window.end or 0)
        files = self._files or self._look(window.start)
        paths, gone = files.window(start, end)
        notes = [f"{several(gone)}: gone before it was read"] if gone else []
        if files.changed:
            notes.append(f"{several(files.changed)}: changed after it was read; mode reload reads all files anew")
        known = self._known() if window.start is not None else StructType()
        contents = _contents(self.run, self.feed, paths, known)
        if contents is None and window.start is None:
            raise NothingYetError(f"{self.shown}: no file that {self.feed.pattern!r} means has a row yet.")
        contents = contents or no_contents(self.run.spark, known)
        order = contents.own.order
        return Changes(
            contents.frame if self.key else contents.frame.drop(order),
            order=order if self.key else None,
            problem=contents.own.problem,
            origin=(contents.own.file, contents.own.line),
            notes=(*notes, *contents.notes),
        )

    def _look(self, position: str | None) -> FolderFiles:
        read = int(position or 0)
        files = self._files = self._folder.look(read)
        if files.last < read:
            raise PositionLostError(f"{self.shown}: which of its files were read is gone from the lake.")
        return files

    def _known(self) -> StructType:
        journal = read_journal(self.run.storage, self.feed.destination)
        return StructType.fromJson(dict(journal.columns)) if journal and journal.columns else StructType()

    @cached_property
    def _folder(self) -> Folder:
        return _folder(self.run, self.source, self.feed)


@dataclass
class FolderRows:
    """The rows of all files that are there, which take the place of those that were landed before.

    Attributes:
        run: what the load works with.
        source: that has the folder.
        feed: which of its files.
        notes: what is to be told.
    """

    run: Run
    source: FilesSource
    feed: Files
    notes: list[str] = field(init=False, default_factory=list)
    problem: str | None = field(init=False, default=None)
    origin: tuple[str, ...] = field(init=False, default=())

    @property
    def shown(self) -> str:
        """The folder."""
        return self.source.url

    def measure(self) -> None:
        """Tell that nobody knows how many there are before they are read."""

    def frame(self) -> DataFrame:
        """Return the rows.

        Raises:
            NothingYetError: no file tells any column yet, and nothing was landed before.
        """
        manifest = read_manifest(self.run.storage.read(manifest_path(self.feed.destination)))
        known = (manifest.columns if manifest else None) or StructType()
        contents = _contents(self.run, self.feed, _folder(self.run, self.source, self.feed).paths(), known)
        if contents is None and not known.fields:
            raise NothingYetError(f"{self.shown}: no file that {self.feed.pattern!r} means has a row yet.")
        contents = contents or no_contents(self.run.spark, known)
        self.notes, self.problem = list(contents.notes), contents.own.problem
        self.origin = contents.own.file, contents.own.line
        return contents.frame.drop(contents.own.order)

    def rows_read(self, written: int) -> int:
        """Return the rows that were read: all of them are written."""
        return written

    def check_columns(self) -> None:
        """Nothing to be made sure of: types are found over all lines that were read."""

    def retry(self, task: Callable[[], Result]) -> Result:
        """Do what reads the files: what passes by itself Spark tries again."""
        return task()


def _folder(run: Run, source: FilesSource, feed: Files) -> Folder:
    state = f"_checkpoints/{feed.destination.replace('/', '~')}"
    return Folder(run.spark, run.storage, source.url, feed.pattern, state)


def _contents(run: Run, feed: Files, paths: Sequence[str], known: StructType) -> Contents | None:
    """Return what stands in files; a column that they lack is there without values, where that is allowed.

    Raises:
        SchemaChangedError: they lack one, and it is not.
    """
    contents = read_files(run.spark, feed, paths, known) if paths else None
    if contents is None or not contents.gone:
        return contents
    if not run.settings.may_break_schema:
        raise SchemaChangedError(
            f"{run.storage.url(feed.destination)}: {'; '.join(contents.gone[:_SHOWN])}. Nothing was landed. If that is "
            "meant, set the widget schema_change or the variable SCHEMA_CHANGE to allow for one run."
        )
    absent = [each for each in known if each.name not in contents.frame.columns]
    frame = contents.frame.withColumns({each.name: F.lit(None).cast(each.dataType) for each in absent})
    return replace(contents, frame=frame, notes=(*contents.notes, *contents.gone))
