"""The errors of reading and checking a bundle."""


class BundleError(Exception):
    """The bundle is wrong: base of every error this package raises."""


class ResourceError(BundleError):
    """A factory file cannot be read as a factory object."""


class NotebookNotFoundError(BundleError):
    """A notebook path names no notebook of the bundle."""


class ExpressionSyntaxError(BundleError):
    """A text is not an expression of the Data Factory language."""


class JsonPathError(BundleError):
    """A text is no JSON path, or leads nowhere in the document."""


class EnvironmentFileError(BundleError):
    """An environment file is wrong, or names a variable that is not set."""


class ReferenceCycleError(BundleError):
    """Objects refer to each other in a circle."""
