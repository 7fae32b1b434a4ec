"""What a service manager gives us for the container: listening sockets ($LISTEN_FDS) and a way to say that it is ready.

Source: sd_listen_fds(3), sd_notify(3).
"""

import os

from slipway.contracts.oci.runtime import Mount, Process, Spec
from slipway.contracts.oci.runtime_fields import Fields

_DIGITS = frozenset("0123456789")
_MOST = 1 << 16
_INSIDE = "/run/notify"
SOCKET = "notify.sock"


def pass_listeners(process: Process) -> int:
    """How many descriptors from 3 on are for the container, whose environment then says so; 0 if we are not meant."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    text = os.environ.get("LISTEN_FDS", "")
    count = int(text) if text and len(text) < 6 and _DIGITS.issuperset(text) else 0
    if not 0 < count < _MOST:
        return 0
    process.env.extend((f"LISTEN_FDS={count}", "LISTEN_PID=1"))
    return count


def is_notified() -> bool:
    """Whether somebody waits for the container to be ready."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def add_notify_socket(spec: Spec, directory: str) -> None:
    """Show the folder in which `start` makes a socket to the container, and name that to its program."""
    assert spec.process is not None
    options = ["bind", "nosuid", "noexec", "nodev", "ro"]
    mount: dict[str, object] = {"destination": _INSIDE, "source": directory, "options": options}
    spec.mounts.append(Mount(Fields(mount, "mounts")))  # type: ignore[arg-type]
    spec.process.env.append(f"NOTIFY_SOCKET={_INSIDE}/{SOCKET}")
