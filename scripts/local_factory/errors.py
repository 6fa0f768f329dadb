"""The errors of the factory on this machine."""


class LocalFactoryError(Exception):
    """Something cannot be run here: base of every error this package raises."""


class ScheduleError(LocalFactoryError):
    """A trigger is not a schedule trigger whose fire times can be told."""


class DemoDatabaseError(LocalFactoryError):
    """The demo database cannot be made or opened."""


class DemoDatabaseInUseError(DemoDatabaseError):
    """Another process has the demo database open."""
