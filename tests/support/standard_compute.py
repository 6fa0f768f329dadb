"""What standard and serverless compute refuse a notebook's session, and a laptop's Spark does not."""

from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql.conf import RuntimeConfig
from pyspark.sql.connect.conf import RuntimeConf

_set = {kind: kind.set for kind in (RuntimeConfig, RuntimeConf)}


def refuse_settings(patch: pytest.MonkeyPatch, kind: type) -> None:
    """Let sessions of a kind refuse to set what is Databricks' own.

    Source: learn.microsoft.com/azure/databricks/spark/conf, "Configure Spark properties for serverless".
    """

    def refuse(conf: Any, name: str, value: Any) -> None:
        if name.startswith("spark.databricks."):
            raise AnalysisException(f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I")
        _set[kind](conf, name, value)

    patch.setattr(kind, "set", refuse)


def take_settings(patch: pytest.MonkeyPatch, kind: type) -> None:
    """Let sessions of a kind take every setting, as on compute of one's own."""
    patch.setattr(kind, "set", _set[kind])
