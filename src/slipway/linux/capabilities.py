"""Capability numbers and the sets of this process. Source: capabilities(7), linux/capability.h."""

import struct

from slipway.linux.capability_names import NAMES
from slipway.linux.libc import libc_call

NUMBERS = {name: number for number, name in enumerate(NAMES)}

_VERSION_3 = 0x20080522
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_CAP_AMBIENT_CLEAR_ALL = 4


def last_known() -> int:
    """The highest capability number of the running kernel."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())


def mask_from_names(names: "list[str] | tuple[str, ...]") -> int:
    """A bit mask; names that this table does not know are left out."""
    mask = 0
    for name in names:
        number = NUMBERS.get(name)
        if number is not None:
            mask |= 1 << number
    return mask


def limit_bounding_set(mask: int, last: int) -> None:
    """Drop from the bounding set what is not in `mask`, up to capability number `last`."""
    for number in range(last + 1):
        if not mask >> number & 1 and libc_call("prctl", _PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            libc_call("prctl", _PR_CAPBSET_DROP, number, 0, 0, 0, what=f"drop capability {number}")


def set_sets(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) for this process."""
    header = struct.pack("=Ii", _VERSION_3, 0)
    low = 0xFFFFFFFF
    data = struct.pack(
        "=6I",
        effective & low,
        permitted & low,
        inheritable & low,
        effective >> 32,
        permitted >> 32,
        inheritable >> 32,
    )
    libc_call("capset", header, data, what="capset")


def set_ambient(mask: int) -> "list[tuple[int, str]]":
    """Replace the ambient set; each capability must be permitted and inheritable. Returns those refused, and why."""
    libc_call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, what="clear ambient capabilities")
    refused = []
    for number in range(64):
        if mask >> number & 1:
            try:
                libc_call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number, 0, 0)
            except OSError as error:
                refused.append((number, error.strerror or ""))
    return refused
