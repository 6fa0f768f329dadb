"""What the server refuses. Each error becomes Azure's error shape, or a line on the terminal at the start."""

from typing import Any

from local_factory.errors import LocalFactoryError


class ServerError(LocalFactoryError):
    """The server cannot start; nothing was served."""


class ServiceError(LocalFactoryError):
    """A request is refused, with the status, code and message that Azure answers."""

    def __init__(self, status: int, code: str, message: str, *, target: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target

    def to_json(self) -> dict[str, Any]:
        """Return the body of Azure's answer."""
        return {"error": {"code": self.code, "message": self.message, "target": self.target, "details": None}}


def bad_request(message: str, *, code: str = "BadRequest", target: str | None = None) -> ServiceError:
    """Return the refusal of a request that is wrong in itself."""
    return ServiceError(400, code, message, target=target)


def not_found(message: str, *, code: str = "ResourceNotFound") -> ServiceError:
    """Return the refusal of a request for what is not there."""
    return ServiceError(404, code, message)
