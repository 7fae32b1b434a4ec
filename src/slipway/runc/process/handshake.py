"""What the parent and the child that becomes the container say to each other, over one SOCK_SEQPACKET pair.

    parent                                          child
      | makes the group of v2                          |
      | fork into it --------------------------------->|
      | makes the groups of v1                         | leaves and enters namespaces
      |                                                | begins the file tree
      | GO ------------------------------------------->| waits, where it first needs its groups; joins those of v1
      | writes limits                                  | ends the file tree
      |<------------------------------- TREE (hooks) --|
      | prestart, createRuntime hooks                  | waits
      | GO ------------------------------------------->| enters its root, finishes it
      |<--------------------------------------- READY -|
      | rlimits                                        | waits
      | GO ------------------------------------------->| seccomp, user, capabilities, finds the program
      |<--------------------- LISTENER + descriptor ---| with a filter that announces calls; waits
      | takes it, gives it to the profile's agent      |
      | GO ------------------------------------------->|
      |<------------------------------- end of stream -| waits at exec.fifo, or execs
      |
      |<-------------------------- FAILED + sentence --| at any point; then the child exits
      |<------------------------- WARNING + sentence --| at any point; not answered

With a new user namespace the child waits for its groups first, then says MAP, and INIT + pid of the process that it
forked into the PID namespace. So it does, without MAP, where only the child may enter that: also for `exec`, whose
child says nothing else before READY. TIME asks for the offsets of a new time namespace, DEVICES for interfaces of the
host. Each is answered by GO. SOURCE + the place of a bind mount in the plan, while it builds the file tree, is answered
by GO with a descriptor of the tree to mount.

The end of the stream before READY means that the child was killed.
"""

import _socket
import os

from slipway.linux import descriptors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

GO = b"g"
MAP = b"m"
INIT = b"i"
TREE = b"t"
TIME = b"c"
DEVICES = b"d"
SOURCE = b"s"
READY = b"r"
LISTENER = b"l"
FAILED = b"f"
WARNING = b"w"
END = b""

MEANINGS = {
    MAP: "wants its ids mapped",
    INIT: "goes on as another process",
    TREE: "has built its file tree, and waits for hooks",
    TIME: "wants the offsets of its time namespace",
    DEVICES: "wants its network interfaces",
    SOURCE: "wants a mount that it may not make",
    READY: "is in its root, and waits to go on",
    LISTENER: "has a filter with a listener",
}
"""What a child says that the parent answers."""

_LONGEST = 16384


class Channel:
    """One end. Each message is a kind (one byte) and bytes."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """A peer that is gone is noticed by the next `receive`."""
        try:
            os.write(self._descriptor, (kind + payload)[:_LONGEST])
        except (BrokenPipeError, ConnectionResetError):
            return

    def send_descriptor(self, kind: bytes, descriptor: int) -> None:
        descriptors.send_descriptor(self._descriptor, descriptor, kind)

    def wait_descriptor(self) -> int:
        """The child's wait for GO with a descriptor. A parent that died, or refused, takes the child with it."""
        descriptor = descriptors.receive_descriptor(self._descriptor)
        if descriptor < 0:
            os._exit(1)
        return descriptor

    def receive(self) -> tuple[bytes, bytes]:
        """(kind, payload); END when the other side has closed or died."""
        try:
            message = os.read(self._descriptor, _LONGEST)
        except ConnectionResetError:
            # It went without reading our last message; what it said before is still there (unix(7)).
            message = os.read(self._descriptor, _LONGEST)
        return message[:1], message[1:]

    def wait_go(self) -> None:
        """The child's wait. A parent that died takes the child with it."""
        if self.receive()[0] != GO:
            os._exit(1)

    def close(self) -> None:
        """What is closed stays so."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def closed(self) -> bool:
        return self._descriptor < 0


def channel_pair() -> tuple[Channel, Channel]:
    """(the parent's end, the child's end), both close-on-exec."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    return Channel(ours.detach()), Channel(theirs.detach())


def fail(channel: Channel, message: str) -> "NoReturn":
    """The child's last word; to standard error if the parent no longer listens."""
    text = message.encode("utf-8", "replace")
    try:
        if channel.closed:
            os.write(2, text + b"\n")
        else:
            channel.send(FAILED, text)
    finally:
        os._exit(255)
