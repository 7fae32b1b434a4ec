"""Pseudo-terminals: made in a given devpts, by descriptor, and checked to be what they claim."""

import errno
import fcntl
import os
import struct
import termios

from slipway.linux import descriptors
from slipway.linux.libc import os_error

_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431
_TIOCGPTN = 0x80045430
_PTMX = os.makedev(5, 2)


def open_pair(ptmx: int) -> tuple[int, int, str]:
    """From an open `ptmx` descriptor: (master, slave, the slave's name). `ptmx` becomes the master.

    Raises OSError (ENXIO) if it is not a real /dev/pts/ptmx: an image can put a link or another device there.
    """
    status = os.fstat(ptmx)
    if status.st_rdev != _PTMX or descriptors.file_system_type(ptmx) != descriptors.DEVPTS_SUPER_MAGIC:
        raise os_error(errno.ENXIO, "/dev/pts/ptmx is not a pseudo-terminal multiplexer")
    fcntl.ioctl(ptmx, _TIOCSPTLCK, struct.pack("=i", 0))
    number: int = struct.unpack("=i", fcntl.ioctl(ptmx, _TIOCGPTN, bytes(4)))[0]
    # The peer comes from the master itself, not by a path that somebody could have mounted over (ioctl_tty(2)).
    slave = fcntl.ioctl(ptmx, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    return ptmx, slave, f"/dev/pts/{number}"


def resize(terminal: int, height: int, width: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("=HHHH", height, width, 0, 0))


def size_of(terminal: int) -> tuple[int, int]:
    """(height, width). Raises OSError (ENOTTY) for what is no terminal."""
    height, width, _, _ = struct.unpack("=HHHH", fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
    return height, width


def copy_size(source: int, target: int) -> None:
    """Give one terminal the size of another."""
    fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(8)))


def become_controlling_terminal(terminal: int) -> None:
    """Of this session, whose leader we must be."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
