"""The errors of deploying a bundle."""


class DeploymentError(Exception):
    """The deployment cannot be done: base of every error this package raises."""


class ConnectionSettingsError(DeploymentError):
    """A client cannot be made from the environment's settings: no token, no login."""


class FactoryError(DeploymentError):
    """The factory refused a request, or gave no answer."""


class ProvisioningError(FactoryError):
    """The factory refuses to change an event trigger while Event Grid makes or removes its subscription."""


class ChangedMeanwhileError(FactoryError):
    """The object in the factory is not the one that the change was made for (its ETag is another)."""


class WorkspaceError(DeploymentError):
    """The workspace refused a request, or gave no answer."""


class ExistsAlreadyError(WorkspaceError):
    """A file that was to be made is there already."""


class PlanFileError(DeploymentError):
    """A plan file cannot be read."""


class PlanRefusedError(DeploymentError):
    """The plan holds changes that must not be made; made from the reasons, which the message lists."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(["the plan is refused:", *reasons]))


class StalePlanError(DeploymentError):
    """The plan is not what would be done now: the bundle, the factory or the workspace has changed since."""


class LockedError(DeploymentError):
    """Another deployment to the same factory is under way."""


class LockLostError(DeploymentError):
    """The lock of this deployment was taken away while it ran."""


class ExecutionError(DeploymentError):
    """Some changes were refused; the message lists them all."""


class SnapshotError(DeploymentError):
    """A snapshot file cannot be read, or is another factory's."""


class ApplyFailedError(DeploymentError):
    """The deployment failed; the message says what failed and what was restored."""


class RollbackFailedError(DeploymentError):
    """Not everything could be put back; the message lists what was not."""


class RunError(DeploymentError):
    """A pipeline cannot be started: unknown, or given wrong parameters."""
