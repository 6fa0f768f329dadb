"""The error of setting up a workspace."""


class SetupError(Exception):
    """The workspace cannot be set up; the message says what to do."""
