"""What notebooks use is PySpark's public API, which every compute has: nothing reaches behind it into a JVM."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql.connect.session import SparkSession as RemoteSession

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# What only a session in the JVM's own process has.
_ATTRIBUTES = {
    *("_jvm", "_gateway", "_jsc", "_sc", "_jsparkSession", "_jdf", "_jc", "_jrdd", "_jreader", "_jwrite", "_jwriter"),
    *("sparkContext", "rdd", "toJSON", "newSession"),
}
_MODULES = ("py4j", "pyspark.rdd", "pyspark.context", "pyspark.core", "pyspark.java_gateway")
_NAMES = {"SparkContext", "SparkConf", "RDD", "sc"}


def reaches(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of all that is not to be found on every compute."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield node.lineno, name
            case ast.Name(id=name) if name in _NAMES:
                yield node.lineno, name
            case ast.Import(names=names):
                yield from ((node.lineno, each.name) for each in names if each.name.startswith(_MODULES))
            case ast.ImportFrom(module=str(module), names=names):
                found = module.startswith(_MODULES) or {each.name for each in names} & _NAMES
                yield from [(node.lineno, module)] if found else []
            case ast.Constant(value=str(text)) if text in _ATTRIBUTES - {"rdd", "newSession"}:
                yield node.lineno, text  # getattr


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("spark._jvm.java", "_jvm"),
        ("getattr(spark, '_jvm')", "_jvm"),
        ("frame.rdd.map(f)", "rdd"),
        ("spark.sparkContext.parallelize([])", "sparkContext"),
        ("import py4j.protocol", "py4j.protocol"),
        ("from py4j.protocol import Py4JError", "py4j.protocol"),
        ("from pyspark import SparkContext", "pyspark"),
        ("sc.range(1)", "sc"),
    ],
)
def test_what_not_every_compute_has_is_found(source: str, name: str) -> None:
    assert list(reaches(source)) == [(1, name)]


def test_notebooks_use_what_every_compute_has() -> None:
    files = sorted(NOTEBOOKS.rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(NOTEBOOKS.parent)}:{line}: {name}"
        for file in files
        for line, name in reaches(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_these_tests_sessions_of_connect_refuse_what_standard_compute_does(spark: SparkSession) -> None:
    if not isinstance(spark, RemoteSession):
        spark.conf.set("spark.databricks.nothing", "1")
        spark.conf.unset("spark.databricks.nothing")
        return
    with pytest.raises(AnalysisException, match="CONFIG_NOT_AVAILABLE"):
        spark.conf.set("spark.databricks.nothing", "1")
