"""The unpack worker's process, which containerd starts: python -I -S -c CODE <sys.path> <descriptor of its channel>."""

import os
import socket
import sys

from slipway.archive.unpack_worker import confine, serve
from slipway.linux.command_line import set_command_line

_NAME = "containerd-unpack"


def main() -> None:
    """Serve until containerd closes the channel. Nothing is imported after the first byte of an archive."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    os.set_inheritable(channel.fileno(), False)
    set_command_line([_NAME])
    confine()
    serve(channel)
