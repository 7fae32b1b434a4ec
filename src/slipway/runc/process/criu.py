"""One run of `criu swrk`: it is started for one request, tells what it does, and ends."""

import _socket
import fcntl
import os
import struct

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.contracts import criu_rpc
from slipway.linux import signals
from slipway.wire import protobuf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SOCKET = 3  # where criu finds its end
_LONGEST = 10 * 4096
_HIGH = 64
_NAMES = {criu_rpc.DUMP: "DUMP", criu_rpc.RESTORE: "RESTORE", criu_rpc.PRE_DUMP: "PRE_DUMP"}
_QUOTED = 6


class Criu:
    """A running criu. `pid` is its process, a child of this one."""

    __slots__ = ("_socket", "pid")

    def __init__(self, descriptors: "list[int] | None" = None) -> None:
        """Start it; `descriptors` become 4 and up there. Raises FailedPrecondition if there is none."""
        program = _find()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        # Moved out of the way of the numbers that they shall have.
        moved = [
            fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _HIGH) for number in (theirs.fileno(), *(descriptors or ()))
        ]
        theirs.close()
        try:
            self.pid = os.posix_spawn(
                program,
                ["criu", "swrk", str(_SOCKET)],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, number, _SOCKET + index) for index, number in enumerate(moved)],
                setsigdef=signals.IGNORED_BY_PYTHON,
                setsigmask=(),
            )
        finally:
            for number in moved:
                os.close(number)
        self._socket = ours

    def ask(
        self,
        request: criu_rpc.Request,
        attend: "Callable[[criu_rpc.Notification, int], None]" = lambda *_: None,
    ) -> criu_rpc.Response:
        """Send a request, answer notifications, and return the last response. Raises InternalError.

        `attend` gets each notification and the descriptor that came with it, or -1.
        """
        self._socket.send(protobuf.encode(request))
        while True:
            response, descriptor = self._receive()
            if not response.success:
                raise InternalError(
                    f"criu failed: type {_NAMES.get(response.type, response.type)} errno {response.cr_errno}"
                )
            if response.type != criu_rpc.NOTIFY:
                return response
            try:
                attend(response.notify or criu_rpc.Notification(), descriptor)
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            self._socket.send(protobuf.encode(criu_rpc.Request(type=criu_rpc.NOTIFY, notify_success=True)))

    def _receive(self) -> tuple[criu_rpc.Response, int]:
        data, ancillary, _, _ = self._socket.recvmsg(_LONGEST, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise InternalError("criu ended without an answer")
        descriptor = -1
        for level, kind, content in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                descriptor = struct.unpack("=i", content[:4])[0]
        return protobuf.decode(criu_rpc.Response, data), descriptor

    def close(self) -> int:
        """Let it end, and wait for that: its exit status."""
        self._socket.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def check_version(least: int = 30000) -> None:
    """criu must be there, and not too old: 3.17.1 is 31701. Raises FailedPrecondition, InternalError."""
    criu = Criu()
    try:
        version = criu.ask(criu_rpc.Request(type=criu_rpc.VERSION)).version or criu_rpc.Version()
    finally:
        criu.close()
    found = version.major_number * 10000 + version.minor_number * 100 + version.sublevel
    if found < least:
        raise FailedPrecondition(f"CRIU version {found} must be {least} or higher")


def check_feature(name: str, title: str) -> None:
    """Whether this criu and this kernel can do something that is not everywhere. Raises FailedPrecondition."""
    criu = Criu()
    try:
        wanted = criu_rpc.Features(**{name: True})
        response = criu.ask(criu_rpc.Request(type=criu_rpc.FEATURE_CHECK, features=wanted))
    finally:
        criu.close()
    if not getattr(response.features, name, False):
        raise FailedPrecondition(f"criu is missing features: [{title}]")


def _find() -> str:
    for folder in os.environ.get("PATH", "").split(":"):
        if folder.startswith("/") and os.access(f"{folder}/criu", os.X_OK):
            return f"{folder}/criu"
    raise FailedPrecondition('CRIU version check failed: exec: "criu": executable file not found in $PATH')


def errors_in_log(path: str) -> list[str]:
    """What criu's log says about errors: those lines, each with the five before it, as the original quotes them."""
    try:
        with open(path, "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return [f"open {path}: {(error.strerror or '').lower()}"]
    quoted: list[str] = []
    last = 0
    for number, line in enumerate(lines, 1):
        if "Error" not in line:
            continue
        first = max(last + 1, number - _QUOTED + 1)
        if not quoted:
            quoted.append(f'--- Quoting "{path}"')
        elif first > last + 1:
            quoted.append("...")
        quoted.extend(f"{index}:{lines[index - 1]}" for index in range(first, number + 1) if lines[index - 1])
        last = number
    return [*quoted, "---"] if quoted else []
