"""Whose root this process is. Without ctypes: for every start of runc.

Source: user_namespaces(7).
"""

import os


def is_initial_user_namespace() -> bool:
    """Whether this process is in the user namespace that the machine began with, where every id means itself."""
    with open("/proc/self/uid_map", "rb") as file:
        return file.read().split() == [b"0", b"0", b"4294967295"]


def is_machine_root() -> bool:
    """Whether this process is root, and of the machine.

    Only then may it come back to the machine's PID namespace once it has left it, or load programs into control groups.
    """
    return os.geteuid() == 0 and is_initial_user_namespace()
