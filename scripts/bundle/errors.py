"""The errors of reading and checking a bundle."""

from pathlib import Path


class BundleError(Exception):
    """The bundle is wrong: base of every error this package raises."""


class ResourceError(BundleError):
    """A factory file cannot be read as a factory object."""


class ResourceFileError(ResourceError):
    """One file is wrong: which, where in it (a JSON path), and what is wrong there."""

    def __init__(self, file: Path, problem: str, json_path: str = "$") -> None:
        super().__init__(f"{file}: {json_path}: {problem}")
        self.file, self.problem, self.json_path = file, problem, json_path


class MalformedFileError(ResourceFileError):
    """A file is not JSON in UTF-8."""


class RepeatedKeyError(ResourceFileError):
    """A JSON object has the same key twice."""


class ResourceShapeError(ResourceFileError):
    """A document is not `{"name": ..., "properties": {...}}`."""


class NamesakeError(ResourceFileError):
    """Two files hold objects of one kind and name."""


class ReferenceCycleError(BundleError):
    """Objects refer to each other in a circle."""


class NotebookNotFoundError(BundleError):
    """A notebook path names no notebook of the bundle."""


class ExpressionSyntaxError(BundleError):
    """A text is not an expression of the Data Factory language."""


class JsonPathError(BundleError):
    """A text is no JSON path, or leads nowhere in the document."""


class EnvironmentFileError(BundleError):
    """An environment file is wrong, or names a variable that is not set."""


class SourceEncodingError(BundleError):
    """A Python file of the notebooks' folder is not UTF-8: which, in which line (from 1), and what stands there."""

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file}: line {line}: {problem}")
        self.line, self.problem = line, problem


class UnknownRuleError(BundleError):
    """There is no rule of that name."""


class DashboardError(BundleError):
    """A dashboard's file is wrong."""
