"""Attacks from inside containers and images on a running engine; docs/decisions/attacks-tried.md has the list."""

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import docker, images
from tests.support.docker import Docker
from tests.support.engine import OurEngine
from tests.support.kept import compiled
from tests.system.harness import client_of_an_attack

STEAL = Path(__file__).with_name("steal.c")
APPLETS = (
    "sh",
    "cat",
    "grep",
    "id",
    "ls",
    "mkfifo",
    "mknod",
    "mount",
    "pwd",
    "rm",
    "sleep",
    "true",
    "unshare",
    "yes",
    "head",
)
USERS = {  # USER → the four ids of /proc/self/status, or a refusal
    "0": "0", "1000": "1000", "1:": "1", ":1": "0", "nobody": "65534", "2147483647": "2147483647", "01": "1",
    "-1": "", "2147483648": "", "4294967295": "", "99999999999": "", " 1": "", "1 ": "", "١": "", "0x0": "", "1:-1": "",
    "1:2147483648": "", "toor": "", "root:1_0": "",
}  # fmt: skip
PASSWD = (
    b"root:x:0:0::/root:/bin/sh\n1000:x:0:0::/:/bin/sh\ntoor:x:0x0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    b"neg:x:-1:0::/:\nuni:x:\xd9\xa1:0::/:\n"
)


@pytest.fixture(scope="module")
def client(our_engine: OurEngine, busybox_archive: Path) -> Iterator[Docker]:
    with client_of_an_attack(our_engine.host, busybox_archive, "attack") as client:
        yield client


@pytest.fixture(scope="module")
def busybox(busybox_archive: Path) -> bytes:
    """The static program itself."""
    return images.program_of(busybox_archive)


def load(
    client: Docker, folder: Path, busybox: bytes, files: Mapping[str, bytes | str], config: Mapping[str, object]
) -> None:
    """An image called `attack` of busybox and `files`."""
    base: dict[str, bytes | str] = {"bin/busybox": busybox, **{f"bin/{name}": "-> busybox" for name in APPLETS}}
    settings = {"Cmd": ["sh"], "Env": ["PATH=/bin"], **config}
    client("load", "-i", str(images.make(folder / "attack.tar", "attack:latest", {**base, **files}, settings)))


@pytest.fixture
def box(client: Docker) -> Iterator[str]:
    container = client("run", "-d", "busybox", "sleep", "1000")
    yield container
    client("rm", "-f", "-v", container)


def test_nothing_can_be_taken_from_a_process_that_joins(client: Docker) -> None:
    """CVE-2019-5736, CVE-2016-9962: its program file, descriptors, memory; a ptrace. (CAP_SYS_PTRACE allows them.)"""
    container = client("run", "-d", "-v", f"{compiled(STEAL)}:/steal:ro", "busybox", "sleep", "1000")
    try:
        with client.popen("exec", container, "/steal", "4") as watching:
            while watching.poll() is None:
                client.run("exec", container, "true")
            assert watching.stdout is not None
            said = watching.stdout.read().decode()
    finally:
        client("rm", "-f", container)
    assert said == "seen some, taken 0\n"


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_no_working_directory_is_a_descriptor_of_the_host(client: Docker, box: str, verb: str) -> None:
    """CVE-2024-21626."""
    target = ["run", "--rm", "--network", "none"] if verb == "run" else ["exec"]
    for number in range(3, 14 if verb == "run" else 20):
        where = f"/proc/self/fd/{number}"
        last = "busybox" if verb == "run" else box
        done = client.run(*target, "-w", where, last, "sh", "-c", "pwd; ls -d /proc/self/cwd/tools; ls /proc/self/fd")
        assert done.status != 0 or done.out.startswith(("/\n", f"{where}\n")), f"{where}: {done}"


@pytest.mark.parametrize(
    ("files", "config"),
    [
        ({"proc": "-> /tmp", "tmp/": "/"}, {}),
        ({"sys": "-> /tmp", "tmp/": "/"}, {}),
        ({"dev": "-> /tmp", "tmp/": "/"}, {}),
        ({}, {"Volumes": {"/proc": {}}}),
        ({}, {"Volumes": {"/proc/sys": {}}}),
        ({}, {"Volumes": {"/../..": {}}}),
        ({}, {"Entrypoint": ["/proc/self/exe"]}),
        ({"evil": b"#!/proc/self/exe\nprint('ran')\n"}, {"Entrypoint": ["/evil"]}),
        ({"evil": "-> /proc/self/exe"}, {"Entrypoint": ["/evil"]}),
    ],
    ids=("proc", "sys", "dev", "volume-proc", "volume-sys", "volume-root", "exe", "script", "link"),
)
def test_images_that_are_refused(
    client: Docker, tmp_path: Path, busybox: bytes, files: Mapping[str, bytes | str], config: Mapping[str, object]
) -> None:
    """CVE-2019-19921, CVE-2019-16884, CVE-2023-27561, CVE-2026-41579."""
    load(client, tmp_path, busybox, files, config)
    done = client.run("run", "--rm", "attack", timeout=20)
    assert done.status in (125, 126, 127, 255), done
    assert "Traceback" not in done.err
    assert "ran" not in done.out


def test_links_of_an_image_lead_nowhere_on_the_host(client: Docker, tmp_path: Path, busybox: bytes) -> None:
    """CVE-2021-30465, CVE-2022-23648, CVE-2024-45310, CVE-2025-31133: mounts and our own files through links."""
    with tempfile.TemporaryDirectory(prefix="a", dir="/tmp") as host:
        up = "../" * 9 + host.lstrip("/")
        files = {
            "etc/hosts": f"-> {up}/hosts",
            "etc/hostname": f"-> /{up}/hostname",
            "dev/null": f"-> {up}/null",
            "dev/pts": f"-> {host}/pts",
            "link": f"-> {up}",
        }
        load(client, tmp_path, busybox, files, {"Volumes": {"/link/volume": {}}})
        flags = ("-v", "/etc:/link/../../../bound:ro", "-v", "/etc:/link/bound:ro", "-w", "/link/made")
        client.run("run", "--rm", *flags, "attack", "true", timeout=20)
        assert not list(Path(host).iterdir())


@pytest.mark.parametrize("link", ["{}", "../../../../../../../../..{}"], ids=["absolute", "climbing"])
def test_a_volume_of_an_image_is_filled_with_nothing_of_the_host(
    client: Docker, tmp_path: Path, busybox: bytes, link: str
) -> None:
    """CVE-2022-23648: what the image has at the place of a volume is copied into it."""
    with tempfile.TemporaryDirectory(prefix="a", dir="/tmp") as host:
        Path(host, "volume").mkdir()
        Path(host, "volume/secret").write_text("secret")
        load(client, tmp_path, busybox, {"link": f"-> {link.format(host)}"}, {"Volumes": {"/link/volume": {}}})
        client.run("run", "--name", "filled", "attack", "true", timeout=20)
        try:
            sources = client("inspect", "-f", "{{range .Mounts}}{{println .Source}}{{end}}", "filled").split()
            assert [file for source in sources for file in Path(source).rglob("*")] == []
        finally:
            client("rm", "-f", "-v", "filled")


@pytest.mark.parametrize(
    "trap", ["mkfifo {}", "yes a:x:1:1::/: | head -c 3000000 > {}", "ln -s /dev/zero {}", "mkdir {}"]
)
@pytest.mark.parametrize("file", ["passwd", "group"])
def test_a_user_file_that_is_a_trap(client: Docker, our_engine: OurEngine, trap: str, file: str) -> None:
    """CVE-2024-9676, CVE-2026-47262: neither a hang nor memory."""
    path = f"/etc/{file}"
    made = f"rm -f {path}; {trap.format(path)}; touch /ready; sleep 1000"
    container = client("run", "-d", "busybox", "sh", "-c", made)
    try:
        client("exec", container, "sh", "-c", "until [ -e /ready ]; do :; done")
        began, before = time.monotonic(), memory(our_engine)
        assert client.run("exec", "-u", "nosuch:nosuch", container, "id", timeout=10).status != 0
        assert time.monotonic() - began < 3
        assert memory(our_engine) < before + 20_000
    finally:
        client("rm", "-f", container)


def memory(engine: OurEngine) -> int:
    """dockerd's, in KiB."""
    lines = Path(f"/proc/{engine.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_what_user_means(client: Docker, tmp_path: Path, busybox: bytes) -> None:
    """CVE-2024-40635, CVE-2026-46680, CVE-2026-30892, CVE-2016-3697; and Python's own idea of a number."""
    load(client, tmp_path, busybox, {"etc/passwd": PASSWD, "etc/group": b"root:x:0:\n"}, {})
    container = client("run", "-d", "attack", "sleep", "1000")
    try:
        for user, uid in USERS.items():
            done = client.run("exec", "-u", user, container, "grep", "Uid", "/proc/self/status")
            assert (done.out.split() or ["", ""])[1:] == ([uid] * 4 if uid else [""]), f"{user!r}: {done}"
        for user, uid in USERS.items():
            done = client.run("run", "--rm", "-u", user, "--network", "none", "attack", "grep", "Uid", "/proc/1/status")
            assert (done.out.split() or ["", ""])[1:] == ([uid] * 4 if uid else [""]), f"{user!r}: {done}"
    finally:
        client("rm", "-f", container)


@pytest.mark.matrix
def test_what_the_user_of_an_image_means(client: Docker, tmp_path: Path, busybox: bytes) -> None:
    files = {"etc/passwd": PASSWD, "etc/group": b"root:x:0:\n"}
    for user, uid in USERS.items():
        load(client, tmp_path, busybox, files, {"User": user})
        done = client.run("run", "--rm", "--network", "none", "attack", "grep", "Uid", "/proc/1/status")
        assert (done.out.split() or ["", ""])[1:] == ([uid] * 4 if uid else [""]), f"{user!r}: {done}"


@pytest.mark.parametrize("trap", ["-> /dev/zero", b"a:x:1:1::/:\n" * 300_000, "/"], ids=["zero", "huge", "folder"])
@pytest.mark.parametrize("file", ["passwd", "group"])
def test_a_user_file_of_an_image_that_is_a_trap(
    client: Docker, our_engine: OurEngine, tmp_path: Path, busybox: bytes, trap: bytes | str, file: str
) -> None:
    """CVE-2024-9676, by `run` with a user of the caller's, and of the image's."""
    name = f"etc/{file}/" if trap == "/" else f"etc/{file}"
    load(client, tmp_path, busybox, {name: trap}, {"User": "nosuch:nosuch"})
    for flags in (["-u", "nosuch:nosuch"], []):
        began, before = time.monotonic(), memory(our_engine)
        assert client.run("run", "--rm", "--network", "none", *flags, "attack", "id", timeout=10).status != 0
        assert time.monotonic() - began < 3
        assert memory(our_engine) < before + 20_000


@pytest.mark.parametrize("flags", ["", "-u 1000", "--privileged", "--privileged -u 1000"])
def test_no_capability_is_inherited(client: Docker, box: str, flags: str) -> None:
    """CVE-2022-24769, CVE-2022-29162, CVE-2016-8867."""
    for verb in (["run", "--rm"], ["exec"]):
        target = "busybox" if verb[0] == "run" else box
        said = client(*verb, *flags.split(), target, "grep", "-E", "Cap(Inh|Amb)", "/proc/self/status")
        assert [line.split()[1] for line in said.splitlines()] == ["0" * 16] * 2
        if "-u" in flags:
            said = client(*verb, *flags.split(), target, "grep", "-E", "Cap(Prm|Eff)", "/proc/self/status")
            assert [line.split()[1] for line in said.splitlines()] == ["0" * 16] * 2


def test_only_the_listed_devices_open(client: Docker) -> None:
    """GHSA-g54h-m393-cpwq. mknod is allowed, opening is not."""
    script = (
        "mkdir -p /tmp; for kind in b c; do for major in $(seq 0 260); do for minor in 0 1; do rm -f /tmp/x; "
        "mknod /tmp/x $kind $major $minor || continue; said=$( (exec 3</tmp/x) 2>&1 ); "
        'case "$said" in *ermitted*) ;; *) echo $kind $major $minor;; esac; done; done; done 2>/dev/null'
    )
    opened = set(client("run", "--rm", "--network", "none", "busybox", "sh", "-c", script, timeout=60).splitlines())
    assert opened <= {"c 5 0", "c 5 1", "c 136 0", "c 136 1"}


@pytest.mark.parametrize(
    "attempt",
    [
        "unshare -U true",
        "unshare -m true",
        "unshare -r mount -t cgroup -o rdma x /tmp",
        "mount -t proc x /etc",
        "mount -o remount,rw /sys/fs/cgroup",
        "umount /proc/acpi",
        "echo 1 > /sys/fs/cgroup/memory/notify_on_release",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "nsenter -t 1 -m true",
    ],
)
def test_what_a_container_may_not(client: Docker, box: str, attempt: str) -> None:
    """CVE-2022-0492 and the usual ways out: refused, and not for want of a program or a place."""
    done = client.run("exec", box, "sh", "-c", attempt)
    assert done.status != 0
    assert any(words in done.err for words in ("not permitted", "Read-only", "denied", "nonexistent directory")), done


def test_a_container_on_the_host_s_network_sees_no_abstract_socket_of_ours(client: Docker) -> None:
    """CVE-2020-15257."""
    assert " @" not in client("run", "--rm", "--network", "host", "busybox", "cat", "/proc/net/unix")


def test_labels_and_variables_of_an_image_are_data(client: Docker, tmp_path: Path, busybox: bytes) -> None:
    """CVE-2026-53488; LD_PRELOAD, PYTHONPATH."""
    canary = tmp_path / "ran"
    labels = {
        "containerd.io/restart.status": "running",
        "containerd.io/restart.loguri": f"binary:///bin/sh?-c=touch+{canary}",
        "containerd.io/gc.root": "1",
        "io.cri-containerd.image": "managed",
        "com.docker.compose.project": "x",
    }
    variables = ["PATH=/bin", "LD_PRELOAD=/x.so", "PYTHONPATH=/x", "PYTHONSTARTUP=/x", "BASH_ENV=/x", "SLIPWAY_X=1"]
    load(client, tmp_path, busybox, {}, {"Labels": labels, "Env": variables})
    assert client("run", "--rm", "attack", "sh", "-c", "echo $PYTHONPATH") == "/x"
    assert not canary.exists()


@pytest.mark.parametrize("umask", ["0000", "0777"])
def test_nobody_reads_or_changes_what_the_engine_keeps(
    machine_unchanged: None, short_folder: Path, busybox_archive: Path, umask: str
) -> None:
    """CVE-2021-41091, CVE-2021-41103, CVE-2024-25621."""
    engine = OurEngine(short_folder / f"u{umask}", under=("sh", "-c", f'umask {umask}; exec "$@"', "sh"))
    try:
        client = docker.theirs(engine.start().host)
        client("load", "-i", str(busybox_archive))
        assert client("run", "--name", "box", "busybox", "echo", "works") == "works"
        assert (engine.folder / "docker.sock").stat().st_mode & 0o777 == 0o660
        (engine.folder).chmod(0o755)
        folders = [f"{engine.folder}/data", f"{engine.folder}/run"]
        for what in ("-readable", "-writable"):
            argv = ["find", *folders, what, "(", "-type", "f", "-o", "-type", "p", "-o", "-type", "s", ")"]
            found = subprocess.run(argv, capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
            assert found.stdout == ""
    finally:
        engine.close()


LONG = 65536
REFUSED = {
    "--cpuset-cpus": ("0-4294967295", ",".join(["0"] * (LONG // 2)), "1_0", "٠"),
    "--cpuset-mems": ("0-4294967295",),
    "-v": ("/etc:/" + "a/" * (LONG // 2),),
    "--device": ("/dev/null:/dev/" + "a" * LONG,),
    "--tmpfs": ("/x:size=" + "1" * LONG,),
    "--cgroup-parent": ("a/" * (LONG // 2), "../../../x"),
    "--sysctl": ("net.ipv4.ip_forward=" + "1" * LONG, "net.../../kernel/core_pattern=x"),
    "--entrypoint": ("a" * LONG,),
    "--user": ("1" * LONG,),
    "--network": ("a" * LONG,),
}


@pytest.mark.parametrize(
    "flag", [*list(REFUSED)[:2], *(pytest.param(f, marks=pytest.mark.matrix) for f in list(REFUSED)[2:])]
)
def test_what_is_too_long_or_too_large_is_refused_at_once(client: Docker, flag: str) -> None:
    """CVE-2021-43784, CVE-2018-20699. A refusal that quoted 60 KB filled a pipe, and the start never ended."""
    for value in REFUSED[flag]:
        done = client.run("run", "--rm", "--network", "none", flag, value, "busybox", "true", timeout=20)
        assert done.status in (125, 126, 127), f"{flag} {value[:40]}: {done.status}"
        assert "internal error" not in done.err
        assert len(done.err) < LONG + 1000
    assert client("ps", "-aq", "--filter", "status=created") == ""
