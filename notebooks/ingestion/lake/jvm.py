"""What went wrong in the JVM, in the words of the database or file system that said it."""

from typing import Any

from py4j.protocol import Py4JJavaError


def root_cause(error: BaseException) -> str:
    """Return the innermost Java exception's own text (class and message), or a Python error's first line."""
    causes = java_causes(error)
    if causes:
        return str(causes[-1].toString())
    return str(error).partition("\n")[0] or type(error).__name__


def java_causes(error: BaseException) -> list[Any]:
    """Return the Java exceptions behind an error, the outermost first; none where it did not come from the JVM."""
    causes: list[Any] = []
    for link in _causes(error):
        if isinstance(link, Py4JJavaError):
            java = link.java_exception
            while java is not None:
                causes.append(java)
                java = java.getCause()
            break
    return causes


def _causes(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links
