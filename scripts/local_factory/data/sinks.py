"""Where rows go: files by the copy behaviours, and tables by the write behaviours."""

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.documents import mapping
from local_factory.data import compression, formats
from local_factory.data.databases import POSTGRESQL, SQLITE, Database
from local_factory.data.datasets import Dataset
from local_factory.data.delimited_text import TextFormat, write_text
from local_factory.data.errors import copy_error
from local_factory.data.folders import Location, location_of
from local_factory.data.json_documents import objects, parse_json_path, with_path, write_documents
from local_factory.data.mappings import Translator, declared_types, fitted
from local_factory.data.rows import Rejected, Rows, batches, count_rows, internal
from local_factory.data.sql_sources import table_of
from local_factory.data.types import Column, literal, quoted
from local_factory.data.work import Work
from local_factory.errors import ActivityError

_PRESERVE, _FLATTEN, _MERGE = "PreserveHierarchy", "FlattenHierarchy", "MergeFiles"
_CODECS = frozenset({"snappy", "gzip", "none", "zstd", "lz4", "brotli"})


@dataclass
class Written:
    """What came to the sink so far."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Sink(ABC):
    """Takes the rows of each source file in turn, and at the end says what came of them."""

    written: Written

    @abstractmethod
    def write(self, rows: Rows) -> None:
        """Take rows.

        Raises:
            ActivityError: they do not fit, or cannot be written.
        """

    @abstractmethod
    def finish(self) -> Written:
        """Write what was held back, and return what came."""


class FileSink(Sink):
    """Files of a folder, each written aside and put in its place by renaming."""

    def __init__(
        self,
        work: Work,
        dataset: Dataset,
        sink: Mapping[str, Any],
        translator: Translator,
        *,
        skip: bool,
    ) -> None:
        self.written = Written()
        self._work = work
        self._location = location_of(dataset)
        self._format = formats.format_of(dataset.type, dataset.properties)
        self._properties = formats.format_properties(dataset.type, dataset.properties)
        self._settings = {**mapping(sink.get("formatSettings"))}
        behavior = mapping(sink.get("storeSettings")).get("copyBehavior") or sink.get("copyBehavior")
        self._behavior = str(behavior or _PRESERVE)
        self._translator = translator
        self._skip = skip
        self._held: list[Rows] = []
        if self._format not in (formats.TEXT, formats.JSON, formats.PARQUET):
            raise copy_error(
                "UserErrorUnsupportedFormat", f"format {self._format} does not run here: stub the activity", "Sink"
            )

    def write(self, rows: Rows) -> None:
        """Write the rows of a source file to a file of their own, or hold them back to be merged."""
        if self._behavior == _MERGE or self._location.file or rows.file is None:
            self._held.append(rows)
        else:
            self._write_file(self._target(rows), [rows])

    def finish(self) -> Written:
        """Write what is to be in one file."""
        if self._held:
            name = self._location.file or f"data_{uuid.uuid4()}_{uuid.uuid4()}{self._extension}"
            self._write_file(self._location.inside(self._location.container, self._location.folder, name), self._held)
        return self.written

    @property
    def _extension(self) -> str:
        given = self._settings.get("fileExtension")
        if self._format == formats.TEXT:
            extension = str(given or ".txt")
        else:
            extension = {formats.JSON: ".json", formats.PARQUET: ".parquet"}[self._format]
        return extension if extension.startswith(".") or not extension else f".{extension}"

    def _target(self, rows: Rows) -> Path:
        relative = rows.file.relative if rows.file else PurePosixPath("data")
        if self._behavior == _FLATTEN:
            name = PurePosixPath(f"data_{uuid.uuid4()}_{uuid.uuid4()}{self._extension}")
        else:
            name = (
                relative.with_name(relative.stem + self._extension)
                if relative.suffix
                else relative.with_name(relative.name + self._extension)
            )
        return self._location.inside(self._location.container, self._location.folder, name.as_posix())

    def _write_file(self, target: Path, parts: Sequence[Rows]) -> None:
        most = int(self._settings.get("maxRowsPerFile") or 0)
        if not most:
            self._write_one(target, parts)
            return
        prefix = str(self._settings.get("fileNamePrefix") or "data")
        whole = self._united(parts)
        total = count_rows(self._work, whole.sql)
        for number, start in enumerate(range(0, max(total, 1), most)):
            sql = f"select * from ({whole.sql}) limit {most} offset {start}"
            piece = replace(whole, sql=sql, documents=None)
            self._write_one(target.with_name(f"{prefix}_{number:05d}{self._extension}"), [piece])

    def _write_one(self, target: Path, parts: Sequence[Rows]) -> None:
        codec = compression.codec_of(self._properties)
        with written_aside(target, self._location) as aside:
            if self._format == formats.PARQUET:
                self._write_parquet(aside, parts)
            elif codec:
                plain = self._work.folder / self._work.new_name("plain-")
                self._write_plain(plain, parts)
                compression.pack(plain, codec, aside, target.name)
            else:
                self._write_plain(aside, parts)
        self.written.files += 1
        self.written.bytes += target.stat().st_size

    def _write_plain(self, path: Path, parts: Sequence[Rows]) -> None:
        with path.open("wb") as stream:
            if self._format == formats.JSON:
                as_array = str(self._settings.get("filePattern") or "").lower() == "arrayofobjects"
                encoding = TextFormat.of({"encodingName": self._properties.get("encodingName")}, {}).encoding
                found = (document for rows in parts for document in self._documents(rows))
                self.written.rows += write_documents(found, stream, encoding, as_array=as_array)
                return
            form = TextFormat.of(self._properties, {})
            quote_all = str(self._settings.get("quoteAllText", "")).lower() == "true"
            rows = self._united(parts)
            texts = [Column(column.name) for column in rows.columns]
            rows, rejected = fitted(self._work, rows, texts, self._translator.conversion, skip=self._skip)
            self.written.rejected += rejected
            if rows.columns:
                self.written.rows += write_text(self._work, rows.sql, rows.columns, form, stream, quote_all=quote_all)

    def _documents(self, rows: Rows) -> Iterator[Any]:
        if rows.documents is not None and self._translator.pairs is None and not rows.columns:
            yield from rows.documents
            return
        rows = self._typed(rows)
        names = [column.name for column in rows.columns]
        paths = [parse_json_path(name)[1] if name.startswith("$") else None for name in names]
        for batch in batches(self._work, rows.sql):
            for document in objects(names, batch):
                if not any(paths):
                    yield document
                    continue
                nested: dict[str, Any] = {}
                for name, steps in zip(names, paths, strict=True):
                    with_path(nested, steps or [name], document[name])
                yield nested

    def _write_parquet(self, path: Path, parts: Sequence[Rows]) -> None:
        rows = self._typed(self._united(parts))
        codec = str(self._properties.get("compressionCodec") or "snappy").lower()
        if codec not in _CODECS:
            raise copy_error(
                "UserErrorUnsupportedCompression", f"Parquet with {codec} does not run on this machine", "Sink"
            )
        if not rows.columns:
            raise copy_error("ParquetNoColumns", "a Parquet file needs columns: the source has none", "Sink")
        picked = ", ".join(f"{internal(i)} as {quoted(c.name)}" for i, c in enumerate(rows.columns))
        codec = "uncompressed" if codec == "none" else codec
        with self._work.stopping(self._work.connection.interrupt):
            count = self._work.connection.execute(
                f"copy (select {picked} from ({rows.sql})) to {literal(str(path))} "
                f"(format parquet, compression {codec})"
            ).fetchone()
        self.written.rows += int(count[0]) if count else 0

    def _typed(self, rows: Rows) -> Rows:
        """Return rows in the types that the mapping declares for the sink."""
        targets = declared_types(self._translator, rows.columns)
        rows, rejected = fitted(self._work, rows, targets, self._translator.conversion, skip=self._skip)
        self.written.rejected += rejected
        return rows

    def _united(self, parts: Sequence[Rows]) -> Rows:
        """Return the rows of several files one after the other, their columns matched by name."""
        if len(parts) == 1:
            return parts[0]
        kinds: dict[str, set[str]] = {}
        for rows in parts:
            for column in rows.columns:
                kinds.setdefault(column.name, set()).add(column.type)
        columns = tuple(Column(n, k.copy().pop() if len(k) == 1 else "VARCHAR") for n, k in kinds.items())
        selects = []
        for rows in parts:
            places = {column.name: index for index, column in enumerate(rows.columns)}
            picked = ", ".join(
                f"cast({internal(places[c.name]) if c.name in places else 'null'} as {c.type}) as {internal(i)}"
                for i, c in enumerate(columns)
            )
            if rows.columns:
                selects.append(f"select {picked} from ({rows.sql})")
        return Rows(" union all ".join(selects) or "select 1 as c0 where false", columns)


@contextmanager
def written_aside(target: Path, location: Location) -> Iterator[Path]:
    """Give a path to write to, and put the file in its place when that went well."""
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        os.replace(aside, target)  # noqa: PTH105 - replaces what is there
    except OSError as error:
        raise copy_error(
            "UserErrorFailedFileOperation", f"'{location.shown}' cannot be written: {error}", "Sink"
        ) from None
    finally:
        aside.unlink(missing_ok=True)


class TableSink(Sink):
    """A table of a database: rows are appended, merged by their keys, or given to a procedure."""

    def __init__(
        self,
        work: Work,
        database: Database,
        dataset: Dataset,
        sink: Mapping[str, Any],
        translator: Translator,
        *,
        skip: bool,
    ) -> None:
        self.written = Written()
        self._work = work
        self._database = database
        self._dialect = database.dialect
        self._schema, self._table = table_of(dataset, database)
        self._name = self._dialect.table(self._schema, self._table)
        self._translator = translator
        self._skip = skip
        self._batch = int(sink.get("writeBatchSize") or 10_000)
        self._creates = str(sink.get("tableOption") or "none").lower() == "autocreate"
        behavior = str(sink.get("writeBehavior") or "insert").lower()
        self._upserts = behavior in ("upsert", "merge")
        self._settings = mapping(sink.get("upsertSettings"))
        if sink.get("sqlWriterStoredProcedureName") or behavior == "storedprocedure":
            raise copy_error(
                "UserErrorUnsupportedWriteBehavior",
                "sqlWriterStoredProcedureName takes a table-valued parameter, which only SQL Server has: stub it",
                "Sink",
            )
        script = sink.get("preCopyScript")
        if script:
            database.execute(str(script))
        self._columns = database.table_columns(self._schema, self._table)

    def write(self, rows: Rows) -> None:
        """Convert rows to the types of the table's columns and write them, some thousands at a time."""
        if not rows.columns:
            return
        if self._columns is None:
            self._columns = self._create(rows)
        targets = [self._target(column) for column in rows.columns]
        rows, rejected = fitted(self._work, rows, targets, self._translator.conversion, skip=self._skip)
        self.written.rejected += rejected
        names = [column.name for column in targets]
        found = batches(self._work, rows.sql, self._batch)
        if self._upserts:
            self._upsert(names, found)
            return
        for batch in found:
            self._insert(names, batch, rows)

    def finish(self) -> Written:
        """Return what came: all of it is written already."""
        return self.written

    def _target(self, column: Column) -> Column:
        columns = self._columns or ()
        exact = next((known for known in columns if known.name == column.name), None)
        found = exact or next((known for known in columns if known.name.casefold() == column.name.casefold()), None)
        if found is None:
            raise copy_error(
                "SqlInvalidColumnName",
                f"The column '{column.name}' is not found in the target table {self._name}; it has: "
                f"{', '.join(known.name for known in columns)}. Map the columns, or leave it out",
                "Sink",
            )
        return found

    def _create(self, rows: Rows) -> tuple[Column, ...]:
        if not self._creates:
            raise copy_error(
                "SqlOperationFailed",
                f"Invalid object name '{self._name}': no such table. Make it, or set tableOption to autoCreate",
                "Sink",
            )
        columns = declared_types(self._translator, rows.columns)
        shape = ", ".join(f"{self._dialect.quote(c.name)} {self._dialect.type_of(c.type)}" for c in columns)
        if self._schema and self._dialect.has_schemas and self._dialect is POSTGRESQL:
            self._database.execute(f"create schema if not exists {self._dialect.quote(self._schema)}")
        self._database.execute(f"create table {self._name} ({shape})")
        return self._database.table_columns(self._schema, self._table) or tuple(columns)

    def _insert(self, names: Sequence[str], batch: Sequence[Sequence[Any]], rows: Rows) -> None:
        try:
            self._database.insert(self._name, names, batch)
            self.written.rows += len(batch)
        except ActivityError:
            if not self._skip:
                raise
            for row in batch:  # one by one: the database says which of them it does not take
                try:
                    self._database.insert(self._name, names, [row])
                    self.written.rows += 1
                except ActivityError as error:
                    self.written.rejected.append(Rejected(self._name, error.message, row))

    def _upsert(self, names: Sequence[str], found: Iterator[list[tuple[Any, ...]]]) -> None:
        keys = [self._target(Column(str(key))).name for key in self._settings.get("keys") or ()]
        keys = keys or self._database.primary_key(self._schema, self._table)
        missing = [key for key in keys if key not in names]
        if not keys or missing:
            raise copy_error(
                "UserErrorMissingUpsertKeys",
                f"upsert into {self._name}: "
                + (f"the rows have no column '{missing[0]}'" if keys else "name its keys in upsertSettings.keys"),
                "Sink",
            )
        dialect, interim = self._dialect, self._dialect.quote(f"InterimTable_{uuid.uuid4().hex}")
        if self._settings.get("interimSchemaName") and dialect.has_schemas:
            interim = f"{dialect.quote(str(self._settings['interimSchemaName']))}.{interim}"
        picked = ", ".join(dialect.quote(name) for name in names)
        if dialect.exec_procedures:
            self._database.execute(f"select {picked} into {interim} from {self._name} where 1 = 0")
        else:
            self._database.execute(f"create table {interim} as select {picked} from {self._name}{dialect.empty_copy}")
        try:
            for batch in found:
                self._database.insert(interim, names, batch)
                self.written.rows += len(batch)
            for statement in _merge(self._database, self._name, interim, keys, names):
                self._database.execute(statement)
        finally:
            self._database.connection.rollback()
            self._database.execute(f"drop table {interim}")


def _merge(database: Database, table: str, interim: str, keys: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield statements that update the rows whose key is there and insert the others."""
    dialect = database.dialect
    q = dialect.quote
    alias = f"{table}" if dialect is SQLITE else "t"
    same = " and ".join(f"{alias}.{q(key)} = s.{q(key)}" for key in keys)
    others = [name for name in names if name not in keys]
    picked = ", ".join(q(name) for name in names)
    if dialect.merges:
        changes = ", ".join(f"{q(name)} = s.{q(name)}" for name in others)
        update = f" when matched then update set {changes}" if others else ""
        values = ", ".join(f"s.{q(name)}" for name in names)
        insert = f"insert ({picked}) values ({values})"
        yield f"merge into {table} t using {interim} s on {same}{update} when not matched then {insert}"
        return
    if others:
        if dialect.update_join:
            changes = ", ".join(f"t.{q(name)} = s.{q(name)}" for name in others)
            yield f"update {table} t join {interim} s on {same} set {changes}"
        elif dialect.exec_procedures:
            changes = ", ".join(f"t.{q(name)} = s.{q(name)}" for name in others)
            yield f"update t set {changes} from {table} t join {interim} s on {same}"
        else:
            changes = ", ".join(f"{q(name)} = s.{q(name)}" for name in others)
            aliased = table if dialect is SQLITE else f"{table} as t"
            yield f"update {aliased} set {changes} from {interim} as s where {same}"
    aliased = table if dialect is SQLITE else f"{table} t"
    selected = ", ".join(f"s.{q(name)}" for name in names)
    yield (
        f"insert into {table} ({picked}) select {selected} from {interim} s "
        f"where not exists (select 1 from {aliased} where {same})"
    )
