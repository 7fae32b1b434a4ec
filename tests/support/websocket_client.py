"""A WebSocket client for tests, by hand: the smallest that can be told apart from ours."""

import socket
from types import TracebackType

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SECONDS = 20.0
DATA, CLOSE = (1, 2), 8


class WebSocketClient:
    """Connected to `target` of the engine at `host` (unix://PATH). `status` is that of the answer to the handshake."""

    def __init__(self, host: str, target: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(SECONDS)
        self._socket.connect(host.removeprefix("unix://"))
        self._socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        self.status = int(self._stream.readline().split()[1])
        while self._stream.readline().strip():
            pass

    def __enter__(self) -> "WebSocketClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, payload: bytes) -> None:
        """One binary message of less than 126 bytes."""
        self._frame(2, payload)

    def send_close(self) -> None:
        self._frame(CLOSE, b"\x03\xe8")

    def read(self, size: int = -1) -> bytes:
        """At least `size` bytes of output; all up to the close frame without."""
        found = b""
        while (size < 0 or len(found) < size) and (head := self._stream.read(2)):
            opcode, length = head[0] & 0x0F, head[1] & 0x7F
            if length > 125:
                length = int.from_bytes(self._stream.read(2 if length == 126 else 8), "big")
            payload = self._stream.read(length)
            if opcode == CLOSE:
                break
            if opcode in DATA:
                found += payload
        return found

    def _frame(self, opcode: int, payload: bytes) -> None:
        mask = b"\x37\xfa\x21\x3d"
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self._socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)
