"""The same bundle by the original runc and by ours, without an engine: mounts, namespaces and devices are equal."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.runc.spec.example import example_spec
from tests.support import peers
from tests.support.busybox import busybox_program
from tests.support.our_runc import write_launcher
from tests.support.paths import CHECKOUT

pytestmark = [pytest.mark.root, pytest.mark.peers]

Change = Callable[[dict[str, Any], Path], None]

# The original makes the IPC namespace of a user namespace's root with a group that is not mapped; ours with its root.
GROUP_OF_MQUEUE = re.compile(r"^(/dev/mqueue directory 0):65534 ")
# What differs from one container to the next: mount ids, device numbers, peer groups; and who runs it.
NUMBERS = re.compile(r"^\d+ \d+ \d+:\d+ ")
GROUPS = re.compile(r"(shared|master):\d+")
PREPARE = """
set -e; cd "$1"; shift
mkdir -p source/sub; chmod 755 source
mount -t tmpfs -o nosuid,nodev,noexec,noatime none source; chmod 755 source; mkdir source/sub
mount -t tmpfs -o noexec none source/sub
touch source/file source/sub/file; chown 100:200 source/file source/sub/file
mkdir plain; touch plain/file; chown 100:200 plain/file; mkdir plain/sub; mount --bind /etc plain/sub
"$@"
"""
PROBE = """
cat /proc/self/mountinfo; cat /proc/self/uid_map /proc/self/gid_map /proc/self/timens_offsets /proc/self/setgroups
busybox stat -c '%n %F %u:%g %a %t:%T' /dev/* /dev/pts/ptmx /proc /sys /m*/file /m*/sub/file /tmpfs*
for i in /proc/sys/kernel/domainname /sys/firmware/x /proc/keys /m2/x /m3/sub/x; do echo x >$i; done
cat /proc/keys | wc -c; ls /sys/fs/cgroup
"""
WORDS = (
    *(
        "ro",
        "rw",
        "rro",
        "rexec",
        "relatime",
        "strictatime",
        "nodiratime",
        "rnoatime",
        "rrelatime",
        "norelatime",
        "atime",
    ),
    *("nosymfollow", "unbindable", "rshared", "slave", "sync", "exec", "rsuid", "silent"),
)
FILE_SYSTEMS = (
    *(["size=1m,mode=700"], ["iversion", "sync"], ["ro"], ["mode=1500", "uid=5"], ["noexec", "noatime", "dirsync"]),
    *(["rprivate", "rshared"], ["nodev", "dev", "lazytime"]),
)


def mounts(spec: dict[str, Any], bundle: Path) -> None:
    """Binds with each word and file systems with many, some where something is already, some remounted."""
    for number, word in enumerate(WORDS):
        entry = {"destination": f"/m{number}", "source": str(bundle / "source"), "options": ["rbind", word]}
        spec["mounts"].append(entry)
    for number, words in enumerate(FILE_SYSTEMS):
        spec["mounts"].append({"destination": f"tmpfs{number}", "type": "tmpfs", "source": "none", "options": words})
    spec["mounts"] += [
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["remount", "size=5m"]},
        {"destination": "/dev/mqueue", "type": "bind", "source": "/", "options": ["bind", "remount", "noexec"]},
        {"destination": f"{bundle}/rootfs/host", "type": "tmpfs", "source": "none"},
        {"destination": "/link/x", "type": "tmpfs", "source": "none"},
    ]


def in_user_namespace(spec: dict[str, Any], bundle: Path) -> None:
    spec["linux"]["namespaces"] += [{"type": "user"}, {"type": "time"}]
    mappings = [{"containerID": 0, "hostID": 100000, "size": 1000}, {"containerID": 2000, "hostID": 200000, "size": 5}]
    spec["linux"] |= {"uidMappings": mappings, "gidMappings": mappings}
    spec["linux"]["timeOffsets"] = {"monotonic": {"secs": 5, "nanosecs": 6}, "boottime": {"secs": -1}}
    spec["mounts"] += [
        {"destination": "/m1", "source": str(bundle / "source"), "options": ["rbind"]},
        {"destination": "/m2", "source": str(bundle / "source"), "options": ["rbind", "ro"]},
    ]
    add_mapped(spec, bundle)


def add_mapped(spec: dict[str, Any], bundle: Path) -> None:
    maps = {
        "uidMappings": [{"containerID": 100, "hostID": 100300, "size": 3}],
        "gidMappings": [{"containerID": 200, "hostID": 100400, "size": 3}],
    }
    for number, word in enumerate(("idmap", "ridmap", "rw"), start=5):
        entry = {"destination": f"/m{number}", "source": str(bundle / "plain"), "options": ["rbind", word]}
        spec["mounts"].append(entry | maps)


def devices(spec: dict[str, Any], bundle: Path) -> None:
    add_mapped(spec, bundle)
    spec["linux"]["devices"] = [
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o640, "uid": 5, "gid": 6},
        {"path": "/dev/zero", "type": "u", "major": 1, "minor": 5, "fileMode": 0o600},
        {"path": "/dev/loop", "type": "b", "major": 7, "minor": 0},
    ]
    spec["linux"]["rootfsPropagation"] = "shared"
    spec["root"]["readonly"] = True


def cgroups(spec: dict[str, Any], bundle: Path) -> None:
    """Writable, and without a namespace that hides what is above them."""
    spec["linux"]["namespaces"] = [item for item in spec["linux"]["namespaces"] if item["type"] != "cgroup"]
    spec["linux"]["cgroupsPath"] = "/slipway-beside"
    for entry in spec["mounts"]:
        if entry["type"] == "cgroup":
            entry["options"] = ["nosuid", "nodev"]
    spec["linux"]["rootfsPropagation"] = "slave"


def make_bundle(bundle: Path, change: Change) -> None:
    (bundle / "rootfs/bin").mkdir(parents=True)
    shutil.copy(busybox_program(), bundle / "rootfs/bin/busybox")
    for applet in ("sh", "cat", "ls", "wc"):
        (bundle / "rootfs/bin" / applet).symlink_to("busybox")
    for place in ("real", "m2", "tmpfs2"):
        (bundle / "rootfs" / place).mkdir(mode=0o710)
    (bundle / "rootfs/link").symlink_to("/real")
    spec: dict[str, Any] = example_spec()
    spec["process"] |= {"terminal": False, "args": ["sh", "-c", PROBE]}
    spec["root"]["readonly"] = False
    change(spec, bundle)
    (bundle / "config.json").write_text(json.dumps(spec))
    for path in [bundle / "rootfs", *(bundle / "rootfs").rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)


def seen_by(runtime: Path | str, folder: Path, change: Change) -> list[str]:
    bundle = folder / "bundle"
    make_bundle(bundle, change)
    runc = [str(runtime), "--root", str(folder / "state"), "run", "--bundle", str(bundle), "beside"]
    argv, environment = peers.enter(
        "sid", "sh", "-c", PREPARE, "sh", str(bundle), *runc, share=folder, bind=(CHECKOUT,)
    )
    done = subprocess.run(
        argv, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [GROUPS.sub(r"\1", NUMBERS.sub("", line)) for line in done.stdout.splitlines()]
    lines = [GROUP_OF_MQUEUE.sub(r"\1:0 ", line) for line in lines]
    shutil.rmtree(bundle)
    return [*lines, *(line for line in done.stderr.splitlines() if "level=warning" not in line)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the root of a user namespace may go."""
    path = Path(tempfile.mkdtemp(prefix="swb", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("change", [mounts, in_user_namespace, devices, cgroups])
def test_a_program_sees_the_same_mounts(machine_unchanged: None, folder: Path, change: Change) -> None:
    launcher = write_launcher(folder)
    theirs = seen_by("/usr/sbin/runc", folder, change)
    assert len(theirs) > 30
    assert seen_by(launcher, folder, change) == theirs
