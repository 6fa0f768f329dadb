"""What every load of a run works with: the session, the lake, the log, and the settings that hold for all feeds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from ingestion.feeds.destinations import table_name
from ingestion.feeds.model import Feed, Source
from ingestion.feeds.sources import read_sources
from ingestion.lake.delta_tables import DeltaTable
from ingestion.lake.parquet import write_moments_for_all_readers
from ingestion.lake.places import CatalogTable, DeltaFolder, ParquetFolder, Place
from ingestion.lake.storage import Storage, open_storage
from ingestion.platform.identity import find_credential
from ingestion.platform.log import StepLog
from ingestion.platform.secrets import SecretStore
from ingestion.platform.settings import (
    Configuration,
    TableSchema,
    country_api_url,
    one_of,
    per_cent,
    read_lake_root,
    whole_number,
)

SOURCES = Path(__file__).resolve().parents[2] / "sources"
_SCHEMA_CHANGES = ("refuse", "allow")
_TABLE_FORMATS = ("parquet", "delta")
_QUARANTINE_DAYS = "30"
_MOST_DAYS = 3650
_SQL_CONNECTIONS = "8"
_MOST_CONNECTIONS = 64


@dataclass(frozen=True)
class LoadSettings:
    """What holds for all feeds of a run.

    Attributes:
        lake_root: the lake's folder.
        schema: of a catalog, that Delta tables are saved in; None: they are folders of the lake.
        may_break_schema: a table lands although a column vanished or no longer holds what it held.
        quarantine_limit: the share of bad rows above which nothing is landed; None leaves that to each feed.
        quarantine_days: how many days bad rows are kept.
        sql_connections: the most connections to a database whose source does not say how many.
    """

    lake_root: str
    schema: TableSchema | None
    may_break_schema: bool
    quarantine_limit: float | None
    quarantine_days: int
    sql_connections: int

    @classmethod
    def read(cls, configuration: Configuration) -> "LoadSettings":
        """Return the settings of a run.

        Raises:
            SettingError: one is missing, or cannot be used.
        """
        limit = configuration.find("quarantine_limit")
        return cls(
            read_lake_root(configuration),
            TableSchema.read(configuration),
            one_of(configuration, "schema_change", _SCHEMA_CHANGES) == "allow",
            None if limit is None else per_cent(configuration, "quarantine_limit", limit),
            whole_number(configuration, "quarantine_days", _QUARANTINE_DAYS, at_most=_MOST_DAYS),
            whole_number(configuration, "sql_connections", _SQL_CONNECTIONS, at_most=_MOST_CONNECTIONS),
        )


@dataclass(frozen=True)
class Run:
    """One run of a notebook that loads feeds.

    Attributes:
        spark: the session.
        configuration: where settings come from.
        settings: what holds for all feeds.
        storage: the lake.
        log: takes a line a step.
        sleep: waits a number of seconds between two tries.
    """

    spark: SparkSession = field(repr=False)
    configuration: Configuration = field(repr=False)
    settings: LoadSettings
    storage: Storage
    log: StepLog = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def begin(
        cls,
        spark: SparkSession,
        configuration: Configuration,
        log: StepLog,
        sleep: Callable[[float], None] = time.sleep,
    ) -> "Run":
        """Return a run on the lake that the settings name.

        Raises:
            SettingError: a setting is missing, or cannot be used.
            LakeError: the lake is of no kind that is known.
        """
        settings = LoadSettings.read(configuration)
        write_moments_for_all_readers(spark)
        storage = open_storage(settings.lake_root, partial(find_credential, configuration))
        return cls(spark, configuration, settings, storage, log, sleep)

    @property
    def secrets(self) -> SecretStore:
        """The workspace's secrets."""
        return self.configuration.secrets

    def delta_table(self, feed: Feed) -> DeltaTable:
        """Return the Delta table that a feed's rows go to, which need not be there: of the catalog, or a folder."""
        schema = self.settings.schema
        name = f"{schema}.{table_name(feed.destination)}" if schema else self.storage.url(feed.destination)
        return DeltaTable(self.spark, name)

    def place(self, feed: Feed) -> Place:
        """Return where a feed's rows go."""
        name = feed.destination
        if feed.format != "delta":
            return ParquetFolder(self.storage, name)
        table = self.delta_table(feed)
        if table.is_folder:
            return DeltaFolder(table, self.storage, name)
        return CatalogTable(table, self.storage, name, feed.primary_key)

    def sources(self, folder: Path = SOURCES) -> list[Source]:
        """Return the sources of a folder, with their settings and the endpoints that the stored secrets choose.

        Raises:
            SourcesError: with every refusal of every file.
            SettingError: a setting that they name cannot be used.
        """
        defaults: dict[str, Callable[[], str]] = {
            "TABLE_FORMAT": lambda: one_of(self.configuration, "table_format", _TABLE_FORMATS),
            "COUNTRY_API_URL": lambda: (
                self.configuration.named("country_api_url") or country_api_url(self.configuration)
            ),
        }

        def setting(name: str) -> str | None:
            default = defaults.get(name.upper())
            return default() if default else self.configuration.named(name.lower())

        def has_secret(key: str) -> bool:
            return self.secrets.find(self.configuration.secret(key)) is not None

        return read_sources(folder, setting, has_secret)


def feed_of(sources: list[Source], name: str) -> tuple[Any, Any]:
    """Return a source and its feed of a name.

    Raises:
        LookupError: there is no such feed.
    """
    for source in sources:
        for feed in source.feeds:
            if feed.name == name:
                return source, feed
    raise LookupError(name)
