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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.functions import col, expr, lit
from pyspark.sql.functions import max as greatest
from pyspark.sql.types import DataType, StructField, StructType

from ingestion.lake.delta_commits import Changes, Commit, Version, marked, version_of
from ingestion.lake.delta_sql import Clause, changes_within, ddl, has_odd_names, properties_of
from ingestion.lake.manifest import compare
from ingestion.platform.columns import literal, quoted
from ingestion.platform.errors import LakeError, PromotionError, SchemaChangedError
from ingestion.platform.spark_errors import root_cause

_COLUMN_MAPPING = MappingProxyType({"delta.columnMapping.mode": "name"})
_TYPE_WIDENING = MappingProxyType({"delta.enableTypeWidening": "true"})
_SETTING = "spark.databricks.delta."
# The column by which the source of a MERGE names its commit.
_MARK_COLUMN = "_ingestion_commit"
_NO_TABLE = (
    *("DELTA_TABLE_ONLY_OPERATION", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE"),
    *("PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND"),
)
# What a Spark without Delta says of its format and of its statements.
_DELTA_UNKNOWN = ("DATA_SOURCE_NOT_FOUND", "PARSE_SYNTAX_ERROR")
_NO_DELTA = (
    "this Spark has no Delta. On a laptop `make delta` brings it from Maven Central; "
    "or set the widget table_format or the variable TABLE_FORMAT to parquet"
)
# A MERGE's source that lies in files of ours is read as often as it takes: nobody changes them.
_STORED_SOURCE = MappingProxyType({f"{_SETTING}merge.materializeSource": "none"})
_FIRST_LOOK = 20  # versions: the last commit of an application is nearly always among them


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

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and not a table of a catalog."""
        return self._is_folder

    def exists(self) -> bool:
        """Say whether there is such a table. A folder without Delta's log is none."""
        if not self._is_folder:
            with self._failures("cannot be looked up"):
                return self._spark.catalog.tableExists(self.identifier)
        return self.newest() is not None

    def newest(self) -> Version | None:
        """Return the newest version; None where there is no such table."""
        try:
            return self.history(1)[0]
        except LakeError as error:
            if _condition(error.__cause__) in _NO_TABLE:
                return None
            raise

    def properties(self) -> dict[str, str]:
        """Return the table's properties."""
        with self._failures("its properties cannot be read"):
            rows = self._spark.sql(f"SHOW TBLPROPERTIES {self.identifier}").collect()
        return {row["key"]: row["value"] for row in rows}

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
        properties = {**_needed(columns), **properties}
        statement = f"CREATE TABLE IF NOT EXISTS {self.identifier} ({ddl(columns)}) USING delta"
        if clustering:
            statement += f" CLUSTER BY ({', '.join(map(quoted, clustering))})"
        if comment is not None:
            statement += f" COMMENT {literal(comment)}"
        if properties:
            statement += f" TBLPROPERTIES ({properties_of(properties)})"
        self._execute(statement, "cannot be made")

    def create_from(
        self,
        frame: DataFrame,
        commit: Commit,
        *,
        properties: Mapping[str, str] = MappingProxyType({}),
        comment: str | None = None,
        clustering: Sequence[str] = (),
    ) -> str | None:
        """Make a table of a catalog with its first rows, in one commit; where there is one already that is an error.

        Args:
            frame: the rows; a column's comment is its metadata's `comment`.
            commit: whose it is.
            properties: as for `create`.
            comment: as for `create`.
            clustering: as for `create`.

        Returns:
            Why the rows, which are there all the same, do not lie as `clustering` says; None where they do.
        """
        with self._failures("cannot be made"):
            writer = frame.writeTo(self.identifier).using("delta").options(**_options(commit))
            for name, value in {**_needed(frame.schema), **properties}.items():
                writer = writer.tableProperty(name, value)
            if comment is not None:
                writer = writer.tableProperty("comment", comment)
            writer.create()
        if clustering:
            statement = f"ALTER TABLE {self.identifier} CLUSTER BY ({', '.join(map(quoted, clustering))})"
            try:
                self._execute(statement, "its rows are there, but cannot be clustered")
            except LakeError as error:
                return f"{error}. Try {statement}"
        return None

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
        needed = {**_needed(new), **(_TYPE_WIDENING if wider else {})}
        if needed:
            self._execute(f"ALTER TABLE {self.identifier} SET TBLPROPERTIES ({properties_of(needed)})", "cannot change")
        if new:
            self._execute(f"ALTER TABLE {self.identifier} ADD COLUMNS ({ddl(new)})", "cannot get new columns")
        for column in wider:
            for change_type in changes_within(quoted(column.name), present[column.name].dataType, column.dataType):
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

        What else a table of a catalog has stays: comments, properties, clustering.

        Args:
            frame: the rows.
            commit: whose it is.
            replace_where: a condition: only rows that meet it are replaced, by rows that meet it; columns stay.
            properties: of a table that is made, Delta's own (`delta.*`).
        """
        options = {**_options(commit), **properties}
        with self._failures("cannot be committed"):
            if not self._is_folder and self.exists():
                self._overwrite_named(frame, options, replace_where)
                return
            if replace_where is None:
                options |= {"overwriteSchema": "true", **_needed(frame.schema)}
            else:
                options["replaceWhere"] = replace_where
            self._save(frame.write.format("delta").mode("overwrite").options(**options))

    def merge(
        self,
        frame: DataFrame,
        keys: Mapping[str, str] | Sequence[str],
        clauses: Sequence[Clause],
        commit: Commit,
        *,
        is_stored: bool = False,
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
            is_stored: the frame's rows lie in files that nobody changes: Delta need not store them first.

        Returns:
            What was changed; None where the commit had been made before.
        """
        pairs = keys if isinstance(keys, Mapping) else {name: f"source.{quoted(name)}" for name in keys}
        on = " AND ".join(f"target.{quoted(column)} = {value}" for column, value in pairs.items())
        session = _session_of(self._spark, commit)
        if is_stored and session is not None:
            _set(session, _STORED_SOURCE)
        if session is None:
            last = self.last_commit(commit.application)
            if last and (last.version or 0) >= (commit.version or 1):
                return None
            mark = marked(commit)
            frame = frame.withColumn(_MARK_COLUMN, lit(mark))
            on += f" AND source.{_MARK_COLUMN} = {literal(mark)}"
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
            return [version_of(row) for row in self._spark.sql(statement).select(*chosen).collect()]

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

    def optimize(self) -> None:
        """Let small files be large ones, without the rows that are marked as deleted."""
        self._execute(f"OPTIMIZE {self.identifier}", "cannot be optimized")

    def vacuum(self) -> None:
        """Remove files that no version of the last seven days, Delta's own default, needs."""
        self._execute(f"VACUUM {self.identifier}", "cannot be vacuumed")

    def _save(self, writer: Any) -> None:
        if self._is_folder:
            writer.save(self._target)
        else:
            writer.saveAsTable(self.identifier)

    def _overwrite_named(self, frame: DataFrame, options: dict[str, str], replace_where: str | None) -> None:
        """Replace rows of a table of a catalog: `saveAsTable` would replace the table, with all that it has."""
        columns = self.columns()
        if replace_where is None and _kinds(frame.schema) != _kinds(columns):
            # Only then: it takes the columns' comments with it.
            options["overwriteSchema"] = "true"
            needed = {name: value for name, value in _needed(frame.schema).items() if not has_odd_names(columns)}
            if needed:
                self._execute(
                    f"ALTER TABLE {self.identifier} SET TBLPROPERTIES ({properties_of(needed)})", "cannot change"
                )
        rows = lit(True) if replace_where is None else expr(replace_where)
        frame.writeTo(self.identifier).options(**options).overwrite(rows)

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
    return session if _set(session, settings) else None


def _set(session: SparkSession, settings: Mapping[str, str]) -> bool:
    """Set what a session may be told; say whether it took all of it."""
    try:
        for name, value in settings.items():
            session.conf.set(name, value)
    except PySparkException:
        return False
    return True


def _needed(columns: StructType) -> Mapping[str, str]:
    """Return the properties that a table needs for its columns."""
    return _COLUMN_MAPPING if has_odd_names(columns) else {}


def _kinds(columns: StructType) -> dict[str, DataType]:
    return {column.name: column.dataType for column in columns}


def _options(commit: Commit) -> dict[str, str]:
    return {"userMetadata": commit.dump(), **_transaction_of(commit)}


def _transaction_of(commit: Commit) -> dict[str, str]:
    if commit.version is None:
        return {}
    return {"txnAppId": commit.application, "txnVersion": str(commit.version)}


def _words(error: Exception) -> str:
    """Return in one line what Spark says of an error."""
    if _condition(error) in _DELTA_UNKNOWN:
        return _NO_DELTA
    first, *_ = str(error).strip().splitlines() or [""]
    return first if first.startswith("[") else " ".join(root_cause(error).split())


def _condition(error: BaseException | None) -> str:
    """Return the name that Spark has for what happened, without the particular case of it."""
    return (error.getCondition() or "").partition(".")[0] if isinstance(error, PySparkException) else ""
