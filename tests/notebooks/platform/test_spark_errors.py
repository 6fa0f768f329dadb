"""What errors of Spark say to people."""

import pytest

from ingestion.platform.spark_errors import without_stack

CONNECT = "[TABLE_NOT_FOUND] There is no t.\n\nJVM stacktrace:\norg.x.AnalysisException\n\tat org.x.Y.z(Y.scala:1)"
CLASSIC = "An error occurred: java.lang.IllegalStateException: closed\n\tat org.x.Y.z(Y.java:3)\n\t... 12 more"

MODULE = "called lit. Trace:\njava.lang.NumberFormatException: 9\n\tat java.base/java.lang.Long.<init>(Long.java:711)\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONNECT, "[TABLE_NOT_FOUND] There is no t."),
        (CLASSIC, "An error occurred: java.lang.IllegalStateException: closed"),
        (MODULE, "called lit. Trace:\njava.lang.NumberFormatException: 9"),
        ("one line\nand another, at (noon)", "one line\nand another, at (noon)"),
        ("", "ValueError"),
    ],
    ids=["connect", "classic", "of a module of Java", "of Python", "wordless"],
)
def test_an_error_is_told_without_the_stack_of_the_java_that_it_came_from(text: str, said: str) -> None:
    assert without_stack(ValueError(text)) == said
