"""What went wrong within Spark, in the words of the database or file system that said it.

Spark, classic or over Connect, hands Java's exceptions over as texts: class and message of each, the outermost first.
"""

import re
from dataclasses import dataclass

# Where a Java exception's class stands in such a text: at its beginning, after a task's name, or as a cause; its
# message goes on to the frames of the stack, or to the next cause.
_CAUSE = re.compile(
    r"(?:^: |^Caused by: |executor \S+\): |^\()(?P<kind>(?:[a-z_]\w*\.)+[A-Z][\w$]*)\)?(?::? (?P<message>.*?))?\s*"
    r"(?=\n\s+at \S|\n\s*\.\.\. \d+ more|\nCaused by: |\n\s*Driver stacktrace:|\n\s*JVM stacktrace:|\Z)",
    re.MULTILINE | re.DOTALL,
)
# Where Java's stack begins in the text of an error: classic Spark shows frames, Spark Connect says so before them.
_STACK = re.compile(r"\n\s*(?:(?:JVM|Driver) stacktrace:|at (?:[\w$.@-]*/)*[\w$.<>]+\().*", re.DOTALL)
_LOST_TASK = re.compile(r"Job aborted due to stage failure.*?executor \S+\): ", re.DOTALL)


@dataclass(frozen=True)
class JavaCause:
    """One Java exception of a chain: its class, and its message, which may be empty."""

    kind: str
    message: str

    def __str__(self) -> str:
        """As Java shows it."""
        return f"{self.kind}: {self.message}" if self.message else self.kind


def java_causes(error: BaseException) -> list[JavaCause]:
    """Return the Java exceptions behind an error, the outermost first; none where it did not come from Spark."""
    found: list[JavaCause] = []
    for link in _chain(error):
        for match in _CAUSE.finditer(str(link)):
            message = _LOST_TASK.sub("", match["message"] or "").strip()
            cause = JavaCause(match["kind"], message)
            if cause not in found:
                found.append(cause)
    return found


def root_cause(error: BaseException) -> str:
    """Return the innermost Java exception's class and message, or a Python error's first line."""
    causes = java_causes(error)
    # A thread that waits for another one has nothing of its own to say.
    telling = [cause for cause in causes if not cause.message.startswith("Exception thrown in awaitResult")]
    if causes:
        return str((telling or causes)[-1])
    return str(error).strip().partition("\n")[0] or type(error).__name__


def without_stack(error: BaseException) -> str:
    """Return what an error says, without the stack of the Java that it came from; its kind where it says nothing."""
    return _STACK.sub("", str(error)).strip() or type(error).__name__


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links
