"""set_mempolicy(2): on which memory nodes a process and its children get their memory."""

import struct

from slipway.linux import syscalls
from slipway.linux.libc import system_call
from slipway.linux.memory_policy_flags import MOST_NODES


def set_memory_policy(mode: int, nodes: int) -> None:
    """`mode` with flags; `nodes` is a mask. Kept across execve(2)."""
    words = [nodes >> shift & 0xFFFFFFFFFFFFFFFF for shift in range(0, MOST_NODES, 64)]
    mask = struct.pack(f"@{len(words)}Q", *words)
    # The kernel takes one bit less than it is told (get_nodes in mm/mempolicy.c).
    size = MOST_NODES + 1 if nodes else 0
    system_call(syscalls.SET_MEMPOLICY, mode, mask if nodes else None, size, what="set_mempolicy")
