"""Several containers in one shim: how the second one's `start` finds the shim of the first, and how that one ends.

A group's socket has a name that follows from the group. Whoever binds it, joins it or removes it holds the lock of the
folder meanwhile, so no group ever has two shims, and no name leads to a shim that has let go of it.

Joining is a call with the id of the container that is to come: the shim then waits for its Create, and does not end
before that, however soon its last container is deleted.
"""

from __future__ import annotations

import _blake2
import fcntl
import os
import time

from slipway.base.errors import EngineError
from slipway.base.files import read_whole, unlink_if_present
from slipway.contracts.shim_api import messages
from slipway.contracts.shim_api.grouping import JOIN, SERVICE, group_from_specification
from slipway.shim.bundle import write_address
from slipway.shim.socket_address import Bound, listen, make_folder, socket_folder
from slipway.transport.plain.loop import Loop
from slipway.transport.plain.stream import connect_unix
from slipway.transport.plain.ttrpc import TtrpcClient
from slipway.wire.protobuf import DecodeError, decode, encode

_PATIENCE = 1.0
"""Seconds that a shim may take to say who it is. One that is stopped lives all the same, and stays its group's."""

EXPECTED_SECONDS = 60.0
"""How long a shim without containers waits for one that was to come: containerd may have died meanwhile."""


class Expected:
    """The containers that a group's shim was told of, and that are not there yet."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, id: str) -> None:
        self._until[id] = time.monotonic() + EXPECTED_SECONDS

    def discard(self, id: str) -> None:
        self._until.pop(id, None)

    def __bool__(self) -> bool:
        now = time.monotonic()
        return any(until > now for until in self._until.values())


def group_of(bundle: str) -> str:
    """The group of the container in a bundle; "" for none. Raises InvalidArgument, OSError."""
    try:
        return group_from_specification(read_whole(f"{bundle}/config.json"))
    except FileNotFoundError:
        return ""


def group_path(containerd: str, namespace: str, group: str) -> str:
    """Where the shim of a group listens: of this containerd and namespace, whatever is in the group's name."""
    name = "\0".join(("group", containerd, namespace, group))
    return f"{socket_folder(containerd)}/{_blake2.blake2b(name.encode(), digest_size=16).hexdigest()}"


def bind_or_join(bundle: str, containerd: str, namespace: str, group: str, id: str) -> Bound:
    """The socket of a group's shim, which is told of the container `id` to come; or a new one, to serve. The bundle
    then names it.

    Raises EngineError or OSError; then no socket of ours is left.
    """
    path = group_path(containerd, namespace, group)
    make_folder(path)
    lock = _lock(path)
    try:
        pid = _join(path, id)
        if pid >= 0:
            write_address(bundle, f"unix://{path}")
            return Bound(path, -1, is_shared=True, pid=pid)
        unlink_if_present(path)  # of a shim that was killed
        bound = Bound(path, listen(path), is_shared=True)
        try:
            write_address(bundle, bound.address)
        except OSError:
            bound.close()
            raise
        return bound
    finally:
        os.close(lock)


def remove_dead(path: str) -> None:
    """Remove a socket's name, unless somebody listens there."""
    if not os.path.exists(path):
        return
    lock = _lock(path)
    try:
        if not _is_served(path):
            unlink_if_present(path)
    finally:
        os.close(lock)


def try_lock(path: str) -> int:
    """The lock of a socket's folder, to be closed; -1 while somebody else has it: perhaps who wants to join us."""
    return _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock(path: str, how: int = fcntl.LOCK_EX) -> int:
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        return -1
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_served(path: str) -> bool:
    try:
        os.close(connect_unix(path))
    except BlockingIOError:  # its backlog is full
        return True
    except OSError:
        return False
    return True


def _join(path: str, id: str) -> int:
    """Tell whoever listens at `path` of a container to come: its process id, 0 when it does not say; -1 for nobody."""
    if not _is_served(path):
        return -1
    loop = Loop()
    loop.open()
    try:
        pid: int = loop.run_until(loop.spawn(_tell(loop, path, id)))
        return pid if pid or _is_served(path) else -1
    finally:
        loop.close()


async def _tell(loop: Loop, path: str, id: str) -> int:
    client = None
    try:
        client = TtrpcClient(loop, path)
        request = encode(messages.TaskRequest(id=id))
        reply = await client.call(SERVICE, JOIN, request, timeout=_PATIENCE)
        return decode(messages.ConnectResponse, reply.payload).shim_pid
    except (EngineError, DecodeError):
        return 0
    finally:
        if client is not None:
            client.close()
