"""What the labels of a container ask of the monitor. Pure.

They count on the container's record alone, where whoever made the container has put them: never on an image. See
docs/decisions/restart-labels.md. Source of the labels' meaning: containerd core/runtime/restart/restart.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from slipway.base.errors import InvalidArgument
from slipway.base.identifiers import integer_from_text
from slipway.containerd.tasks.model import TaskStatus

STATUS_LABEL: Final = "containerd.io/restart.status"
POLICY_LABEL: Final = "containerd.io/restart.policy"
COUNT_LABEL: Final = "containerd.io/restart.count"
STOPPED_LABEL: Final = "containerd.io/restart.explicitly-stopped"
LOG_LABEL: Final = "containerd.io/restart.loguri"

_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
# Those of the shim's own; a path alone is a fifo's.
_SCHEMES: Final = ("binary", "file", "fifo")


class Action(StrEnum):
    NOTHING = "nothing"
    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Policy:
    """`most` is how often one that failed is started again; 0 for ever."""

    name: str
    most: int = 0


def action_for(labels: Mapping[str, str], status: TaskStatus | None) -> Action:
    """What is to be done with a container whose task is `status`; None where it has no task.

    Raises InvalidArgument for labels that cannot be read: then nothing is done.
    """
    wanted = labels.get(STATUS_LABEL, "")
    if status is not None and status.name == wanted:
        return Action.NOTHING
    if wanted == "stopped":
        return Action.NOTHING if status is None else Action.STOP
    if wanted != "running" or (status is not None and status.name in ("paused", "pausing")):
        return Action.NOTHING
    return Action.START if _is_to_run(labels, status) else Action.NOTHING


def _is_to_run(labels: Mapping[str, str], status: TaskStatus | None) -> bool:
    policy = policy_from_text(labels.get(POLICY_LABEL, ""))
    match policy.name:
        case "always":
            return True
        case "on-failure":
            # One that left no task behind has no exit status either, so it did not fail: as with the original.
            failed = status is not None and status.exit_status != 0
            return failed and (not policy.most or count_from_labels(labels) < policy.most)
        case "unless-stopped":
            return labels.get(STOPPED_LABEL, "") not in _TRUE
    return False


def policy_from_text(text: str) -> Policy:
    """always (or nothing), no, unless-stopped, on-failure, on-failure:N. Raises InvalidArgument."""
    name, colon, most = text.partition(":")
    if name == "on-failure":
        return Policy(name, integer_from_text(most, "restart policy on-failure: most restarts") if colon else 0)
    if name not in ("", "always", "no", "unless-stopped") or colon:
        raise InvalidArgument(f"restart policy {text!r} is none of always, no, unless-stopped, on-failure[:N]")
    return Policy(name or "always")


def count_from_labels(labels: Mapping[str, str]) -> int:
    """How often it was started again. Raises InvalidArgument."""
    text = labels.get(COUNT_LABEL, "")
    return integer_from_text(text, COUNT_LABEL) if text else 0


def check_log_uri(uri: str) -> str:
    """The path of the program, file or fifo that a log address names; "" for none. Raises InvalidArgument."""
    if not uri:
        return ""
    scheme, separator, rest = uri.partition("://")
    path = rest.partition("?")[0] if separator else uri
    if separator and scheme not in _SCHEMES:
        raise InvalidArgument(f"{LOG_LABEL} {uri!r} is none of {', '.join(f'{known}://' for known in _SCHEMES)}")
    if not path.startswith("/") or ".." in path.split("/") or not path.isprintable():
        raise InvalidArgument(f"{LOG_LABEL} {uri!r} has no absolute path")
    return path
