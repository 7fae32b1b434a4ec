"""Configuration files that the original containerd reads and writes, beside ours; and its metrics beside ours."""

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.containerd.daemon import OurContainerd, make_root
from tests.support import peers
from tests.support.paths import LAUNCHERS
from tests.support.peers import OriginalContainerd
from tools.dev.launchers import make as make_launchers

pytestmark = [pytest.mark.root, pytest.mark.peers]
Done = subprocess.CompletedProcess[str]
OURS = "io.containerd.slipway.v1.daemon"
# What the originals' files have for parts that we have not; the rest of such a file is read without a word.
ELSEWHERE = re.compile(
    r"key=.*io\.containerd\.(grpc\.v1\.cri|cri\.|nri|runtime\.v1\.linux|internal\.v1\.(opt|tracing)|image-verifier|podsandbox)"
)
FETCH = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=10).read().decode())"
METRICS = "127.0.0.1:1338"


@pytest.fixture
def folder(short_folder: Path) -> Path:
    """One that shows at the same path inside the originals' trees."""
    make_launchers(LAUNCHERS.parents[1])
    return Path(tempfile.mkdtemp(prefix="cf", dir=short_folder))


@pytest.fixture
def theirs(suite: str, folder: Path) -> Iterator[Callable[..., Done]]:
    """`containerd ARGUMENTS` of one suite, in its tree."""
    peers.install(suite)

    def run(*arguments: str | Path) -> Done:
        argv, environment = peers.enter(suite, "containerd", *map(str, arguments), share=folder)
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=30)

    yield run
    peers.forget_share(suite, folder)


def ours(*arguments: str | Path) -> Done:
    command = [str(LAUNCHERS / "containerd"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def both(table: Any, other: Any) -> tuple[Any, Any]:
    """The two with only the keys that both have."""
    if isinstance(table, list) and isinstance(other, list) and len(table) == len(other):
        pairs = [both(*pair) for pair in zip(table, other, strict=True)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if not isinstance(table, dict) or not isinstance(other, dict):
        return table, other
    shared = {key: both(table[key], other[key]) for key in table.keys() & other.keys()}
    return {key: pair[0] for key, pair in shared.items()}, {key: pair[1] for key, pair in shared.items()}


def newest_names(table: dict[str, Any]) -> dict[str, Any]:
    """Version 2's names of plugins as version 3's."""
    newer = {
        "io.containerd.internal.v1.restart": "io.containerd.monitor.container.v1.restart",
        "io.containerd.monitor.v1.cgroups": "io.containerd.monitor.task.v1.cgroups",
    }
    plugins = {newer.get(name, name): value for name, value in table["plugins"].items()}
    return table | {"plugins": plugins, "version": 0}


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_the_original_reads_what_we_write(theirs: Callable[..., Done], folder: Path) -> None:
    written = ours("config", "default").stdout
    (folder / "config.toml").write_text(written)
    done = theirs("--config", folder / "config.toml", "config", "dump")
    assert done.returncode == 0, done.stderr
    assert "nknown key" not in done.stderr
    mine, read = both(newest_names(tomllib.loads(written)), newest_names(tomllib.loads(done.stdout)))
    del mine["imports"], read["imports"]  # containerd 1.7 lists what it has read
    assert mine == read
    assert mine["plugins"].keys() >= {"io.containerd.gc.v1.scheduler", "io.containerd.monitor.container.v1.restart"}


@pytest.mark.parametrize("suite", ["sid"])
def test_the_original_reads_what_we_migrate(theirs: Callable[..., Done], folder: Path) -> None:
    (folder / "config.toml").write_text(
        "version = 2\noom_score = 3\n[plugins.'io.containerd.internal.v1.restart']\ninterval = '1m'\n"
    )
    migrated = ours("--config", folder / "config.toml", "config", "migrate").stdout
    (folder / "config.toml").write_text(migrated)
    done = theirs("--config", folder / "config.toml", "config", "dump")
    assert (done.returncode, done.stderr) == (0, "")
    mine, read = both(tomllib.loads(migrated), tomllib.loads(done.stdout))
    assert mine == read
    assert read["plugins"]["io.containerd.monitor.container.v1.restart"] == {"interval": "1m0s"}


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_we_read_what_the_original_writes(theirs: Callable[..., Done], folder: Path) -> None:
    written = theirs("config", "default").stdout
    (folder / "config.toml").write_text(written)
    done = ours("--config", folder / "config.toml", "config", "dump")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not ELSEWHERE.search(line)] == []
    assert done.stderr.count("CRI") == 1
    mine, read = both(newest_names(tomllib.loads(done.stdout)), newest_names(tomllib.loads(written)))
    for table in (mine, read):
        table["debug"] = {}  # an empty level is info, an empty format text
        del table["imports"]  # containerd 1.7 lists what it has read
    assert mine == read


MAIN = """version = 2
root = "/main"
oom_score = 5
imports = ["more/*.toml", "last.toml"]
required_plugins = ["io.containerd.a.v1.a"]
[grpc]
  uid = 7
[timeouts]
  "io.containerd.timeout.task.state" = "9s"
[stream_processors.x]
  path = "main"
  returns = "main"
[plugins."io.containerd.snapshotter.v1.overlayfs"]
  root_path = "/main"
  mount_options = ["main"]
  sync_remove = true
"""
MORE = """version = 2
root = ""
oom_score = 0
state = "/more"
required_plugins = ["io.containerd.b.v1.b", "io.containerd.a.v1.a"]
[grpc]
  uid = 0
  gid = 8
[timeouts]
  "io.containerd.timeout.shim.load" = "8s"
[stream_processors.x]
  path = "more"
[plugins."io.containerd.snapshotter.v1.overlayfs"]
  mount_options = ["more"]
  sync_remove = false
"""
LAST = """version = 2
state = "/last"
imports = ["config.toml"]
"""


@pytest.mark.parametrize("suite", ["sid"])
def test_imports_are_merged_as_the_original_merges_them(theirs: Callable[..., Done], folder: Path) -> None:
    (folder / "more").mkdir()
    for name, text in (("config.toml", MAIN), ("more/1.toml", MORE), ("last.toml", LAST)):
        (folder / name).write_text(text)
    results = []
    for run in (ours, theirs):
        done = run("--config", folder / "config.toml", "config", "dump")
        assert done.returncode == 0, done.stderr
        results.append(newest_names(tomllib.loads(done.stdout)))
    mine, read = both(*results)
    for table in (mine, read):
        table["debug"], table["grpc"]["address"] = {}, ""
    assert mine == read
    assert mine["stream_processors"]["x"]["path"] == "more"


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("version = 2\nrooot = '/x'\n[grpc]\nadress = '/y'\n", True),
        ("version = 2\n[plugins.'io.containerd.gc.v1.scheduler']\nstartup = '1s'\n", True),
        ("version = 2\n[plugins.'io.containerd.none.v1.none']\nx = 1\n", True),
        ("version = 9\n", False),
        ("version = 2\n[grpc]\nuid = 'root'\n", False),
        ("version = 2\ndisabled_plugins = ['cri']\n", False),
        ("version = 2\n[plugins.'io.containerd.gc.v1.scheduler']\nstartup_delay = 'soon'\n", False),
        ("version = \n", False),
    ],
)
@pytest.mark.parametrize("suite", ["sid"])
def test_the_same_files_are_refused(theirs: Callable[..., Done], folder: Path, text: str, is_read: bool) -> None:
    (folder / "config.toml").write_text(text)
    for run in (ours, theirs):
        done = run("--config", folder / "config.toml", "config", "dump")
        assert (done.returncode == 0) == is_read, f"{run}: {done.stderr}"


@pytest.mark.parametrize("suite", ["sid"])
def test_a_container_has_the_metrics_that_it_has_there(suite: str, folder: Path) -> None:
    """Names and labels of all that the original tells of containers and calls. The values are another moment's."""
    command = (sys.executable, "-c", FETCH, f"http://{METRICS}/v1/metrics")
    settings = f"version = 2\n[metrics]\naddress = '{METRICS}'\n"
    places = {name: folder / name for name in ("theirs", "mine")}
    for place in places.values():
        place.mkdir()
        (place / "config.toml").write_text(settings)
    flags = ("--config", f"{places['theirs']}/config.toml")
    original = OriginalContainerd(suite, places["theirs"], flags=flags)
    try:
        root = str(make_root(places["theirs"]))
        started = original.ctr("run", "-d", "--rootfs", root, "box", "/bin/sleep", "1000")
        assert started.returncode == 0, started.stderr
        inside = ["nsenter", "-t", str(original.pid), "-n", "--", *command]
        told = subprocess.run(inside, capture_output=True, text=True, check=True).stdout
    finally:
        original.stop()
    mine = OurContainerd(places["mine"], "--config", f"{places['mine']}/config.toml")
    mine.flags += ("--address", mine.address)
    try:
        mine.start().ctr("run", "--rootfs", "-d", make_root(places["mine"]), "box", "/bin/sleep", "1000")
        ours = mine.sandbox.run(*command).stdout
    finally:
        mine.close()
    assert shapes(told) <= shapes(ours)


def shapes(text: str) -> set[str]:
    """Each metric that both are to have: its name, its type and the names of its labels."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    line = r"^((?:container|grpc_server|containerd_build|process)_\w+)(?:\{(.*)\})? "
    return {
        f"{name} {kinds.get(name)} {sorted(re.findall(r'(?:^|,)([a-z_]+)=', labels))}"
        for name, labels in re.findall(line, text, re.MULTILINE)
    }
