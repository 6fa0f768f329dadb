# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest
# MAGIC Loads the feeds that `sources/*.toml` name: tables, endpoints, folders. Several at a time; one that fails does
# MAGIC not hold back the others.
# MAGIC
# MAGIC | | |
# MAGIC | --- | --- |
# MAGIC | from | what the sources say |
# MAGIC | to | each feed's `destination` below `<lake_root>`; bad rows to `quarantine/`, a row each to `ingest_runs/` |
# MAGIC | exits with | JSON: `status`, `message`, and `feeds` with what was done to each |
# MAGIC
# MAGIC A widget left empty gives way to the cluster's environment variable of the same name, in upper case. So does
# MAGIC every `${NAME}` in a source's file.
# MAGIC
# MAGIC | widget | meaning | default |
# MAGIC | --- | --- | --- |
# MAGIC | `feeds` | names or globs with commas: `sales.*,tracker.issues` | `*` |
# MAGIC | `tags` | words with commas: feeds that carry one of them | all |
# MAGIC | `mode` | `load`, `reload`, `backfill`, `repair`; `reconcile`, `status`, `discover` only look | `load` |
# MAGIC | `from`, `to` | the window of `backfill`, its end not included: ISO 8601 with zone, or numbers | |
# MAGIC | `sources` | another folder of TOML files | `sources` beside this notebook |
# MAGIC | `lake_root` | the lake's folder | |
# MAGIC | `sql_url`, `country_api_url` | what the sources of this bundle name | |
# MAGIC | `table_format` | `parquet` or `delta`, for Customers and Products | `parquet` |
# MAGIC | `catalog`, `schema` | of Unity Catalog: Delta tables are saved there | none: they are folders of the lake |
# MAGIC | `schema_change` | `allow` lands although a column vanished or its type no longer fits | `refuse` |
# MAGIC | `quarantine_limit` | per cent of bad rows above which nothing is landed | each feed's own |
# MAGIC | `quarantine_days` | days for which bad rows are kept | `30` |
# MAGIC | `sql_connections` | most connections to a database whose source does not say how many | `8` |
# MAGIC | `pipeline_run_id` | the pipeline's run, for the run's row in `ingest_runs/` | |
# MAGIC | `secret_scope` | where the secrets are that the sources name | `ingestion` |

# COMMAND ----------

dbutils.widgets.text("feeds", "", "Feeds")
dbutils.widgets.text("tags", "", "Tags")
dbutils.widgets.text("mode", "", "Mode")
dbutils.widgets.text("from", "", "From")
dbutils.widgets.text("to", "", "To")
dbutils.widgets.text("sources", "", "Folder of sources")
dbutils.widgets.text("pipeline_run_id", "", "Run of the pipeline")
dbutils.widgets.text("lake_root", "", "Lake root")
dbutils.widgets.text("sql_url", "", "JDBC address of the database")
dbutils.widgets.text("country_api_url", "", "Country API base address")
dbutils.widgets.text("table_format", "", "Table format")
dbutils.widgets.text("catalog", "", "Catalog for tables")
dbutils.widgets.text("schema", "", "Schema for tables")
dbutils.widgets.text("schema_change", "", "Breaking schema change")
dbutils.widgets.text("quarantine_limit", "", "Most bad rows, per cent")
dbutils.widgets.text("quarantine_days", "", "Days bad rows are kept")
dbutils.widgets.text("sql_connections", "", "Most database connections")
dbutils.widgets.text("secret_scope", "", "Secret scope")

# COMMAND ----------

import os

from ingestion.loads.run import run_feeds
from ingestion.platform.workspace import configuration_of

configuration = configuration_of(dbutils, os.environ)
result = run_feeds(spark, configuration)

# COMMAND ----------

dbutils.notebook.exit(result)
