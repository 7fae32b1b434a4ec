"""Networks in namespaces of their own: a test's body runs in a child that left the machine's network."""

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable

import pytest

from slipway.base.clock import Clock
from slipway.dockerd.networks.local import LocalNetworks
from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWNET
from slipway.linux.netlink import links
from slipway.linux.netlink.connection import Connection
from slipway.service.instance import Instance

INSTANCE = Instance(bridge="slip0", firewall_table="sliptest", data_root="/nonexistent/slip")
Body = Callable[[LocalNetworks], Awaitable[None]]


@pytest.fixture
def run_apart() -> Callable[[Callable[[], None]], None]:
    """Run a function in a forked child with a network of its own (loopback up), and fail with what it says."""

    def run(body: Callable[[], None]) -> None:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                namespaces.unshare(CLONE_NEWNET)
                with Connection() as connection:
                    connection.request(links.set_up(links.LOOPBACK))
                body()
                status = 0
            except BaseException:  # noqa: BLE001 - the child's edge: everything goes to the parent
                os.write(write, traceback.format_exc().encode())
            finally:
                os._exit(status)
        os.close(write)
        with open(read, "rb") as said:
            text = said.read().decode()
        _, status = os.waitpid(child, 0)
        assert status == 0, text

    return run


@pytest.fixture
def with_networks(run_apart: Callable[[Callable[[], None]], None]) -> Callable[[Body], None]:
    """Run a coroutine function with started networks."""

    def run(body: Body) -> None:
        async def main() -> None:
            networks = LocalNetworks(INSTANCE, Clock())
            await networks.start(())
            await body(networks)
            await networks.stop()

        run_apart(lambda: asyncio.run(main()))

    return run


class Resident:
    """A process in a sandbox, as a container's first process is: it answers on TCP and UDP port 80."""

    SERVER = (
        "import socketserver,threading;"
        "H=type('H',(socketserver.BaseRequestHandler,),{'handle':lambda s:"
        "s.request.sendall(s.client_address[0].encode()) if hasattr(s.request,'sendall') else "
        "s.request[1].sendto(s.client_address[0].encode(),s.client_address)});"
        "socketserver.TCPServer.request_queue_size=64;"
        "t=socketserver.ThreadingTCPServer(('0.0.0.0',80),H);u=socketserver.ThreadingUDPServer(('0.0.0.0',80),H);"
        "threading.Thread(target=u.serve_forever,daemon=True).start();print('ready',flush=True);t.serve_forever()"
    )

    def __init__(self, namespace_path: str) -> None:
        self.process = subprocess.Popen(
            ["nsenter", f"--net={namespace_path}", sys.executable, "-c", self.SERVER], stdout=subprocess.PIPE
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"

    def run(self, *argv: str) -> str:
        """A command in the container's network."""
        command = ["nsenter", "-t", str(self.process.pid), "-n", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
