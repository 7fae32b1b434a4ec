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
      |<------------------------------- end of stream -| waits at exec.fifo, or execs
      |
      |<-------------------------- FAILED + sentence --| at any point; then the child exits

With a new user namespace the child waits for its groups first, then says MAP, and INIT + pid of the process that it
forked into the PID namespace; each is answered by GO.

The end of the stream before READY means that the child was killed.
"""

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

GO = b"g"
MAP = b"m"
INIT = b"i"
TREE = b"t"
READY = b"r"
FAILED = b"f"
END = b""

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
        os.close(self._descriptor)


def channel_pair() -> tuple[Channel, Channel]:
    """(the parent's end, the child's end), both close-on-exec."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    return Channel(ours.detach()), Channel(theirs.detach())


def fail(channel: "Channel | None", message: str) -> "NoReturn":
    """The child's last word; to standard error if the parent no longer listens."""
    text = message.encode("utf-8", "replace")
    try:
        if channel is None:
            os.write(2, text + b"\n")
        else:
            channel.send(FAILED, text)
    finally:
        os._exit(255)
