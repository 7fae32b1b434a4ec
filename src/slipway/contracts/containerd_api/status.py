"""The one table from error kinds to gRPC status codes, and back. Both ends of the wire use it."""

from collections.abc import Mapping
from typing import Final

from slipway.base.errors import KINDS, EngineError
from slipway.base.exhaustion import is_exhausted, sentence

# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
CANCELLED: Final = 1
UNKNOWN: Final = 2
UNIMPLEMENTED: Final = 12
UNAVAILABLE: Final = 14

CODE_OF_KIND: Final[Mapping[str, int]] = {
    "cancelled": CANCELLED,
    "invalid_argument": 3,
    "not_found": 5,
    "already_exists": 6,
    "permission_denied": 7,
    "failed_precondition": 9,
    "out_of_range": 11,
    "not_implemented": UNIMPLEMENTED,
    "internal": 13,
    "unavailable": UNAVAILABLE,
    "unauthenticated": 16,
}

# Codes that originals send and we do not: the nearest kind.
_KIND_OF_FOREIGN_CODE: Final[Mapping[int, str]] = {
    4: "cancelled",  # deadline exceeded
    8: "unavailable",  # resource exhausted
    10: "failed_precondition",  # aborted
    15: "internal",  # data loss
}
_KIND_OF_CODE: Final[Mapping[int, str]] = {
    **{code: kind for kind, code in CODE_OF_KIND.items()},
    **_KIND_OF_FOREIGN_CODE,
}


def status_from_error(error: BaseException) -> tuple[int, str]:
    """The code and the message for the wire. What is not an EngineError, nor tells of a machine that has run out of
    something, is a bug of ours: unknown, with its type's name.

    A plain EngineError is a failure of the OCI runtime or of a shim: its message is all there is to know, as in the
    original.
    """
    if type(error) is EngineError:
        return UNKNOWN, str(error)
    if isinstance(error, EngineError):
        return CODE_OF_KIND[error.kind], str(error)
    if isinstance(error, OSError) and is_exhausted(error):
        return UNKNOWN, sentence(error)
    return UNKNOWN, f"internal error: {type(error).__name__}"


def error_from_status(code: int, message: str) -> EngineError:
    """The error that the other side raised, of the same kind."""
    if code == UNKNOWN:
        return EngineError(message)
    return KINDS[_KIND_OF_CODE.get(code, "internal")](message)
