"""The process that unpacks: without network, with the few capabilities that making files needs, told what by a socket.

It is given descriptors and opens nothing else by name. It ends when its channel does.
"""

import os
import resource
import select
import socket
import threading
from typing import Any, Final

from slipway.archive.extract import Extractor, Whiteouts
from slipway.archive.stream import HashedStream
from slipway.archive.tar_reader import TarReader
from slipway.archive.unpack_messages import TAKEN, receive_request, send_reply
from slipway.base.errors import EngineError, PermissionDenied, Unavailable
from slipway.linux import capabilities, namespaces
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.linux.namespace_flags import CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS
from slipway.linux.prctl import set_no_new_privileges

# Owners, modes and times of any file; set-id bits; device nodes; file capabilities.
_KEPT: Final = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETFCAP")

_MEMORY: Final = 2 << 30  # bytes of data: an archive is never worth more of the machine


def confine() -> None:
    """Give up what unpacking does not need, for good. Raises OSError. Before any thread is started."""
    namespaces.unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS)
    set_no_new_privileges()
    permitted = _permitted()
    wanted = capabilities.mask_from_names(_KEPT) & permitted
    if permitted & capabilities.mask_from_names(("CAP_SETPCAP",)):
        capabilities.limit_bounding_set(wanted, capabilities.last_known())
    capabilities.set_ambient(0)
    capabilities.set_sets(wanted, wanted, 0)
    os.umask(0)
    os.chdir("/")
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    DescriptorLimit().lift()


def serve(channel: socket.socket) -> None:
    """One archive after the other, until the channel's end: also in the middle of one, whatever we wait for there."""
    threading.Thread(target=_end_with, args=(channel.fileno(),), daemon=True).start()
    while (request := receive_request(channel)) is not None:
        whiteouts, descriptors = request
        try:
            channel.sendall(TAKEN)
            send_reply(channel, _reply(whiteouts, descriptors))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


def _end_with(channel: int) -> None:
    """End this process when the other side has closed (poll(2): POLLHUP, which needs no asking for)."""
    poll = select.poll()
    poll.register(channel, 0)
    poll.poll()
    os._exit(0)


def _reply(whiteouts: Whiteouts, descriptors: list[int]) -> dict[str, Any]:
    try:
        return unpack(descriptors[0], descriptors[1], descriptors[2:], whiteouts)
    except EngineError as error:
        return {"error": error.kind, "message": error.message, "hint": error.hint}
    except PermissionError as error:
        return {"error": PermissionDenied.kind, "message": f"unpack: {error}", "hint": ""}
    except OSError as error:
        return {"error": Unavailable.kind, "message": f"unpack: {error}", "hint": ""}


def unpack(archive: int, root: int, lower: list[int], whiteouts: Whiteouts) -> dict[str, Any]:
    """Unpack one archive, read from its position on; tells its digest, its size and what is to be done yet."""
    with HashedStream(archive) as stream:
        reader = TarReader(stream.next_chunk)
        result = Extractor(root, whiteouts=whiteouts, lower=lower).run(reader)
        size = reader.drain()
        opaque = [os.fsdecode(path) for path in result.opaque]
        implied = [] if lower else [os.fsdecode(path) for path in result.implied]
        return {
            "digest": stream.digest(), "size": size, "entries": result.entries, "opaque": opaque, "implied": implied,
        }  # fmt: skip


def _permitted() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapPrm:"):
                return int(line.split()[1], 16)
    raise AssertionError("/proc/self/status has a CapPrm line")
