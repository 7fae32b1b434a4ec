"""What containerd and its shim template say to each other: one message each way per packet of a SEQPACKET socket pair.

containerd asks with a number; whoever does the work (a process forked for it) answers with the same number. The
template ends when containerd closes its end.
"""

from __future__ import annotations

from slipway.wire.protobuf import Message, blob, flag, text, uint

LARGEST_PACKET = 64 * 1024
REHEARSAL_FOLDER = "r"
"""And the template's process number: what it works in until it serves, beside containerd's socket. Killed before, it
leaves it."""
START, DELETE = 1, 2


class TemplateRequest(Message):
    """The fields of clients/shim/interface.ShimRequest, and what to do."""

    number = uint(1)
    action = uint(2)
    namespace = text(3)
    id = text(4)
    bundle = text(5)
    address = text(6)
    ttrpc_address = text(7)
    debug = flag(8)
    options = blob(9)


class TemplateReply(Message):
    """Success: `address` and `pid` of a shim that serves, or `result`, an encoded DeleteResponse. Else `error`."""

    number = uint(1)
    address = text(2)
    pid = uint(3)
    result = blob(4)
    error_kind = text(5)
    error = text(6)
