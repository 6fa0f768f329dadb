"""Databricks AI/BI dashboards as files, `infra/dashboards/NAME.lvdash.json`: read, checked, and told their tables."""
