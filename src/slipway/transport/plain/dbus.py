"""One blocking D-Bus connection for a process of one thread: calls, and signals that it asked for.

Built on `_socket`, the C part of `socket`, which would bring enum and selectors.
"""

from __future__ import annotations

import _socket
import select
import time

from slipway.base.errors import EngineError, Unavailable
from slipway.wire.dbus import ERROR, METHOD_RETURN, SIGNAL, Authentication, Call, Message, Messages, encode_call
from slipway.wire.dbus_values import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.wire.dbus_values import Value

BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"
_CHUNK = 64 * 1024


class CallFailed(EngineError):
    """The other side answered with an error, `name`. The message is its own."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message or name)
        self.name = name


class Connection:
    """Connected to a bus, or directly to a service (`is_bus` false), until `close`.

    Each method raises Unavailable when the connection breaks, when what arrives is not D-Bus, or when no answer has
    come `timeout` seconds after the call. Signals that arrive meanwhile are kept for `wait_signal`.
    """

    __slots__ = ("_messages", "_serial", "_signals", "_socket", "is_bus")

    def __init__(self, address: str, timeout: float, *, is_bus: bool) -> None:
        """`address` is the path of a unix socket; `@name` is an abstract one."""
        self.is_bus = is_bus
        self._serial = 0
        self._signals: list[Message] = []
        self._messages = Messages()
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            deadline = time.monotonic() + timeout
            self._authenticate(deadline)
            if is_bus:
                self.call(Call(_BUS_PATH, BUS, "Hello", destination=BUS), timeout)
        except OSError as error:
            self.close()
            raise Unavailable(f"connect to {address}: {error.strerror}") from None
        except EngineError as error:
            self.close()
            raise Unavailable(f"connect to {address}: {error}") from None

    def close(self) -> None:
        self._socket.close()

    def watch(self, rule: str, timeout: float) -> None:
        """Have a bus send us the signals that match. A service sends what it sends without being asked."""
        if self.is_bus:
            self.call(Call(_BUS_PATH, BUS, "AddMatch", "s", [rule], destination=BUS), timeout)

    def call(self, call: Call, timeout: float) -> list[Value]:
        """The answer's values. Raises CallFailed."""
        deadline = time.monotonic() + timeout
        self._serial += 1
        serial = self._serial
        self._send(encode_call(call, serial), deadline)
        while True:
            for message in self._receive(deadline):
                if message.reply_to == serial and message.kind == METHOD_RETURN:
                    return message.body
                if message.reply_to == serial and message.kind == ERROR:
                    raise CallFailed(message.error, " ".join(message.texts()[:1]))

    def wait_signal(self, member: str, argument: str, timeout: float) -> Message:
        """The first signal of that name since the connection began that has the text among its values."""
        deadline = time.monotonic() + timeout
        while True:
            for message in self._signals:
                if message.member == member and argument in message.texts():
                    self._signals.remove(message)
                    return message
            self._receive(deadline)

    def _authenticate(self, deadline: float) -> None:
        dialogue = Authentication()
        self._send(Authentication.REQUEST, deadline)
        while not dialogue.is_done:
            try:
                dialogue.feed(self._read(deadline))
            except DecodeError as error:
                raise Unavailable(str(error)) from None
        self._messages = Messages(dialogue.rest)

    def _receive(self, deadline: float) -> list[Message]:
        """Wait for bytes; the messages that they complete. Signals are kept."""
        try:
            messages = self._messages.feed(self._read(deadline))
        except DecodeError as error:
            raise Unavailable(f"the other side does not speak D-Bus: {error}") from None
        self._signals.extend(message for message in messages if message.kind == SIGNAL)
        return messages

    def _read(self, deadline: float) -> bytes:
        self._wait(select.POLLIN, deadline)
        try:
            data = self._socket.recv(_CHUNK)
        except OSError as error:
            raise Unavailable(f"read: {error.strerror}") from None
        if not data:
            raise Unavailable("the connection was closed")
        return data

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(select.POLLOUT, deadline)
            try:
                view = view[self._socket.send(view, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Unavailable(f"write: {error.strerror}") from None

    def _wait(self, events: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), events)
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise Unavailable("no answer in time")
