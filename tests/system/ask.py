"""Asking over the network, from inside another network namespace: small Python programs run by nsenter."""

import subprocess
import sys
from collections.abc import Sequence

HTTP = """
import sys, urllib.request
answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=5)
print(answer.read().decode(), end="")
"""
UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(b"ping\\n", (sys.argv[1], int(sys.argv[2]))); print(s.recv(100).decode(), end="")
"""
WHO_ASKS = """
import socket
s = socket.create_server(("0.0.0.0", 7000)); print("ready", flush=True)
c, peer = s.accept(); c.sendall(b"hello from outside\\n"); c.close(); print(peer[0], flush=True)
"""


def http(enter: Sequence[str], url: str) -> str:
    """The body of GET `url`, asked in the network that `enter` leads to; "" when nobody answers well."""
    return _run(enter, HTTP, url)


def udp(enter: Sequence[str], address: str, port: int) -> str:
    """What comes back for a datagram; "" when nothing does."""
    return _run(enter, UDP, address, str(port))


def _run(enter: Sequence[str], program: str, *arguments: str) -> str:
    argv = [*enter, sys.executable, "-I", "-S", "-c", program, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout


def server_that_tells_who_asks(enter: Sequence[str]) -> "subprocess.Popen[str]":
    """A TCP server on port 7000, listening when this returns; its next line of output is the first caller's address."""
    argv = [*enter, sys.executable, "-I", "-S", "-c", WHO_ASKS]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return server
