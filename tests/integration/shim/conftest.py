"""Shims forked from a real template over our own runc, driven over ttrpc; containerd is a socket that takes events."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.clients.shim.exec import ExecLauncher
from slipway.clients.shim.interface import ShimRequest
from slipway.clients.shim.task_client import connect
from slipway.clients.shim.template import TemplateLauncher
from slipway.contracts.shim_api import events, messages
from slipway.contracts.shim_api.options import OPTIONS_TYPE, Options
from slipway.transport.aio.ttrpc import serve_ttrpc
from slipway.wire.protobuf import decode, encode
from slipway.wire.protobuf_known import AnyMessage
from tests.support import cgroup_folders, processes
from tests.support.busybox import busybox_program
from tests.support.kept import compiled
from tests.support.paths import CHECKOUT
from tests.support.teardown import interrupt_waits
from tests.support.waiting import SLOWNESS, wait_until

PROGRAMS = ("sh", "sleep", "echo", "cat", "seq", "tty", "true", "stty", "head")
NAMESPACES = ("pid", "mount", "ipc", "uts", "network")


@pytest.fixture(scope="session")
def rootfs(short_folder):
    folder = short_folder / "shim-rootfs"
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (folder / name).mkdir(parents=True)
    shutil.copy(busybox_program(), folder / "bin/busybox")
    for name in PROGRAMS:
        (folder / "bin" / name).symlink_to("busybox")
    shutil.copy(compiled(Path(__file__).with_name("parent_death.c")), folder / "bin/parent_death")
    return folder


class Containerd:
    """What a shim sees of containerd: a launcher, and the socket for events, which can go away and come back."""

    def __init__(self, folder: Path, rootfs: Path) -> None:
        self.folder = folder
        self.rootfs = rootfs
        self.address = f"{folder}/c.sock"
        self.names = {"address": self.address, "ttrpc_address": f"{self.address}.ttrpc"}
        self.events: list[tuple[str, bytes]] = []
        self._server = None
        self.cgroup = f"slipway-{folder.name}"
        self.launcher = TemplateLauncher(self.address, ExecLauncher("/bin/false", str(CHECKOUT / "none")))
        self.clients = []

    async def appear(self):
        self._server = await serve_ttrpc(f"{self.address}.ttrpc", self._forward, lambda _error: 2)

    async def vanish(self):
        await self._server.close()
        self._server = None

    async def _forward(self, call):
        envelope = decode(events.ForwardRequest, call.payload).envelope
        self.events.append((envelope.topic, envelope.event.value))
        return b""

    def topics(self):
        return [topic for topic, _ in self.events]

    async def container(self, *args, **options):
        container = Container(self, f"c{os.urandom(4).hex()}")
        await container.create(args, **options)
        return container

    async def close(self):
        async with contextlib.AsyncExitStack() as undo:
            undo.callback(cgroup_folders.end_all_in, self.cgroup)
            undo.push_async_callback(self.launcher.close)
            if self._server is not None:
                undo.push_async_callback(self.vanish)
            for container in self.clients:
                undo.push_async_callback(container.close)


class Container:
    """One container with its shim, its fifos, and the reader's ends of them."""

    def __init__(self, containerd: Containerd, identity: str) -> None:
        self.containerd = containerd
        self.id = identity
        self.bundle = containerd.folder / identity
        self.request = ShimRequest(
            namespace="test",
            id=identity,
            bundle=str(self.bundle),
            **containerd.names,
        )
        self.process = messages.ProcessRequest(id=identity)
        self.task = messages.TaskRequest(id=identity)
        self.client = None
        self.readers: dict[str, int] = {}

    async def create(self, args, **options):
        await self.launch(args, terminal=options.get("terminal", False), annotations=options.pop("annotations", None))
        await self.make(**options)

    async def launch(self, args, *, terminal=False, annotations=None):
        """Make the bundle, and start a shim, or find that of its group."""
        (self.bundle / "rootfs").mkdir(parents=True)
        spec = self._spec(args, terminal) | {"annotations": annotations or {}}
        (self.bundle / "config.json").write_text(json.dumps(spec))
        for name in ("stdin", "stdout", "stderr"):
            os.mkfifo(self.bundle / name)
        self.bootstrap = await self.containerd.launcher.launch(self.request)
        self.containerd.clients.append(self)
        self.client = await connect(self.bootstrap)

    async def make(self, *, terminal=False, stdin=False, options=None, log=None):
        """Have the shim create the container. `log` is where both output streams lead instead of their fifos, "" is
        nowhere."""
        packed = options
        if not isinstance(options, AnyMessage):
            chosen = Options(root=f"{self.containerd.folder}/runc") if options is None else options
            packed = AnyMessage(type_url=OPTIONS_TYPE, value=encode(chosen))
        created = await self.client.create(
            messages.CreateTaskRequest(
                id=self.id,
                bundle=str(self.bundle),
                rootfs=[messages.Mount(type="bind", source=str(self.containerd.rootfs), options=["rbind", "rw"])],
                terminal=terminal,
                stdin=str(self.bundle / "stdin") if stdin else "",
                stdout=str(self.bundle / "stdout") if log is None else log,
                stderr="" if terminal else str(self.bundle / "stderr") if log is None else log,
                options=packed,
            )
        )
        self.pid = created.pid

    def _spec(self, args, terminal):
        return {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": terminal,
                "user": {"uid": 0, "gid": 0},
                "args": list(args),
                "env": ["PATH=/bin"],
                "cwd": "/",
            },
            "root": {"path": "rootfs"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
            ],
            "linux": {
                "namespaces": [{"type": name} for name in NAMESPACES],
                "cgroupsPath": f"/{self.containerd.cgroup}/{self.id}",
            },
        }

    async def start(self):
        await self.client.start(self.process)

    async def passed_on(self):
        """The forerunner has ended, the container is the only child of its shim, which serves. Events are taken."""
        shim = self.bootstrap.pid
        await asyncio.to_thread(wait_until, lambda: processes.children_of(shim) == [self.pid], "the hand-over")
        await self.client.state(self.process)

    def open(self, name="stdout"):
        self.readers[name] = os.open(self.bundle / name, os.O_RDONLY | os.O_NONBLOCK)

    def shut(self, name="stdout"):
        os.close(self.readers.pop(name))

    async def read(self, name="stdout", size=None, seconds=20.0):
        """`size` bytes of a stream, or all of it to its end."""
        received = bytearray()
        async with asyncio.timeout(seconds * SLOWNESS):
            while size is None or len(received) < size:
                try:
                    data = os.read(self.readers[name], 1 << 16)
                except BlockingIOError:
                    await asyncio.sleep(0.002)
                    continue
                if not data and size is None:
                    break
                received += data
        return bytes(received)

    async def end(self):
        """Kill it if need be, delete it, and let the shim go."""
        with contextlib.suppress(Exception):
            await self.client.kill(messages.KillRequest(id=self.id, signal=9))
        await self.client.wait(self.process)
        deleted = await self.client.delete(self.process)
        await self.client.shutdown(messages.ShutdownRequest(id=self.id))
        async with asyncio.timeout(10 * SLOWNESS):
            await self.client.wait_closed()
        self.containerd.clients.remove(self)
        return deleted

    async def close(self):
        for name in list(self.readers):
            self.shut(name)
        if self.client is not None:
            await self.client.close()
        processes.end(processes.mentioning(f"-id {self.id} "))  # the shim, and its forerunner
        await self.containerd.launcher.delete(self.request)


@pytest.fixture
def scenario(short_folder, rootfs):
    """Run `async def test(containerd)` with a containerd of its own, and clean up."""

    def run(test):
        folder = short_folder / f"s{os.urandom(3).hex()}"
        folder.mkdir()

        async def within_time(containerd):
            await containerd.appear()
            async with asyncio.timeout(60 * SLOWNESS):
                await test(containerd)

        with asyncio.Runner() as runner, contextlib.ExitStack() as undo:
            with interrupt_waits():
                containerd = Containerd(folder, rootfs)
                undo.callback(lambda: close(runner, containerd))
            runner.run(within_time(containerd))

    def close(runner, containerd):
        with interrupt_waits():
            runner.run(containerd.close())

    return run


@pytest.fixture
def python():
    """Run code in an interpreter as bare as the shim's; what it printed."""

    def run(code):
        source = CHECKOUT / "src"
        command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(source)!r}); {code}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run
