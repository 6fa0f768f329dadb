"""Setting up in the Databricks workspace what Bicep cannot: principals, permissions, Unity Catalog, the token."""
