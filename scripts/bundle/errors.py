"""The errors of reading and checking a bundle."""


class BundleError(Exception):
    """The bundle is wrong: base of every error this package raises."""


class ResourceError(BundleError):
    """A factory file cannot be read as a factory object."""


class NotebookNotFoundError(BundleError):
    """A notebook path names no notebook of the bundle."""


class ExpressionSyntaxError(BundleError):
    """A text is not an expression of the Data Factory language."""
