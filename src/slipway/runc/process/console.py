"""A container's terminal: made in the container's own devpts, its master handed out over the console socket."""

import os

from slipway.contracts.oci.runtime import ConsoleSize
from slipway.linux import descriptors, mounts, pty, resolve


def set_up_console(root: int, socket: int, size: "ConsoleSize | None", *, make_device: bool) -> None:
    """Give this session leader a new terminal as descriptors 0, 1 and 2 and as controlling terminal.

    `root` is the container's `/`. `make_device`: it becomes /dev/console as well (init's does).
    Closes `socket` after sending the master over it. Raises OSError.
    """
    flags = os.O_RDWR | os.O_NOCTTY
    ptmx = resolve.open_in_root(root, "/dev/pts/ptmx", flags, resolve=resolve.RESOLVE_NO_SYMLINKS)
    master, slave, name = pty.open_pair(ptmx)
    if size is not None and size.height and size.width:
        pty.resize(master, size.height, size.width)
    if make_device:
        _mount_console(root, slave)
    descriptors.send_descriptor(socket, master, name.encode())
    os.close(socket)
    os.close(master)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    os.close(slave)
    pty.become_controlling_terminal(0)


def _mount_console(root: int, slave: int) -> None:
    """/dev/console is an empty file that the terminal is bound on; a link there is refused (CVE-2025-52565)."""
    devices = resolve.open_in_root(root, "/dev", os.O_PATH | os.O_DIRECTORY)
    try:
        target = resolve.make_entry(devices, "console", 0o666)
    finally:
        os.close(devices)
    mount = mounts.clone_descriptor(slave)
    try:
        mounts.attach(mount, target)
    finally:
        os.close(mount)
        os.close(target)
