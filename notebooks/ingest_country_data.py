# Databricks notebook source
# MAGIC %md
# MAGIC # Ingest country data
# MAGIC Lands the records of India, the US, the UK, China and Russia, one JSON file each. A country that fails keeps its
# MAGIC old file; the others land, and then the notebook fails with every reason in one message.
# MAGIC
# MAGIC | | |
# MAGIC | --- | --- |
# MAGIC | from | the REST Countries API: v5 when the secret `restcountries-api-key` is there, else v3.1 |
# MAGIC | to | `<lake_root>/countries/india.json`, `us.json`, `uk.json`, `china.json`, `russia.json` |
# MAGIC | exits with | the names of the landed files, as a JSON list |
# MAGIC
# MAGIC A widget left empty gives way to the cluster's environment variable of the same name, in upper case.
# MAGIC
# MAGIC | widget | meaning | default |
# MAGIC | --- | --- | --- |
# MAGIC | `lake_root` | the lake's folder | |
# MAGIC | `country_api_url` | the API's base address | the public one of the API version in use |
# MAGIC | `country_api_connections` | how many countries are asked for at a time, 1 to 64 | 8 |
# MAGIC | `secret_scope` | where the API key is | `ingestion` |

# COMMAND ----------

dbutils.widgets.text("lake_root", "", "Lake root")
dbutils.widgets.text("country_api_url", "", "Country API base address")
dbutils.widgets.text("country_api_connections", "", "Country API connections")
dbutils.widgets.text("secret_scope", "", "Secret scope")

# COMMAND ----------

import os

import requests

from ingestion.loads.ingest_countries import ingest_countries
from ingestion.platform.workspace import configuration_of

configuration = configuration_of(dbutils, os.environ)
landed = ingest_countries(spark, requests.Session(), configuration)

# COMMAND ----------

dbutils.notebook.exit(landed)
