"""Network interfaces by ioctl: the little that needs no netlink."""

import _socket
import fcntl
import struct

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def bring_loopback_up() -> None:
    """`lo` of this network namespace. Source: netdevice(7)."""
    channel = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        answer = fcntl.ioctl(channel.fileno(), _SIOCGIFFLAGS, struct.pack("=16sh22x", b"lo", 0))
        flags = struct.unpack("=16sh22x", answer)[1]
        fcntl.ioctl(channel.fileno(), _SIOCSIFFLAGS, struct.pack("=16sh22x", b"lo", flags | _IFF_UP))
    finally:
        channel.close()
