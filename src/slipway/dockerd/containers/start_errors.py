"""What a failed start means for the exit code, by the runtime's own words; as the original reads them. Pure."""

from dataclasses import dataclass
from typing import Final

from slipway.base.errors import EngineError, InternalError, InvalidArgument
from slipway.base.exhaustion import sentence

CANNOT_INVOKE: Final = 126
NOT_FOUND: Final = 127
UNKNOWN: Final = 128
NOT_FOUND_WORDS: Final = (
    "executable file not found",
    "no such file or directory",
    "system cannot find the file specified",
    "no such file",
)


@dataclass(frozen=True)
class StartFailure:
    """The exit code that the container gets, and the error that the client gets. Clients look for words in it."""

    exit_code: int
    error: EngineError


def start_failure(error: EngineError, doing: str, working_dir: str = "") -> StartFailure:
    """`doing` is what containerd was asked for ("failed to create task for container"), or empty."""
    words = f"{doing}: {error.message}" if doing else error.message
    lower = words.lower()
    if working_dir and "not a directory" in lower and _is_about(working_dir, words):
        return StartFailure(UNKNOWN, InvalidArgument(f"Cannot mkdir: {working_dir} is not a directory"))
    if "permission denied" in lower:
        return StartFailure(CANNOT_INVOKE, InvalidArgument(words))
    if "is a directory" in lower:
        # Clients know 126 by "permission denied", which was runc's word for this before Go 1.20.
        return StartFailure(CANNOT_INVOKE, InvalidArgument(f"{words}: permission denied"))
    if "not a directory" in lower:
        hint = (
            "Are you trying to mount a directory onto a file (or vice-versa)? "
            "Check if the specified host path exists and is the expected type"
        )
        return StartFailure(NOT_FOUND, InvalidArgument(f"{words}: {hint}"))
    if any(word in lower for word in NOT_FOUND_WORDS):
        return StartFailure(NOT_FOUND, InvalidArgument(words))
    return StartFailure(UNKNOWN, InternalError(words))


def machine_failure(error: OSError, doing: str) -> InternalError:
    """`doing` failed here, before anybody was asked: no descriptor was left, or no room."""
    return InternalError(f"{doing}: {sentence(error)}")


def _is_about(working_dir: str, words: str) -> bool:
    """Whether a runtime (runc; crun) could not go there."""
    return f"mkdir {working_dir}: " in words or f"chdir to `{working_dir}`: " in words
