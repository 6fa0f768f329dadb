"""The local factory over HTTP: Data Factory's REST API, a Databricks workspace's, and Monitor in the browser."""
