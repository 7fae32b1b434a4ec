"""What a configuration file does to a daemon, and what it says of itself: log, service manager, HTTP sockets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.containerd.daemon import OurContainerd
from tests.support import processes
from tests.support.paths import LAUNCHERS
from tests.support.waiting import wait_until

FETCH = """
import socket, sys, urllib.request, http.client
place, path = sys.argv[1:]
if place.startswith("/"):
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(10)
    connection.sock.connect(place)
else:
    connection = http.client.HTTPConnection(place, timeout=10)
connection.request("GET", path)
answer = connection.getresponse()
print(answer.status)
sys.stdout.write(answer.read().decode())
"""
METRICS = "127.0.0.1:1338"


def run(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(LAUNCHERS / "containerd"), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=20)


def shims(daemon: OurContainerd) -> list[processes.Process]:
    return [process for process in processes.mentioning(f"-namespace {daemon.namespace} ") if "shim" in process.command]


def fetch(daemon: OurContainerd, place: str, path: str) -> tuple[int, str]:
    status, _, body = daemon.sandbox.run(sys.executable, "-c", FETCH, place, path).stdout.partition("\n")
    return int(status), body


@pytest.fixture
def daemon(machine_unchanged: None, short_folder: Path) -> Iterator[OurContainerd]:
    """One that has not been started yet."""
    daemon = OurContainerd(Path(tempfile.mkdtemp(prefix="cd", dir=short_folder)))
    daemon.flags = ("--config", f"{daemon.folder}/config.toml", "--address", daemon.address)
    try:
        yield daemon
    finally:
        daemon.close()


def configured(daemon: OurContainerd, text: str, **environment: str) -> None:
    """Start it with a file of this text, and `environment` beside PATH."""
    (daemon.folder / "config.toml").write_text(text)
    daemon.environment = environment
    daemon.start()


def test_the_file_of_a_dump_is_the_same_again_in_every_version(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(
        "version = 2\noom_score = 7\n[plugins.'io.containerd.internal.v1.restart']\ninterval = '1m'\n"
    )
    dumped = run("--config", tmp_path / "one.toml", "config", "dump").stdout
    (tmp_path / "two.toml").write_text(run("--config", tmp_path / "one.toml", "config", "migrate").stdout)
    assert "version = 3" in (tmp_path / "two.toml").read_text()
    again = run("--config", tmp_path / "two.toml", "config", "dump")
    assert (again.stdout, again.stderr) == (dumped, "")
    assert "oom_score = 7" in dumped
    assert 'interval = "1m0s"' in dumped


def test_the_hook_becomes_its_program(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"root": {"path": "rootfs"}}')
    state = json.dumps({"id": "box", "pid": 7, "bundle": str(tmp_path), "annotations": {"k": "v"}})
    done = run("oci-hook", "/bin/echo", "{{id}}", "{{rootfs}}", '{{annotation "k"}}', stdin=state)
    assert done.stdout == f"box {tmp_path}/rootfs v\n"
    done = run("oci-hook", "/none", stdin=state)
    assert (done.returncode, done.stderr) == (1, "containerd: oci-hook: execute /none: No such file or directory\n")


def test_a_file_with_keys_that_change_nothing_is_served_and_told_of(daemon: OurContainerd) -> None:
    configured(
        daemon,
        "version = 2\nrooot = '/x'\n[cgroup]\npath = '/y'\n"
        "[plugins.'io.containerd.grpc.v1.cri']\nenable_selinux = true\n",
    )
    log = daemon.log_path.read_text().splitlines()
    for key in ("rooot", "cgroup.path", r'"plugins.\"io.containerd.grpc.v1.cri\""'):
        [line] = [line for line in log if line.endswith(f"file={daemon.folder}/config.toml key={key}")]
        assert "level=warning" in line


def test_the_log_has_the_fields_that_the_original_has(daemon: OurContainerd) -> None:
    configured(daemon, 'version = 2\n[debug]\nlevel = "debug"\nformat = "json"\n')
    entries = [json.loads(line) for line in daemon.log_path.read_text().splitlines() if line.startswith("{")]
    [served] = [entry for entry in entries if entry["msg"] == "containerd serves"]
    assert served["level"] == "info"
    assert served["address"] == daemon.address
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", served["time"])


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_of_start_and_end(daemon: OurContainerd, abstract: bool) -> None:
    """An abstract socket belongs to a network namespace: the daemon's is not ours, so one of its own is listened on."""
    place = "@slipway-notify" if abstract else f"{daemon.folder}/notify"
    listen = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
        "s.bind(sys.argv[1].replace('@', chr(0))); s.settimeout(20); "
        "print('listening', flush=True); print(s.recv(99).decode(), s.recv(99).decode())"
    )
    argv = [sys.executable, "-c", listen, place]
    with daemon.sandbox.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as manager:
        assert manager.stdout is not None
        assert manager.stdout.readline() == b"listening\n"
        configured(daemon, "version = 2\n", NOTIFY_SOCKET=place)
        daemon.stop()
        assert manager.communicate(timeout=20)[0] == b"READY=1 STOPPING=1\n"


def test_sigusr1_shows_where_every_task_is(daemon: OurContainerd) -> None:
    configured(daemon, "version = 2\n")
    os.kill(daemon.pid, signal.SIGUSR1)
    path = daemon.folder / f"state/containerd.{daemon.pid}.stacks.log"
    wait_until(path.exists, "the stacks to be written")
    stacks = path.read_text()
    assert "thread database-writer" in stacks
    assert "collector" in stacks
    assert "=== BEGIN stack dump ===" in daemon.log_path.read_text()


def test_the_process_is_set_as_the_file_says(daemon: OurContainerd) -> None:
    temp = daemon.folder / "temp"
    configured(daemon, f"version = 2\noom_score = 300\ntemp = '{temp}'\n[grpc]\nuid = 12\ngid = 34\n")
    assert Path(f"/proc/{daemon.pid}/oom_score_adj").read_text() == "300\n"
    assert temp.is_dir()
    status = os.stat(daemon.address)
    assert (status.st_uid, status.st_gid) == (12, 34)
    assert (os.stat(f"{daemon.address}.ttrpc").st_uid, oct(status.st_mode & 0o777)) == (12, "0o660")


def test_a_message_longer_than_the_file_allows_is_refused(daemon: OurContainerd) -> None:
    configured(daemon, "version = 2\n[grpc]\nmax_recv_message_size = 1000\n")
    refused = daemon.ctr("containers", "create", "--label", f"k={'x' * 900}", "--rootfs", "/", "c", check=False)
    assert b"ResourceExhausted" in refused.stderr or b"larger than max" in refused.stderr, refused.stderr
    assert daemon.ctr("containers", "ls", "-q").stdout == b""


def test_parts_that_the_file_disables_or_requires(daemon: OurContainerd) -> None:
    native = "io.containerd.snapshotter.v1.native"
    configured(
        daemon,
        f"version = 2\ndisabled_plugins = ['{native}', 'io.containerd.grpc.v1.leases',"
        " 'io.containerd.gc.v1.scheduler']\n",
    )
    plugins = daemon.ctr("plugins", "ls").stdout.decode()
    assert "overlayfs" in plugins
    assert "native" not in plugins
    assert daemon.ctr("leases", "ls", check=False).returncode != 0
    assert "a part that others need serves though it is disabled" in daemon.log_path.read_text()
    daemon.stop()
    (daemon.folder / "config.toml").write_text("version = 2\nrequired_plugins = ['io.containerd.grpc.v1.cri']\n")
    refused = daemon.sandbox.run(*daemon.argv(), check=False)
    assert refused.returncode == 1
    assert "containerd: required plugin io.containerd.grpc.v1.cri: there is none of that name here" in refused.stderr


def test_snapshots_lie_where_the_file_says(daemon: OurContainerd, root_folder: Path) -> None:
    place = daemon.folder / "elsewhere"
    configured(
        daemon,
        f"""version = 2
[plugins."io.containerd.snapshotter.v1.overlayfs"]
  root_path = "{place}"
  mount_options = ["volatile"]
""",
    )
    daemon.ctr("snapshots", "prepare", "a")
    daemon.ctr("snapshots", "commit", "b", "a")
    mounts = daemon.ctr("snapshots", "prepare", "--mounts", "c", "b").stdout.decode()
    assert f"{place}/snapshots/" in mounts
    assert "volatile" in mounts


def test_shims_alone_have_the_environment_that_the_file_gives_them(daemon: OurContainerd, root_folder: Path) -> None:
    configured(daemon, "version = 3\n[plugins.'io.containerd.shim.v1.manager']\nenv = ['SLIPWAY_TEST=1']\n")
    daemon.ctr("run", "--rootfs", "-d", root_folder, "box", "/bin/sleep", "1000")
    wait_until(lambda: len(shims(daemon)) == 1, "the container to have one shim")  # for its first second it has two
    [shim] = shims(daemon)
    assert b"SLIPWAY_TEST=1" in Path(f"/proc/{shim.pid}/environ").read_bytes().split(b"\0")
    assert b"SLIPWAY_TEST" not in Path(f"/proc/{daemon.pid}/environ").read_bytes()


def test_metrics_of_a_running_container_and_of_calls(daemon: OurContainerd, root_folder: Path) -> None:
    configured(daemon, f"version = 2\n[metrics]\naddress = '{METRICS}'\ngrpc_histogram = true\n")
    daemon.ctr("run", "--rootfs", "-d", root_folder, "box", "/bin/sleep", "1000")
    daemon.ctr("task", "ls")
    status, text = fetch(daemon, METRICS, "/v1/metrics")
    assert status == 200
    labels = f'{{container_id="box",namespace="{daemon.namespace}",runtime="io.containerd.runc.v2"}}'
    assert f"container_pids_current{labels} 1\n" in text
    tasks = 'grpc_method="List",grpc_service="containerd.services.tasks.v1.Tasks",grpc_type="unary"'
    assert f"grpc_server_started_total{{{tasks}}} 1\n" in text
    assert f"grpc_server_msg_sent_total{{{tasks}}} 1\n" in text
    assert f'grpc_server_handled_total{{grpc_code="OK",{tasks}}} 1\n' in text
    assert f"grpc_server_handling_seconds_count{{{tasks}}} 1\n" in text
    subscribed = 'grpc_method="Subscribe",grpc_service="containerd.services.events.v1.Events",grpc_type="server_stream"'
    assert f"grpc_server_started_total{{{subscribed}}}" in text
    assert "process_resident_memory_bytes" in text
    assert fetch(daemon, METRICS, "/")[0] == 404


def test_a_stopped_shim_holds_a_scrape_up_for_its_own_time_only(daemon: OurContainerd, root_folder: Path) -> None:
    configured(
        daemon,
        f"""version = 2
[metrics]
  address = '{METRICS}'
[timeouts]
  "io.containerd.timeout.metrics.shimstats" = "1s"
""",
    )
    for name in ("still", "lively"):
        daemon.ctr("run", "--rootfs", "-d", root_folder, name, "/bin/sleep", "1000")
    # For its first second a container has two; and one that has passed its container on is not asked.
    wait_until(lambda: len(shims(daemon)) == 2, "each container to have one shim")
    [shim] = [process for process in shims(daemon) if " -id still " in f"{process.command} "]
    with processes.stopped(shim.pid):
        status, text = fetch(daemon, METRICS, "/v1/metrics")  # waits 10 s at most
        assert (status, 'container_id="lively"' in text, 'container_id="still"' in text) == (200, True, False)
    wait_until(lambda: 'container_id="still"' in fetch(daemon, METRICS, "/v1/metrics")[1], "it to be measured again")


def test_the_debug_socket_shows_variables_and_stacks(daemon: OurContainerd) -> None:
    place = f"{daemon.folder}/debug.sock"
    configured(daemon, f"version = 2\n[debug]\naddress = '{place}'\n")
    assert oct(os.stat(place).st_mode & 0o777) == "0o660"
    assert json.loads(fetch(daemon, place, "/debug/vars")[1])["cmdline"][1:3] == ["--root", f"{daemon.folder}/root"]
    dumped = daemon.ctr("pprof", "--debug-socket", place, "goroutines").stdout.decode()
    assert "thread database-writer" in dumped
    assert fetch(daemon, place, "/debug/pprof/heap")[0] == 404


def test_what_cannot_be_listened_on_is_one_sentence(daemon: OurContainerd) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (daemon.folder / "config.toml").write_text(f"version = 2\n[metrics]\naddress = '{address}'\n")
        done = run(*daemon.argv()[1:])
    assert (done.returncode, [line for line in done.stderr.splitlines() if "level=" not in line]) == (
        1,
        [f"containerd: listen on tcp://{address}: Address already in use"],
    )
