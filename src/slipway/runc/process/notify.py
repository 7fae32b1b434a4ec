"""sd_notify(3) for a container: its program says READY=1 to a socket of ours, we say so to the service manager."""

import _socket
import os
import select
import struct

from slipway.linux import processes
from slipway.linux.readiness import is_readable
from slipway.runc.process.activation import SOCKET
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore

_LONGEST = 4096
_READY = b"READY="
# How long the manager may take to say that it has read everything: seconds, as the original waits.
_BARRIER_TIMEOUT = 30.0


class Notifier:
    """Waits for the container's word. `main_pid` is the process that the manager shall watch from then on."""

    __slots__ = ("_listener", "_main_pid", "_manager")

    def __init__(self, store: StateStore, state: ContainerState, manager: str, main_pid: int) -> None:
        """Binds the socket, which must be before the program can start. Raises OSError."""
        self._manager = manager
        self._main_pid = main_pid
        self._listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        path = f"{store.notify_directory(state.id)}/{SOCKET}"
        try:
            self._listener.bind(path)
            os.chmod(path, 0o777)  # the program may have any user id
        except OSError as error:
            self._listener.close()
            raise OSError(error.errno, error.strerror, f"listen unixgram {path}: bind") from None

    @property
    def descriptor(self) -> int:
        return self._listener.fileno()

    def handle(self) -> bool:
        """Read one message; True when it said that the container is ready, and the manager knows it."""
        message = self._listener.recv(_LONGEST)
        if not message.startswith(_READY):
            return False
        self._tell(message.partition(b"\n")[0])
        return True

    def wait(self, pid: int, start: int) -> None:
        """Until the container is ready, or its init is gone."""
        try:
            pidfd = processes.open_process(pid, start)
        except ProcessLookupError:
            return
        try:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            poll.register(pidfd, select.POLLIN)
            while True:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self.descriptor in ready:
                    if self.handle():
                        return
                elif pidfd in ready:
                    return
        finally:
            os.close(pidfd)

    def _tell(self, line: bytes) -> None:
        name = self._manager
        client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            client.connect(f"\0{name[1:]}" if name.startswith("@") else name)
            client.send(line + b"\n")
            client.send(f"MAINPID={self._main_pid}\n".encode())
            _wait_until_read(client)
        finally:
            client.close()


def _wait_until_read(client: _socket.socket) -> None:
    """The manager closes the descriptor that it gets with BARRIER=1 when it has handled what came before it."""
    reading, writing = os.pipe()
    try:
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", writing))]
        client.sendmsg([b"BARRIER=1"], rights)
        os.close(writing)
        writing = -1
        is_readable(reading, _BARRIER_TIMEOUT)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
