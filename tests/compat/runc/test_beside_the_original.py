"""The same container by the original runc and by ours, under the original Docker: what its program sees is equal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import docker
from tests.support.peers import OriginalEngine

pytestmark = [pytest.mark.root, pytest.mark.peers]

PROBE = r"""
id; pwd; env | sort; umask; ulimit -a; cat /proc/self/oom_score_adj
grep -v -e '^Pid' -e '^NS' -e ^PPid -e ctxt -e ^Vm -e ^Rss -e ^Tgid -e ^SigQ /proc/self/status
cut -d' ' -f4- /proc/self/mountinfo | grep -v /etc/
ls -ln /dev | awk '{print $1, $3, $4, $1 ~ /^[bc]/ ? $5 $6 : "", $NF}'
ls -lan /dev/shm /made 2>&1 | awk '{print $1, $3, $4}'
cat /proc/self/cgroup
sort /sys/fs/cgroup/devices/devices.list; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max
cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpuset/cpuset.cpus
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/cpu.max
cat /proc/keys >/dev/null; cat /proc/kcore /proc/sys/net/ipv4/ip_forward | head -c 100
for call in 'mkdir /made/x' 'mknod /tmp/n b 8 0' 'hostname x' 'mount -t tmpfs t /mnt' 'chroot / true' 'date -s 0'; do
  $call >/dev/null 2>&1; echo "$call: $?"
done
"""
CASES = {
    "plain": [],
    "privileged": ["--privileged"],
    "user": ["-u", "1000:5", "--group-add", "77", "-w", "/made"],
    # One --tmpfs each: the original hands several to its runtime in the order of a Go map, another in each run.
    "read-only": ["--read-only", "--tmpfs", "/t", "-v", "/dev/shm:/x"],
    "tmpfs": ["--tmpfs", "/u:ro,size=5m"],
    "capabilities": ["--cap-add", "SYS_ADMIN", "--cap-drop", "MKNOD"],
    "limits": ["-m", "50m", "--cpus", "0.5", "--cpu-shares", "77", "--pids-limit", "20", "--cpuset-cpus", "0"],
    "rlimits": ["--ulimit", "nofile=50:60", "--ulimit", "core=0", "--oom-score-adj", "100"],
    "no new privileges": ["--security-opt", "no-new-privileges", "--sysctl", "net.ipv4.ip_forward=1"],
    "names": ["-h", "box", "--domainname", "house", "--init"],
    "host namespaces": ["--network", "host", "--uts", "host", "--ipc", "host"],
    "private cgroups": ["--cgroupns", "private", "--security-opt", "seccomp=unconfined", "--device", "/dev/fuse"],
}
HEXADECIMAL = re.compile(r"[0-9a-f]{12,}|lowerdir=\S+|overlay2/\S+")


@pytest.fixture(scope="session")
def client(dockerd: OriginalEngine, busybox_archive: Path) -> docker.Docker:
    client = docker.theirs(dockerd.host)
    client.run("load", "-i", str(busybox_archive)).ok()
    return client


SAMPLE = ("plain", "privileged", "user", "read-only", "capabilities", "limits", "private cgroups")


def case(name: str) -> Any:
    return pytest.param(CASES[name], id=name, marks=[] if name in SAMPLE else pytest.mark.matrix)


@pytest.mark.parametrize("flags", [case(name) for name in CASES])
def test_a_program_sees_the_same(client: docker.Docker, flags: list[str]) -> None:
    seen = {}
    for runtime in ("runc", "ours"):
        done = client.run("run", "--rm", "--runtime", runtime, *flags, "busybox", "sh", "-c", PROBE)
        lines = (done.out + done.err).splitlines()
        seen[runtime] = [HEXADECIMAL.sub("*", line) for line in lines if not line.startswith("HOSTNAME=")]
    assert len(seen["runc"]) > 80
    assert seen["ours"] == seen["runc"]


@pytest.mark.parametrize(
    "words", [["nope"], ["/nope"], ["/etc"], ["sh", "-c", "exit 5"], ["sh", "-c", "kill -9 $$; exit 3"]]
)
def test_the_client_gets_the_same_status_and_words(client: docker.Docker, words: list[str]) -> None:
    results = [client.run("run", "--rm", "--runtime", runtime, "busybox", *words) for runtime in ("runc", "ours")]
    assert results[0].status == results[1].status
    assert results[0].err == results[1].err


@pytest.mark.parametrize(
    "words", [["nope"], ["-w", "/nope", "sh"], ["-u", "5:6", "id"], ["-t", "tty"], ["sh", "-c", "exit 5"]]
)
def test_exec_gives_the_same(client: docker.Docker, words: list[str]) -> None:
    results = []
    for runtime in ("runc", "ours"):
        container = client.run("run", "-d", "--runtime", runtime, "busybox", "sleep", "100").ok().line
        results.append(client.run("exec", *_with_container(words, container)))
        client.run("rm", "-f", container).ok()
    assert (results[0].status, results[0].out, results[0].err) == (results[1].status, results[1].out, results[1].err)


def _with_container(words: list[str], container: str) -> list[str]:
    """The id stands behind the flags: `-t ID tty`, `-u 5:6 ID id`."""
    flags = {"-w": 2, "-u": 2, "-t": 1}.get(words[0], 0)
    return [*words[:flags], container, *words[flags:]]


def test_a_paused_container_and_its_statistics(client: docker.Docker) -> None:
    container = client.run("run", "-d", "--runtime", "ours", "busybox", "sleep", "100").ok().line
    try:
        client.run("pause", container).ok()
        assert client.run("inspect", "-f", "{{.State.Status}}", container).ok().line == "paused"
        client.run("unpause", container).ok()
        client.run("update", "-m", "64m", "--memory-swap", "128m", container).ok()
        assert "64MiB" in client.run("stats", "--no-stream", container).ok().out
        assert "sleep 100" in client.run("top", container).ok().out
    finally:
        client.run("rm", "-f", container).ok()


def test_the_daemon_has_read_our_features(client: docker.Docker) -> None:
    runtimes = json.loads(client.run("info", "-f", "{{json .Runtimes}}").ok().out)
    features = {
        name: json.loads(runtimes[name]["status"]["org.opencontainers.runtime-spec.features"])
        for name in ("runc", "ours")
    }
    assert features["ours"].keys() == features["runc"].keys()
    assert features["ours"]["hooks"] == features["runc"]["hooks"]
