"""The closed set of error kinds. Raised everywhere, mapped to HTTP, gRPC and exit status by one table per edge.

No enum, dataclass or typing here: runc and the shim import this module at every start.
"""


class EngineError(Exception):
    """A failure with a kind, a sentence and perhaps a hint.

    `message` is lower case, without a full stop: verb, operands, cause. `hint` says what the person can do.
    A failed clean-up is attached with `add_note`, never swallowed.
    """

    kind = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message


class InvalidArgument(EngineError):
    """The caller asked for something malformed; asking again cannot help."""

    kind = "invalid_argument"


class OutOfRange(InvalidArgument):
    """The place that the caller named is not within what is there."""

    kind = "out_of_range"


class NotFound(EngineError):
    """The named thing does not exist."""

    kind = "not_found"


class AlreadyExists(EngineError):
    """The name is taken."""

    kind = "already_exists"


class FailedPrecondition(EngineError):
    """The thing exists, but is not in a state that allows the request (HTTP: conflict)."""

    kind = "failed_precondition"


class PermissionDenied(EngineError):
    """The caller, or this process, may not do it."""

    kind = "permission_denied"


class Unauthenticated(EngineError):
    """Credentials are missing or wrong."""

    kind = "unauthenticated"


class Unavailable(EngineError):
    """The other side does not answer now; asking again later may help."""

    kind = "unavailable"


class NotImplementedByEngine(EngineError):
    """The request is valid, but this engine, kernel or configuration cannot serve it."""

    kind = "not_implemented"


class Cancelled(EngineError):
    """The caller went away, or a deadline passed, before the work was done."""

    kind = "cancelled"


class InternalError(EngineError):
    """A bug of ours, or of the machine."""

    kind = "internal"


KINDS: dict[str, type[EngineError]] = {
    error.kind: error
    for error in (
        InvalidArgument,
        OutOfRange,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        PermissionDenied,
        Unauthenticated,
        Unavailable,
        NotImplementedByEngine,
        Cancelled,
        InternalError,
    )
}
