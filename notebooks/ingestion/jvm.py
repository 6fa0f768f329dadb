"""What went wrong in the JVM, in the words of the database or file system that said it."""

from py4j.protocol import Py4JJavaError


def root_cause(error: BaseException) -> str:
    """Return the innermost Java exception's own text (class and message), or a Python error's first line."""
    for link in _causes(error):
        if isinstance(link, Py4JJavaError):
            java = link.java_exception
            while java.getCause() is not None:
                java = java.getCause()
            return str(java.toString())
    return str(error).partition("\n")[0] or type(error).__name__


def _causes(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links
