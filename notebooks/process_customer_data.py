# Databricks notebook source
# MAGIC %md
# MAGIC # Process customer data
# MAGIC Lands the table `Customers` when more than 500 of its rows pass their checks. The old data stays until the new
# MAGIC is whole; rows that do not pass go to the quarantine, with the reasons.
# MAGIC
# MAGIC | | |
# MAGIC | --- | --- |
# MAGIC | from | the SQL database, over JDBC; user and password are the secrets `sql-user` and `sql-password` |
# MAGIC | to | `<lake_root>/customer_data/`, and bad rows to `<lake_root>/quarantine/customer_data/` |
# MAGIC | exits with | the number of rows landed; `0` when not more than 500 pass; `-1` on any error, which is logged |
# MAGIC
# MAGIC With `authentication=ActiveDirectoryServicePrincipal` in the database's address the two secrets are a service
# MAGIC principal's application id and client secret, and the variable `AZURE_TENANT_ID` names its Entra ID tenant.
# MAGIC
# MAGIC A widget left empty gives way to the cluster's environment variable of the same name, in upper case.
# MAGIC
# MAGIC | widget | meaning | default |
# MAGIC | --- | --- | --- |
# MAGIC | `lake_root` | the lake's folder | |
# MAGIC | `sql_url` | the database's JDBC address | |
# MAGIC | `secret_scope` | where user and password are | `ingestion` |
# MAGIC | `table_format` | `parquet` or `delta` | `parquet` |
# MAGIC | `catalog`, `schema` | of Unity Catalog: Delta tables are saved there | none: they are folders of the lake |
# MAGIC | `schema_change` | `allow` lands although a column vanished or its type no longer fits | `refuse` |
# MAGIC | `quarantine_limit` | per cent of bad rows above which nothing is landed | `5` |
# MAGIC | `quarantine_days` | days for which bad rows are kept | `30` |
# MAGIC | `sql_connections` | most connections that read the database at a time | `8` |

# COMMAND ----------

dbutils.widgets.text("lake_root", "", "Lake root")
dbutils.widgets.text("sql_url", "", "JDBC address of the database")
dbutils.widgets.text("secret_scope", "", "Secret scope")
dbutils.widgets.text("table_format", "", "Table format")
dbutils.widgets.text("catalog", "", "Catalog for tables")
dbutils.widgets.text("schema", "", "Schema for tables")
dbutils.widgets.text("schema_change", "", "Breaking schema change")
dbutils.widgets.text("quarantine_limit", "", "Most bad rows, per cent")
dbutils.widgets.text("quarantine_days", "", "Days bad rows are kept")
dbutils.widgets.text("sql_connections", "", "Most database connections")

# COMMAND ----------

import os

from ingestion.loads.process_customers import process_customers
from ingestion.platform.workspace import configuration_of

configuration = configuration_of(dbutils, os.environ)
landed = process_customers(spark, configuration)

# COMMAND ----------

dbutils.notebook.exit(landed)
