"""A netlink socket: requests go out, and each is answered or refused before the next. Blocking, so only in threads.

Bound to the network namespace in which the calling thread was when it was opened, wherever the thread goes then.
"""

import os
import socket
from collections.abc import Sequence
from types import TracebackType

from slipway.linux.netlink.messages import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    Answer,
    Message,
    answer_from_message,
    message,
    messages_from_bytes,
)

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
LARGEST_DATAGRAM = 64 * 1024  # the kernel fills at most 32 KiB of a dump at once


class Request:
    """A message still without sequence number. `what` says verb and operands, for the error."""

    __slots__ = ("body", "flags", "kind", "what")

    def __init__(self, kind: int, flags: int, body: bytes, what: str) -> None:
        self.kind = kind
        self.flags = flags
        self.body = body
        self.what = what


class Connection:
    """One netlink socket. Not to be shared between threads."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            self._socket.bind((0, 0))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def request(self, *requests: Request) -> None:
        """Send all in one datagram and wait for every answer. The kernel goes on after a refusal; the first one is
        raised, as OSError with the request's words."""
        first = self._sequence + 1
        self._send(
            [message(r.kind, r.flags | NLM_F_REQUEST | NLM_F_ACK, first + n, r.body) for n, r in enumerate(requests)]
        )
        self._sequence += len(requests)
        refusal: OSError | None = None
        unanswered = len(requests)
        while unanswered:
            for received in self._receive():
                if received.kind == NLMSG_ERROR and first <= received.sequence <= self._sequence:
                    answer = answer_from_message(received)
                    unanswered -= 1
                    if answer.error and refusal is None:
                        refusal = os_error(answer, requests[answer.sequence - first].what)
        if refusal:
            raise refusal

    def batch(self, begin: Request, requests: Sequence[Request], end: Request) -> None:
        """An nfnetlink transaction: all or nothing. The first refusal is raised as OSError."""
        first = self._sequence + 1
        everything = [begin, *requests, end]
        datagram = []
        for place, each in enumerate(everything):
            # One answer is enough: refusals come unasked, and the last message's acknowledgement after them.
            acknowledge = NLM_F_ACK if place == len(everything) - 2 else 0
            datagram.append(message(each.kind, each.flags | NLM_F_REQUEST | acknowledge, first + place, each.body))
        self._sequence += len(everything)
        self._send(datagram)
        last = self._sequence - 1
        while True:
            for received in self._receive():
                if received.kind == NLMSG_ERROR and first <= received.sequence <= self._sequence:
                    answer = answer_from_message(received)
                    if answer.error:
                        raise os_error(answer, everything[answer.sequence - first].what)
                    if answer.sequence == last:
                        return

    def ask(self, request: Request) -> list[Message]:
        """One question, and the messages before its acknowledgement."""
        return self._collect(request, request.flags | NLM_F_REQUEST | NLM_F_ACK)

    def dump(self, request: Request) -> list[Message]:
        """Everything of a kind."""
        return self._collect(request, request.flags | NLM_F_REQUEST | NLM_F_DUMP)

    def _collect(self, request: Request, flags: int) -> list[Message]:
        self._sequence += 1
        self._send([message(request.kind, flags, self._sequence, request.body)])
        collected: list[Message] = []
        while True:
            for received in self._receive():
                if received.sequence != self._sequence:
                    continue
                if received.kind == NLMSG_ERROR:
                    answer = answer_from_message(received)
                    if answer.error:
                        raise os_error(answer, request.what)
                    return collected
                if received.kind == NLMSG_DONE:
                    return collected
                collected.append(received)

    def _send(self, messages: list[bytes]) -> None:
        self._socket.send(b"".join(messages))

    def _receive(self) -> list[Message]:
        return list(messages_from_bytes(self._socket.recv(LARGEST_DATAGRAM)))


def os_error(answer: Answer, what: str) -> OSError:
    """The refusal as OSError; `filename` is what was tried, `strerror` what the kernel said."""
    return OSError(answer.error, answer.words or os.strerror(answer.error), what)
