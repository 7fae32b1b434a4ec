"""The containerd below this dockerd: started, found again when we crashed, started again when it did.

    EXEC_ROOT/containerd/containerd.toml   its configuration, written before each start
    EXEC_ROOT/containerd/containerd.pid    its process, by number and start time: a number alone may be somebody else's
    EXEC_ROOT/containerd/containerd.sock   where it answers

A containerd that this exec root did not start is never adopted: process and pid file must agree, and the process must
run with our configuration file.
"""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from slipway.base.errors import EngineError, Unavailable
from slipway.base.files import read_whole, unlink_if_present, write_atomically
from slipway.clients.containerd.calls import Connection
from slipway.clients.containerd.version import version
from slipway.dockerd.system.model import TransferSettings
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.service.configuration import toml_from_table

log = logging.getLogger(__name__)

START_SECONDS: Final = 60.0  # it is a second where the machine is idle, and twenty in an emulated one
LOOK_SECONDS: Final = 0.01
STOP_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 0.2
_TRANSFER: Final = "io.containerd.transfer.v1.local"
_OURS: Final = "io.containerd.slipway.v1.daemon"  # containerd's own keys, which an original passes over


@dataclass(frozen=True, kw_only=True)
class ContainerdPlan:
    """How it is started. `command` is the program with leading arguments; `folder` is below the exec root."""

    command: Sequence[str]
    folder: str
    root: str
    state: str
    log_level: str = "info"
    transfers: TransferSettings = field(default_factory=TransferSettings)

    @property
    def address(self) -> str:
        return f"{self.folder}/containerd.sock"

    @property
    def configuration_path(self) -> str:
        return f"{self.folder}/containerd.toml"

    @property
    def pid_path(self) -> str:
        return f"{self.folder}/containerd.pid"

    def configuration(self) -> dict[str, Any]:
        transfers = self.transfers
        moves = {
            "max_concurrent_downloads": transfers.max_concurrent_downloads,
            "max_concurrent_uploaded_layers": transfers.max_concurrent_uploads,
        }
        tables = {_TRANSFER: moves, _OURS: {"max_download_attempts": transfers.max_download_attempts}}
        told = {name: {key: value for key, value in table.items() if value} for name, table in tables.items()}
        plugins = {name: table for name, table in told.items() if table}
        return {
            "version": 3,
            "root": self.root,
            "state": self.state,
            "disabled_plugins": ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"],
            "grpc": {"address": self.address, "uid": 0, "gid": 0},
            "debug": {"level": self.log_level},
            **({"plugins": plugins} if plugins else {}),
        }

    def text(self) -> bytes:
        return toml_from_table(self.configuration()).encode()


class ContainerdSupervisor:
    """One containerd, for as long as the daemon lives. It gets the limit of descriptors that `limit` remembers."""

    def __init__(self, plan: ContainerdPlan, limit: DescriptorLimit) -> None:
        self._plan = plan
        self._limit = limit
        self._pidfd = -1
        self._process: subprocess.Popen[bytes] | None = None  # None: adopted, and reaped by somebody else

    async def start(self) -> None:
        """Adopt our own from before, or start one; returns when it answers. Raises Unavailable."""
        os.makedirs(self._plan.folder, mode=0o711, exist_ok=True)
        await self._ensure()

    async def run(self) -> None:
        """Start it again whenever it has ended. Never returns; cancelled at the end of the daemon."""
        while True:
            await _wait_ended(self._pidfd)
            log.warning("containerd has ended; starting it again")
            while True:
                try:
                    await self._ensure()
                    break
                except (EngineError, OSError) as error:
                    log.error("cannot start containerd: %s", error)
                    await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after a while. Containers live on: their shims do not need it."""
        if self._pidfd < 0:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        try:
            await asyncio.wait_for(_wait_ended(self._pidfd), STOP_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        unlink_if_present(self._plan.pid_path)

    async def _ensure(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
        if self._process is not None and self._process.poll() is not None:  # reaps the one that has ended
            self._process = None
        self._pidfd = self._adopt()
        if self._pidfd >= 0:
            log.info("found our containerd again")
            self._tell_of_old_settings()
        else:
            self._pidfd = await self._spawn()
        await self._wait_answering()

    def _adopt(self) -> int:
        """A pidfd of the process that the pid file means, or -1."""
        try:
            document = orjson.loads(read_whole(self._plan.pid_path, limit=4096))
            pid, started = int(document["pid"]), str(document["started"])
            pidfd = os.pidfd_open(pid)
        except (OSError, ValueError, KeyError, TypeError):
            return -1
        # The pidfd holds the process's number: what is read now is of this very process.
        if _start_time(pid) == started and self._plan.configuration_path.encode() in _command_line(pid):
            return pidfd
        os.close(pidfd)
        return -1

    def _tell_of_old_settings(self) -> None:
        with suppress(OSError):
            if read_whole(self._plan.configuration_path) != self._plan.text():
                log.warning("containerd was started with other settings, which hold until it is started again")

    async def _spawn(self) -> int:
        plan = self._plan
        write_atomically(plan.configuration_path, plan.text(), durable=False)
        arguments = [*plan.command, "--config", plan.configuration_path]
        try:
            # Not by the event loop: uvloop leaves ends of its socket pairs open in the child.
            self._process = process = await asyncio.to_thread(
                subprocess.Popen,
                arguments,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=self._limit.give_back,  # one system call; nothing there waits for a thread
            )
        except OSError as error:
            raise Unavailable(f"start {plan.command[0]}: {error.strerror}") from error
        pidfd = os.pidfd_open(process.pid)
        document = {"pid": process.pid, "started": _start_time(process.pid)}
        write_atomically(plan.pid_path, orjson.dumps(document), durable=False)
        return pidfd

    async def _wait_answering(self) -> None:
        """Raises Unavailable when it ends, or does not answer in time."""
        ended = asyncio.ensure_future(_wait_ended(self._pidfd))
        answering = asyncio.ensure_future(wait_answering(self._plan.address))
        try:
            await asyncio.wait((ended, answering), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
        finally:
            ended.cancel()
            answering.cancel()
        raise Unavailable("containerd ended while it started", hint="its messages are in this daemon's log")


async def wait_answering(address: str) -> None:
    """Returns when a containerd answers at `address`. Raises Unavailable when none does in time."""
    connection = Connection(address, "moby")
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                with suppress(EngineError):
                    await version(connection, timeout=2)
                    return
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise Unavailable(f"containerd does not answer on {address} within {START_SECONDS:g} s") from error
    finally:
        connection.close()


async def _wait_ended(pidfd: int) -> None:
    """A pidfd is readable when its process has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)


def _start_time(pid: int) -> str:
    """Clock ticks from the boot to the start: field 22 of /proc/PID/stat, proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _command_line(pid: int) -> bytes:
    try:
        return read_whole(f"/proc/{pid}/cmdline")
    except OSError:
        return b""
