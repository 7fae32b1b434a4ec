"""Error kinds and google.rpc.Code: the one table of the ttrpc edge, for both ends."""

from __future__ import annotations

from slipway.base import errors

CODES: dict[str, int] = {
    errors.Cancelled.kind: 1,
    errors.InvalidArgument.kind: 3,
    errors.NotFound.kind: 5,
    errors.AlreadyExists.kind: 6,
    errors.PermissionDenied.kind: 7,
    errors.FailedPrecondition.kind: 9,
    errors.OutOfRange.kind: 11,
    errors.NotImplementedByEngine.kind: 12,
    errors.InternalError.kind: 13,
    errors.Unavailable.kind: 14,
    errors.Unauthenticated.kind: 16,
}

UNKNOWN = 2
"""What an original shim answers for every error that has no kind: the message is all there is."""

_KINDS = {code: errors.KINDS[kind] for kind, code in CODES.items()} | {
    4: errors.Cancelled,  # DEADLINE_EXCEEDED
    8: errors.InvalidArgument,  # RESOURCE_EXHAUSTED: the message was too long
    10: errors.FailedPrecondition,  # ABORTED
}


def code_from_error(error: errors.EngineError) -> int:
    """The code to answer with. A failure of the runtime is UNKNOWN, as callers of the original expect."""
    return UNKNOWN if type(error) is errors.EngineError else CODES[error.kind]


def error_from_code(code: int, message: str) -> errors.EngineError:
    """The error to raise for an answer that is not OK; UNKNOWN becomes a plain EngineError with the same message."""
    return _KINDS.get(code, errors.EngineError)(message)
