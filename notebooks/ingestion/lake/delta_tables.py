"""Tables in Delta's format, a folder or a table of a catalog: every change is one commit that says whose it is.

A `Commit` carries an application (of a feed, say), a version that grows with each commit of it, and whatever the
application wants to find again, such as its position in the source. They are part of the very commit that changes the
rows: what is there was done, once, however often a run is repeated or killed.

- `append` and `overwrite` carry them as options of the write (`txnAppId`, `txnVersion`, `userMetadata`): Delta itself
  skips a commit that it has.
- MERGE has no options. Where a session of its own can be had, that one's settings say the same. Where it cannot, as
  over Spark Connect and on serverless compute, the history is looked at first, and the MERGE's own condition carries
  the commit into the table's history.

Everything here is SQL and DataFrames, alike on classic Spark and on Spark Connect.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.functions import col, lit
from pyspark.sql.functions import max as greatest
from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType

from ingestion.lake.manifest import compare
from ingestion.platform.errors import LakeError, PromotionError, SchemaChangedError
from ingestion.platform.spark_errors import root_cause

# Names that a Parquet file cannot have for a column: Delta then gives its files' columns names of their own.
_ODD_NAME = re.compile(r"[ ,;{}()\n\t=]")
_COLUMN_MAPPING = MappingProxyType({"delta.columnMapping.mode": "name"})
_TYPE_WIDENING = MappingProxyType({"delta.enableTypeWidening": "true"})
_SETTING = "spark.databricks.delta."
# How a MERGE's condition names its commit, and the column of the source by which it does so.
_MARK = re.compile(r"ingestion:([A-Za-z0-9_=-]+)")
_MARK_COLUMN = "_ingestion_commit"
# What leaves the rows as they are. An operation that is not known here counts as one that changes them.
_UPKEEP = frozenset(
    {
        *("OPTIMIZE", "REORG", "VACUUM START", "VACUUM END", "CLUSTER BY", "COMPUTE STATS", "AUTO COMPACTION"),
        *("CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "UPGRADE PROTOCOL", "DROP FEATURE"),
        *("ADD COLUMNS", "CHANGE COLUMN", "CHANGE COLUMNS", "ADD CONSTRAINT", "DROP CONSTRAINT"),
    }
)
_NO_TABLE = ("DELTA_TABLE_ONLY_OPERATION", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "PATH_NOT_FOUND")
# What a Spark without Delta says of its format and of its statements.
_DELTA_UNKNOWN = ("DATA_SOURCE_NOT_FOUND", "PARSE_SYNTAX_ERROR")
_NO_DELTA = (
    "this Spark has no Delta. On a laptop `make delta` brings it from Maven Central; "
    "or set the widget table_format or the variable TABLE_FORMAT to parquet"
)
_FIRST_LOOK = 20  # versions: the last commit of an application is nearly always among them


@dataclass(frozen=True)
class Commit:
    """Whose commit it is: the same application and version are never committed twice.

    Without a version it is one that its application knows by its metadata, and may make again.

    Attributes:
        application: one writer's name, which no other writer of the table has.
        version: grows from commit to commit of the application.
        metadata: what is kept with the commit; JSON values.
    """

    application: str
    version: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> str:
        """Return the commit as the JSON text that the table's history keeps."""
        document = {"application": self.application, "version": self.version, "metadata": dict(self.metadata)}
        return json.dumps(document, ensure_ascii=False)

    @staticmethod
    def read(text: str | None) -> "Commit | None":
        """Return the commit that a text of a table's history holds; None where it is somebody else's."""
        with suppress(ValueError, TypeError, KeyError):
            document = json.loads(text or "")
            version = document["version"]
            return Commit(
                str(document["application"]), None if version is None else int(version), dict(document["metadata"])
            )
        return None


@dataclass(frozen=True)
class Version:
    """An entry of a table's history; `commit` is None where it is not one of ours."""

    number: int
    timestamp: datetime
    operation: str
    commit: Commit | None

    @property
    def is_foreign(self) -> bool:
        """Say whether somebody else may have changed the rows."""
        return self.commit is None and self.operation not in _UPKEEP


@dataclass(frozen=True)
class Changes:
    """How many rows a MERGE inserted, updated and deleted."""

    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True)
class Clause:
    """What a MERGE does with a row: SQL in which `target` and `source` are the two sides.

    Attributes:
        match: `MATCHED`, `NOT MATCHED` (a row of the source alone) or `NOT MATCHED BY SOURCE`.
        action: `UPDATE`, `DELETE` or `INSERT`.
        values: for each column of the table, as it is named, the expression that it gets.
        when: a further condition.
    """

    match: str
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    when: str | None = None

    def sql(self) -> str:
        """Return the clause as it stands in a MERGE."""
        condition = f" AND ({self.when})" if self.when else ""
        return f"WHEN {self.match}{condition} THEN {self.action}{self._assignments()}"

    def _assignments(self) -> str:
        columns = [quoted(name) for name in self.values]
        match self.action:
            case "UPDATE":
                return " SET " + ", ".join(map("target.{} = {}".format, columns, self.values.values()))
            case "INSERT":
                return f" ({', '.join(columns)}) VALUES ({', '.join(self.values.values())})"
        return ""


def upsert(columns: Sequence[str], *, when: str | None = None) -> tuple[Clause, Clause]:
    """Return the clauses that let the table have the source's rows; rows that it has already stay as they are.

    Args:
        columns: of the table, that the source has under the same names.
        when: a further condition on rows that are updated, as `source.version >= target.version`.
    """
    values = {name: f"source.{quoted(name)}" for name in columns}
    same = " AND ".join(f"target.{quoted(name)} <=> source.{quoted(name)}" for name in columns)
    differs = f"NOT ({same})"
    return (
        Clause("MATCHED", "UPDATE", values, f"{differs} AND ({when})" if when else differs),
        Clause("NOT MATCHED", "INSERT", values),
    )


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return "`" + name.replace("`", "``") + "`"


class DeltaTable:
    """A table in Delta's format.

    Every operation raises LakeError, with the table and Spark's own words, when it fails; the table is then as it was.

    Args:
        spark: the session.
        target: a folder's address, or a table's name (`catalog.schema.table`).
    """

    def __init__(self, spark: SparkSession, target: str) -> None:
        self._spark = spark
        self._target = target
        self._is_folder = "/" in target
        parts = ["delta", target] if self._is_folder else target.split(".")
        self.identifier = ".".join(map(quoted, parts))

    def __str__(self) -> str:
        """Return the folder's address, or the table's name."""
        return self._target

    def exists(self) -> bool:
        """Say whether there is such a table. A folder without Delta's log is none."""
        if not self._is_folder:
            with self._failures("cannot be looked up"):
                return self._spark.catalog.tableExists(self.identifier)
        try:
            self.history(1)
        except LakeError as error:
            if _condition(error.__cause__) in _NO_TABLE:
                return False
            raise
        return True

    def columns(self) -> StructType:
        """Return the table's columns."""
        with self._failures("cannot be read"):
            return self.read().schema

    def read(self, version: int | None = None) -> DataFrame:
        """Return the table's rows, those of an earlier version if one is named."""
        reader = self._spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self._target) if self._is_folder else reader.table(self.identifier)

    def create(
        self,
        columns: StructType,
        *,
        properties: Mapping[str, str] = MappingProxyType({}),
        comment: str | None = None,
        clustering: Sequence[str] = (),
    ) -> None:
        """Make the table, without rows, where there is none.

        Args:
            columns: its columns; a field's comment becomes the column's.
            properties: of the table, Delta's own (`delta.*`) among them.
            comment: of the table.
            clustering: the columns by which its rows lie together.
        """
        properties = {**(_COLUMN_MAPPING if _has_odd_names(columns) else {}), **properties}
        statement = f"CREATE TABLE IF NOT EXISTS {self.identifier} ({_ddl(columns)}) USING delta"
        if clustering:
            statement += f" CLUSTER BY ({', '.join(map(quoted, clustering))})"
        if comment is not None:
            statement += f" COMMENT {_literal(comment)}"
        if properties:
            statement += f" TBLPROPERTIES ({_properties(properties)})"
        self._execute(statement, "cannot be made")

    def evolve(self, columns: StructType) -> None:
        """Give the table the columns that it lacks, and to those that it has the wider types.

        Raises:
            SchemaChangedError: a column's type does not hold what the table's holds; nothing was changed.
        """
        present = self.columns()
        known = {name.lower(): name for name in present.names}
        wanted = StructType([StructField(known.get(f.name.lower(), f.name), f.dataType) for f in columns])
        gone = [f for f in present if f.name not in wanted.names]
        change = compare(present, StructType([*wanted, *gone]))
        if change.breaking:
            raise SchemaChangedError(f"{self}: {'; '.join(change.breaking)}. Nothing was changed.")
        if not change:
            return
        new = StructType([f for f in wanted if f.name not in present.names])
        wider = [f for f in wanted if f.name in present.names and f.dataType != present[f.name].dataType]
        needed = {**(_COLUMN_MAPPING if _has_odd_names(new) else {}), **(_TYPE_WIDENING if wider else {})}
        if needed:
            self._execute(f"ALTER TABLE {self.identifier} SET TBLPROPERTIES ({_properties(needed)})", "cannot change")
        if new:
            self._execute(f"ALTER TABLE {self.identifier} ADD COLUMNS ({_ddl(new)})", "cannot get new columns")
        for column in wider:
            change_type = f"ALTER COLUMN {quoted(column.name)} TYPE {_type(column.dataType)}"
            self._execute(f"ALTER TABLE {self.identifier} {change_type}", "cannot get a wider column")

    def append(self, frame: DataFrame, commit: Commit) -> None:
        """Add rows. Columns that the frame lacks are NULL; one that the table lacks is refused: `evolve` first."""
        with self._failures("cannot be appended to"):
            writer = frame.write.format("delta").mode("append").options(**_options(commit))
            self._save(writer)

    def overwrite(
        self,
        frame: DataFrame,
        commit: Commit,
        *,
        replace_where: str | None = None,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Replace all rows, and the columns by the frame's; make the table where there is none.

        Args:
            frame: the rows.
            commit: whose it is.
            replace_where: a condition: only rows that meet it are replaced, by rows that meet it; columns stay.
            properties: of a table that is made, Delta's own (`delta.*`).
        """
        options = {**_options(commit), **properties}
        if replace_where is None:
            options["overwriteSchema"] = "true"
            if _has_odd_names(frame.schema):
                options |= _COLUMN_MAPPING
        else:
            options["replaceWhere"] = replace_where
        with self._failures("cannot be committed"):
            self._save(frame.write.format("delta").mode("overwrite").options(**options))

    def merge(
        self, frame: DataFrame, keys: Mapping[str, str] | Sequence[str], clauses: Sequence[Clause], commit: Commit
    ) -> Changes | None:
        """Change rows by key, in one commit.

        A key may be only once among the frame's rows: of two that are new both would be inserted. With rows that
        change nothing it still is a commit that writes files anew: leave it out, or them.

        Args:
            frame: the source's rows.
            keys: the columns by which rows are the same; as a mapping, the table's columns by the source's
                expressions. NULL is the same as nothing.
            clauses: what happens with rows, the first that fits.
            commit: whose it is.

        Returns:
            What was changed; None where the commit had been made before.
        """
        pairs = keys if isinstance(keys, Mapping) else {name: f"source.{quoted(name)}" for name in keys}
        on = " AND ".join(f"target.{quoted(column)} = {value}" for column, value in pairs.items())
        session = _session_of(self._spark, commit)
        if session is None:
            last = self.last_commit(commit.application)
            if last and (last.version or 0) >= (commit.version or 1):
                return None
            mark = f"ingestion:{urlsafe_b64encode(commit.dump().encode()).decode()}"
            frame = frame.withColumn(_MARK_COLUMN, lit(mark))
            on += f" AND source.{_MARK_COLUMN} = {_literal(mark)}"
        row = self._merge(session or self._spark, frame, on, clauses)
        if row is None:
            return None
        return Changes(row["num_inserted_rows"], row["num_updated_rows"], row["num_deleted_rows"])

    def version(self) -> int:
        """Return the number of the newest version."""
        return self.history(1)[0].number

    def history(self, limit: int | None = None) -> list[Version]:
        """Return the versions that the table's log still tells of, the newest first."""
        statement = f"DESCRIBE HISTORY {self.identifier}" + (f" LIMIT {limit}" if limit else "")
        with self._failures("its history cannot be read"):
            chosen = ("version", "timestamp", "operation", "operationParameters", "userMetadata")
            return [_version(row) for row in self._spark.sql(statement).select(*chosen).collect()]

    def last_commit(self, application: str) -> Commit | None:
        """Return an application's last commit; None where there is none.

        The history tells of it for as long as the table's log is kept (`delta.logRetentionDuration`). Of a folder
        whose log no longer does, the commit is known without its metadata.
        """
        for limit in (_FIRST_LOOK, None):
            versions = self.history(limit)
            for version in versions:
                if version.commit and version.commit.application == application:
                    return version.commit
            if versions[-1].number == 0:
                return None
            if limit is not None and len(versions) < limit:
                break
        number = self._transaction(application) if self._is_folder else None
        return None if number is None else Commit(application, number)

    def changes_by_others(self, since: int) -> list[Version]:
        """Return what others may have done to the rows after a version, the newest first.

        A RESTORE is always one, for it takes back rows but no commit: what `last_commit` says is then ahead of them.
        """
        limit = self.version() - since
        return [version for version in self.history(limit) if version.is_foreign] if limit > 0 else []

    def vacuum(self) -> None:
        """Remove files that no version of the last seven days, Delta's own default, needs."""
        self._execute(f"VACUUM {self.identifier}", "cannot be vacuumed")

    def _save(self, writer: Any) -> None:
        if self._is_folder:
            writer.save(self._target)
        else:
            writer.saveAsTable(self.identifier)

    def _merge(self, session: SparkSession, frame: DataFrame, on: str, clauses: Sequence[Clause]) -> Row | None:
        with self._failures("cannot be merged into"), self._view(frame, session) as source:
            steps = " ".join(clause.sql() for clause in clauses)
            merge = f"MERGE INTO {self.identifier} AS target USING {source} AS source ON {on} {steps}"
            return next(iter(session.sql(merge).collect()), None)

    @contextmanager
    def _view(self, frame: DataFrame, session: SparkSession) -> Iterator[str]:
        """Give a frame a name that a session's statements know. Serverless compute has no views of all sessions."""
        name, views = f"_ingestion_{uuid4().hex}", self._spark.catalog
        if session is self._spark:
            frame.createTempView(name)
        else:
            frame.createGlobalTempView(name)
        try:
            yield name if session is self._spark else f"global_temp.{name}"
        finally:
            views.dropTempView(name) if session is self._spark else views.dropGlobalTempView(name)

    def _transaction(self, application: str) -> int | None:
        """Return the version of an application's last commit, by the last checkpoint of the table's log."""
        with self._failures("the checkpoint of its log cannot be read"):
            files = self._spark.read.option("pathGlobFilter", "*.checkpoint*.parquet")
            transactions = files.parquet(f"{self._target}/_delta_log").select("txn.appId", "txn.version")
            found = transactions.where(col("appId") == application).agg(greatest("version").alias("version")).first()
        return int(found["version"]) if found and found["version"] is not None else None

    def _execute(self, statement: str, failure: str) -> None:
        with self._failures(failure):
            self._spark.sql(statement).collect()

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except LakeError:
            raise
        except Exception as error:  # classic Spark lets errors of the JVM through that have no class in PySpark
            raise PromotionError(f"{self}: {what}: {_words(error)}") from error


def _session_of(spark: SparkSession, commit: Commit) -> SparkSession | None:
    """Return a session whose every statement is a commit's; None where there can be none: over Spark Connect.

    It is one of its own: other feeds' statements must not be taken for this commit.
    """
    settings = {f"{_SETTING}commitInfo.userMetadata": commit.dump()}
    settings |= {f"{_SETTING}write.{name}": value for name, value in _transaction_of(commit).items()}
    new_session = getattr(spark, "newSession", None)
    if new_session is None:
        return None
    session: SparkSession = new_session()
    try:
        for name, value in settings.items():
            session.conf.set(name, value)
    except PySparkException:
        return None
    return session


def _options(commit: Commit) -> dict[str, str]:
    return {"userMetadata": commit.dump(), **_transaction_of(commit)}


def _transaction_of(commit: Commit) -> dict[str, str]:
    if commit.version is None:
        return {}
    return {"txnAppId": commit.application, "txnVersion": str(commit.version)}


def _version(row: Row) -> Version:
    commit = Commit.read(row["userMetadata"])
    mark = _MARK.search((row["operationParameters"] or {}).get("predicate") or "")
    if commit is None and mark:
        with suppress(ValueError):
            commit = Commit.read(urlsafe_b64decode(mark[1]).decode())
    return Version(row["version"], row["timestamp"], row["operation"], commit)


def _words(error: Exception) -> str:
    """Return in one line what Spark says of an error."""
    if _condition(error) in _DELTA_UNKNOWN:
        return _NO_DELTA
    first, *_ = str(error).strip().splitlines() or [""]
    return first if first.startswith("[") else " ".join(root_cause(error).split())


def _condition(error: BaseException | None) -> str:
    """Return the name that Spark has for what happened, without the particular case of it."""
    return (error.getCondition() or "").partition(".")[0] if isinstance(error, PySparkException) else ""


def _has_odd_names(columns: StructType) -> bool:
    return any(_ODD_NAME.search(name) for name in _names(columns))


def _names(kind: DataType) -> Iterator[str]:
    """Yield the names of all columns, those within columns too."""
    match kind:
        case StructType():
            for column in kind:
                yield column.name
                yield from _names(column.dataType)
        case ArrayType():
            yield from _names(kind.elementType)
        case MapType():
            yield from _names(kind.keyType)
            yield from _names(kind.valueType)


def _ddl(columns: StructType) -> str:
    """Return columns as CREATE TABLE has them; all take NULL, for what a source promises may change."""
    return ", ".join(f"{quoted(column.name)} {_type(column.dataType)}{_comment(column)}" for column in columns)


def _type(kind: DataType) -> str:
    match kind:
        case StructType():
            return f"STRUCT<{', '.join(f'{quoted(column.name)}: {_type(column.dataType)}' for column in kind)}>"
        case ArrayType():
            return f"ARRAY<{_type(kind.elementType)}>"
        case MapType():
            return f"MAP<{_type(kind.keyType)}, {_type(kind.valueType)}>"
    return kind.simpleString()


def _comment(column: StructField) -> str:
    comment = column.metadata.get("comment")
    return f" COMMENT {_literal(comment)}" if comment else ""


def _properties(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in properties.items())


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
