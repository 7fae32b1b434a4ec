"""The table from HTTP status to error kind, and the sentence that people see for each failed request."""

from slipway.base.errors import (
    AlreadyExists,
    EngineError,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    NotImplementedByEngine,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from slipway.clients.dockerd.json_documents import parse_json

KIND_BY_STATUS: dict[int, type[EngineError]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: FailedPrecondition,
    412: AlreadyExists,
    500: InternalError,
    501: NotImplementedByEngine,
    503: Unavailable,
}


def error_from_response(status: int, body: bytes, content_type: str, route: str) -> EngineError:
    """The error that a daemon's answer of `status` >= 400 stands for. `route` is shown when the answer has no text."""
    kind = KIND_BY_STATUS.get(status, InvalidArgument if status < 500 else InternalError)
    message = _message(body, content_type)
    if message:
        return kind(f"Error response from daemon: {message}")
    return kind(
        f"request returned {status} for API route and version {route},"
        " check if the server supports the requested API version"
    )


def _message(body: bytes, content_type: str) -> str:
    if content_type.startswith("application/json"):
        try:
            document = parse_json(body)
        except InvalidArgument as error:
            return f"Error reading JSON: {error}"
        message = document.get("message", "") if isinstance(document, dict) else ""
        return message.strip() if isinstance(message, str) else ""
    return body.decode("utf-8", "replace").strip()
