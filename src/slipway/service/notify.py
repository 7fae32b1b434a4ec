"""Telling the service manager how far a daemon is: sd_notify(3)."""

import os
import socket
from typing import Final

from slipway.base.errors import Unavailable

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def notify(state: str, place: str) -> bool:
    """Send `state` to the socket `place`, the value of NOTIFY_SOCKET: a path, or @NAME for one without a file.

    Returns whether there was anybody to tell: an empty `place` means that no manager wants to know. Never waits.
    Raises Unavailable when the socket does not take it.
    """
    if not place:
        return False
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(os.fsencode(state), os.fsencode(address))
        except (OSError, ValueError) as error:
            raise Unavailable(f"tell the service manager {state} at {place}: {error}") from error
    return True
