"""containerd without an engine: ours beside containerd 2.1, driven by the original `ctr` and by calls of one client."""

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from bench import big_image, measure
from bench.contestants import SUITE, Contestant
from bench.rows import MEGABYTE, Row
from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import containers_pb2, tasks_pb2, version_pb2
from tests.integration.containerd.daemon import OurContainerd, make_root
from tests.support import processes, registry
from tests.support.paths import PEERS_HOME
from tests.support.peers import OriginalContainerd
from tests.support.waiting import wait_until
from tools.dev.progress import Progress

PULL = "pull"
CALLS = "calls"
MANY = "idle-500"
STOPPED = "stopped-shim"
GROUPS = (PULL, CALLS, MANY, STOPPED)
PULLS = 7  # a pull takes seconds
CALLS_PER_ROUND = 50
IDLE = 500
IMAGE = f"{registry.ADDRESS}/{big_image.NAME}"


@dataclass(frozen=True)
class Daemon:
    """A containerd under measurement, alone in its network namespace. `ctr` is the command that drives it."""

    name: str
    pid: int
    address: str
    namespace: str
    ctr: Sequence[str]
    enter: Sequence[str] = field(default=())

    def run(self, *arguments: str | Path, timeout: float = 120) -> str:
        """`ctr ARGUMENTS`, which must succeed."""
        argv = [*self.ctr, *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, f"{self.name}: ctr {arguments[0]} {arguments[1]}: {done.stderr}"
        return done.stdout

    def shims(self) -> list[processes.Process]:
        return [p for p in processes.mentioning(f"-namespace {self.namespace} -id") if "shim" in p.command]


def measure_daemons(rounds: int, only: Sequence[str]) -> list[Row]:
    """The rows of the groups. Leaves nothing on the machine."""
    folder = Path(tempfile.mkdtemp(prefix="swb", dir="/tmp"))
    try:
        rows: list[Row] = []
        with _both(folder) as (daemons, root):
            if PULL in only:
                rows.append(_pulls(daemons, _filled_registry(folder, daemons[1])))
            if CALLS in only:
                rows += _calls(daemons, root, rounds)
            if STOPPED in only:
                rows.append(_beside_a_stopped_shim(daemons, root, rounds))
            if MANY in only:
                rows += _many_idle(daemons, root)
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def engine_pulls(contestants: Sequence[Contestant]) -> Row:
    """`docker pull` by both engines, of a registry on their own loopback."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swb", dir="/tmp")))
        original = next(c for c in contestants if c.name == "original")
        archive = big_image.write_archive(folder / "big.tar")
        original.client("load", "-i", str(archive), timeout=120)
        registry.fill(folder / "registry", original.engine, [big_image.NAME])  # type: ignore[arg-type]
        original.client("rmi", big_image.NAME)
        for contestant in contestants:
            stack.enter_context(registry.Registry(folder / "registry", contestant.engine.enter))

        def once(contestant: Contestant) -> float:
            took = measure.seconds_of(contestant.client, "pull", "-q", IMAGE)
            contestant.client("rmi", IMAGE, timeout=60)
            return took

        with Progress("docker pull", PULLS) as progress:
            times = measure.alternate(contestants, PULLS, once, progress.at)
    return _row(f"docker pull, {_size()}", times, goal=0.8)


@contextmanager
def _both(folder: Path) -> Iterator[tuple[list[Daemon], Path]]:
    """Ours first, and a root file system for both."""
    with ExitStack() as stack:
        root = make_root(folder)
        ours = OurContainerd(folder / "ours")
        stack.callback(ours.close)
        ours.start()
        original = OriginalContainerd(SUITE, folder / "sid", bind=(root,))
        stack.callback(original.stop)
        program = str(PEERS_HOME / SUITE / "usr/bin/ctr")
        yield (
            [
                Daemon(
                    "ours",
                    ours.pid,
                    ours.address,
                    ours.namespace,
                    ours.sandbox.command(program, "--address", ours.address, "--namespace", ours.namespace),
                    ["nsenter", "-t", str(ours.pid), "-n", "--"],
                ),
                Daemon(
                    "original",
                    original.pid,
                    original.address,
                    original.namespace,
                    original.ctr_argv(),
                    ["nsenter", "-t", str(original.pid), "-n", "--"],
                ),
            ],
            root,
        )


def _filled_registry(folder: Path, original: Daemon) -> Path:
    """A registry's folder with the big image in it, pushed by the original."""
    with Progress(f"make an image: {_size()}"):
        archive = big_image.write_archive(folder / "sid" / "big.tar")
        original.run("images", "import", "--no-unpack", archive)
        archive.unlink()
        original.run("images", "tag", f"docker.io/library/{big_image.NAME}", IMAGE)
        with registry.Registry(folder / "registry", original.enter):
            original.run("images", "push", "--plain-http", IMAGE)
        _forget_images(original)
    return folder / "registry"


def _pulls(daemons: Sequence[Daemon], storage: Path) -> Row:
    def once(daemon: Daemon) -> float:
        began = time.perf_counter()
        daemon.run("images", "pull", "--plain-http", IMAGE)
        took = time.perf_counter() - began
        _forget_images(daemon)
        return took

    with ExitStack() as stack:
        for daemon in daemons:
            stack.enter_context(registry.Registry(storage, daemon.enter))
        times: dict[str, list[float]] = {daemon.name: [] for daemon in daemons}
        with Progress("ctr images pull", PULLS) as progress:
            for number in range(-1, PULLS):  # the first does not count
                for daemon in daemons:
                    took = once(daemon)
                    if number >= 0:
                        times[daemon.name].append(took)
                progress.at(number + 1)
    return _row(f"ctr images pull, {_size()}", times, goal=0.8)


def _forget_images(daemon: Daemon) -> None:
    names = daemon.run("images", "ls", "-q").split()
    daemon.run("images", "rm", "--sync", *names)
    wait_until(lambda: not daemon.run("content", "ls", "-q").split(), f"{daemon.name} to have removed all content", 60)


def _calls(daemons: Sequence[Daemon], root: Path, rounds: int) -> list[Row]:
    """Unary calls over one connection, one after the other."""
    for daemon in daemons:
        daemon.run("run", "-d", "--rootfs", root, "calls", "/bin/sleep", "1000")
    try:
        samples = asyncio.run(_time_calls(daemons, rounds))
    finally:
        for daemon in daemons:
            _remove(daemon, "calls")
    return [_row(f"unary call: {name}", times, goal=1.5, unit="ms") for name, times in samples.items()]


async def _time_calls(daemons: Sequence[Daemon], rounds: int) -> dict[str, dict[str, list[float]]]:
    version = service_methods(version_pb2.DESCRIPTOR, "Version")["version"]
    get_container = service_methods(containers_pb2.DESCRIPTOR, "Containers")["get"]
    get_task = service_methods(tasks_pb2.DESCRIPTOR, "Tasks")["get"]
    calls = {
        "version": (version, Empty()),
        "containers.Get": (get_container, containers_pb2.GetContainerRequest(id="calls")),
        "tasks.Get": (get_task, tasks_pb2.GetRequest(container_id="calls")),
    }
    connections = {daemon.name: Connection(daemon.address, daemon.namespace) for daemon in daemons}
    samples: dict[str, dict[str, list[float]]] = {name: {d.name: [] for d in daemons} for name in calls}
    for name, (method, request) in calls.items():
        for number in range(-1, rounds):
            for daemon in daemons:
                began = time.perf_counter()
                for _ in range(CALLS_PER_ROUND):
                    await connections[daemon.name].call(method, request)
                if number >= 0:
                    samples[name][daemon.name].append((time.perf_counter() - began) / CALLS_PER_ROUND)
    for connection in connections.values():
        connection.close()
    return samples


def _beside_a_stopped_shim(daemons: Sequence[Daemon], root: Path, rounds: int) -> Row:
    """What an exec in one container takes longer while the shim of another is stopped."""
    values, samples = {}, {}
    for daemon in daemons:
        for name in ("stopped", "other"):
            daemon.run("run", "-d", "--rootfs", root, name, "/bin/sleep", "1000")
        (shim,) = [p for p in _owners(daemon) if "-id stopped " in p.command]

        def times(daemon: Daemon = daemon) -> list[float]:
            found = []
            for number in range(rounds):
                began = time.perf_counter()
                daemon.run("tasks", "exec", "--exec-id", f"e{number}", "other", "/bin/true")
                found.append(1000 * (time.perf_counter() - began))
            return found

        with processes.stopped(shim.pid):
            beside = times()
        alone = times()
        samples[daemon.name] = beside
        values[daemon.name] = statistics.median(beside) - statistics.median(alone)
        for name in ("stopped", "other"):
            _remove(daemon, name)
    return Row(name="exec, later beside a stopped shim", unit="ms", values=values, limit=100.0, samples=samples)


def _many_idle(daemons: Sequence[Daemon], root: Path) -> list[Row]:
    """Five hundred sleeping containers: memory of a shim, and what containerd itself grows by."""
    shims, growth = {}, {}
    for daemon in daemons:
        containerd = processes.read(daemon.pid)
        assert containerd is not None
        daemon.run("run", "--rm", "--rootfs", root, "first", "/bin/true")
        before = measure.memory([containerd])
        with Progress(f"{IDLE} containers, {daemon.name}", IDLE) as progress:
            for number in range(IDLE):
                daemon.run("run", "-d", "--rootfs", root, f"idle{number}", "/bin/sleep", "10000")
                progress.at(number + 1)
        found = _owners(daemon)
        assert len(found) == IDLE, f"{daemon.name} has {len(found)} shims"
        shims[daemon.name] = measure.memory(found) / IDLE / MEGABYTE
        growth[daemon.name] = (measure.memory([containerd]) - before) / IDLE / 1000
        with Progress(f"remove {IDLE} containers, {daemon.name}", IDLE) as progress:
            for number in range(IDLE):
                _remove(daemon, f"idle{number}")
                progress.at(number + 1)
    return [
        Row(name=f"PSS of a shim, at {IDLE} idle", unit="MB", values=shims, limit=1.5),
        Row(name=f"containerd grows by each container, at {IDLE}", unit="kB", values=growth, limit=20.0),
    ]


def _owners(daemon: Daemon) -> list[processes.Process]:
    """The shims, without what they fork for a moment; and without forerunners, which go."""

    def settled() -> bool:
        found = daemon.shims()
        return not {p.parent for p in found} & {p.pid for p in found}

    wait_until(settled, f"the shims of {daemon.name} to have no children but containers", 60)
    return daemon.shims()


def _remove(daemon: Daemon, name: str) -> None:
    daemon.run("tasks", "rm", "--force", name)
    daemon.run("containers", "rm", name)


def _size() -> str:
    files = big_image.LAYERS * big_image.FILES_PER_LAYER
    return f"{big_image.LAYERS} layers, {files * big_image.MEAN_BYTES / MEGABYTE:.0f} MB, {files:,} files"


def _row(name: str, times: dict[str, list[float]], *, goal: float, unit: str = "s") -> Row:
    scale = 1000 if unit == "ms" else 1
    samples = {who: [scale * value for value in some] for who, some in times.items()}
    values = {who: statistics.median(some) for who, some in samples.items()}
    return Row(name=name, unit=unit, values=values, goal=goal, samples=samples)
