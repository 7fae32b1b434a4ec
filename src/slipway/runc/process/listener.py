"""Handing a filter's announcements to the agent that the profile names (runtime-spec, The Container Process State)."""

import os

from slipway.base import json_text
from slipway.base.errors import InternalError
from slipway.contracts.oci.runtime_version import VERSION
from slipway.linux import descriptors
from slipway.runc.confine.seccomp import Listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json


def hand_over(listener: "Listener | None", pid: int, number: int, state: "dict[str, Json]") -> None:
    """Take the descriptor `number` from the confined process `pid` and give it to the agent.

    `state` is the container's. Raises InternalError, in the original's words, if the agent cannot be told.
    """
    assert listener is not None, "only a filter with a listener makes such a descriptor"
    document: dict[str, Json] = {"ociVersion": VERSION, "fds": ["seccompFd"], "pid": pid}
    if listener.metadata:
        document["metadata"] = listener.metadata
    document["state"] = {**state}
    announcements = descriptors.take_from_process(pid, number)
    try:
        agent = _connect(listener.path, str(state["bundle"]))
        try:
            descriptors.send_descriptor(agent, announcements, json_text.dumps(document).encode())
        except OSError as error:
            raise InternalError(f"cannot send seccomp fd to {listener.path}: {_reason(error)}") from None
        finally:
            os.close(agent)
    finally:
        os.close(announcements)


def _connect(path: str, bundle: str) -> int:
    """A path that begins with @ is of the abstract namespace, as Go's callers write it; a relative one the bundle's."""
    try:
        return descriptors.connect_unix("\0" + path[1:] if path.startswith("@") else os.path.join(bundle, path))
    except OSError as error:
        raise InternalError(
            "failed to connect with seccomp agent specified in the seccomp profile: "
            f"dial unix {path}: connect: {_reason(error)}"
        ) from None


def _reason(error: OSError) -> str:
    reason = error.strerror or "invalid argument"  # without a number: the path is longer than an address holds
    return reason[:1].lower() + reason[1:]
