"""inotify(7): be told when files are opened, read or changed."""

from __future__ import annotations

import os
import struct

from slipway.linux.libc import libc_call

OPENED = 0x20  # IN_OPEN
MODIFIED = 0x02  # IN_MODIFY
DELETED_SELF = 0x400  # IN_DELETE_SELF
IGNORED = 0x8000  # IN_IGNORED: the watch is gone

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC  # IN_NONBLOCK | IN_CLOEXEC
_EVENT = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len
_BUFFER = 4096


def create() -> int:
    """An inotify descriptor, not blocking. Raises OSError (EMFILE: the user's limit of instances)."""
    return libc_call("inotify_init1", _NONBLOCK_CLOEXEC)


def add_watch(descriptor: int, path: str, mask: int) -> int:
    """Watch `path` for the events of `mask`; the watch's number. The same path again gives the same number."""
    return libc_call("inotify_add_watch", descriptor, os.fsencode(path), mask, what=path)


def read_events(descriptor: int) -> list[tuple[int, int]]:
    """(watch, mask) of what has happened since; an empty list when nothing has."""
    try:
        data = os.read(descriptor, _BUFFER)
    except BlockingIOError:
        return []
    events = []
    position = 0
    while position < len(data):
        watch, mask, _cookie, name_length = _EVENT.unpack_from(data, position)
        position += _EVENT.size + name_length
        events.append((watch, mask))
    return events
