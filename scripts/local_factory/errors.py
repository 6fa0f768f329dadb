"""The errors of the local factory. `LocalFactoryError` is the base of every error that this package raises."""

from typing import Any


class LocalFactoryError(Exception):
    """The local factory cannot do what it was asked."""


class ArgumentError(LocalFactoryError):
    """An argument of the command is wrong; nothing was run."""


class UnsupportedFactoryError(LocalFactoryError):
    """The factory holds something that cannot be run here; nothing was run."""


class StubError(ArgumentError):
    """A stub is wrong: it names what is not there, or says what no stub can say; nothing was run."""


class StandInError(ArgumentError):
    """A stand-in for a linked service is wrong or missing; nothing was run."""


class ScheduleError(LocalFactoryError):
    """A trigger is not a schedule trigger whose fire times can be told."""


class DemoDatabaseError(LocalFactoryError):
    """The demo database cannot be made or opened."""


class DemoDatabaseInUseError(DemoDatabaseError):
    """Another process has the demo database open."""


class ActivityError(LocalFactoryError):
    """An activity failed, with the fields of ADF's error object."""

    def __init__(self, code: str, message: str, *, failure_type: str = "UserError", details: Any = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.failure_type = failure_type
        self.details = details

    def to_json(self, target: str) -> dict[str, Any]:
        """Return ADF's error object for the activity named `target`."""
        return {
            "errorCode": self.code,
            "message": self.message,
            "failureType": self.failure_type,
            "target": target,
            "details": self.details,
        }
