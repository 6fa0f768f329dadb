"""The failures of data activities: ADF's error names, in the form that its messages have."""

from local_factory.errors import ActivityError

_FAILED = "2200"


def copy_error(name: str, message: str, side: str = "") -> ActivityError:
    """Return the failure of a copy with one of its error names, such as `UserErrorFileNotFound`.

    Args:
        name: the error's name.
        message: what is wrong and what to do.
        side: `Source` or `Sink`, where it happened on one of them.
    """
    where = f"Failure happened on '{side}' side. " if side else ""
    return ActivityError(
        _FAILED,
        f"{where}ErrorCode={name},'Type=Microsoft.DataTransfer.Common.Shared.HybridDeliveryException,"
        f"Message={message},Source=Microsoft.DataTransfer.ClientLibrary,'",
    )
