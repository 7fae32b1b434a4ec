"""The mounts of a specification, as the container's program sees them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import PRIVATE_MOUNTS, Machine

Change = Callable[[dict[str, Any]], None]


def adding(destination: str, kind: str, source: Path | str, *options: str, **more: Any) -> Change:
    def change(spec: dict[str, Any]) -> None:
        entry = {"destination": destination, "type": kind, "source": str(source), "options": list(options)}
        spec["mounts"].append(entry | more)

    return change


def in_user_namespace(spec: dict[str, Any]) -> None:
    spec["linux"]["namespaces"].append({"type": "user"})
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    spec["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}


def all_of(*changes: Change) -> Change:
    def change(spec: dict[str, Any]) -> None:
        for each in changes:
            each(spec)

    return change


def mount_line(machine: Machine, change: Change, path: str = "/x", prepare: str = "") -> str:
    """Options of the mount at `path` and of the file system: `rw,relatime shared:1 | tmpfs rw,size=5k`."""
    bundle = machine.bundle("grep", f" {path} ", "/proc/self/mountinfo", change=change)
    machine.folder.chmod(0o755)
    os.chown(bundle / "rootfs", 100000, 100000)
    done = run_after(machine, bundle, prepare)
    assert done.returncode == 0, done.stderr
    fields, _, file_system = done.stdout.strip().partition(" - ")
    kind, _, words = file_system.split(" ", 2)
    return f"{' '.join(fields.split(' ')[5:])} | {kind} {words}"


def run_after(machine: Machine, bundle: Path, prepare: str = "") -> subprocess.CompletedProcess[str]:
    """`runc run` of a bundle in a mount namespace in which a shell script has mounted something before."""
    script = f'set -e; {prepare or ":"}; exec "$@"'
    return subprocess.run(
        [*PRIVATE_MOUNTS, "sh", "-c", script, "sh", *machine.runc_argv("run", "--bundle", str(bundle), bundle.name)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.fixture
def source(machine: Machine) -> Path:
    folder = machine.folder / "source"
    folder.mkdir()
    return folder


def strict(source: Path) -> str:
    """A script that makes the source a mount with every restriction, and one below it with another."""
    return (
        f"mount -t tmpfs -o nosuid,nodev,noexec,noatime none {source}; chmod 755 {source}; mkdir {source}/sub; "
        f"mount -t tmpfs -o noexec none {source}/sub"
    )


def test_a_bind_keeps_the_flags_of_its_source_until_one_is_asked_for(machine: Machine, source: Path) -> None:
    """As with the original: any word for the mount itself makes those asked for the only ones; access times stay."""
    plain = mount_line(machine, adding("/x", "bind", source, "rbind"), prepare=strict(source))
    assert plain.startswith("rw,nosuid,nodev,noexec,noatime |")
    for word, flags in (("ro", "ro,noatime"), ("rw", "rw,noatime"), ("relatime", "rw,relatime")):
        line = mount_line(machine, adding("/x", "bind", source, "rbind", word), prepare=strict(source))
        assert line.startswith(f"{flags} |"), word


def test_recursive_words_reach_the_mounts_below(machine: Machine, source: Path) -> None:
    wanted = {
        "ro": ("ro,noatime", "rw,noexec,relatime"),
        "rro": ("ro,nosuid,nodev,noexec,noatime", "ro,noexec,relatime"),
        "rexec": ("rw,nosuid,nodev,noatime", "rw,relatime"),
        "rnoatime": ("rw,nosuid,nodev,noexec,noatime", "rw,noexec,noatime"),
        "rrelatime": ("rw,nosuid,nodev,noexec,relatime", "rw,noexec,relatime"),
        "rnosymfollow": ("rw,nosuid,nodev,noexec,noatime,nosymfollow", "rw,noexec,relatime,nosymfollow"),
    }
    changes = [adding(f"/{word}", "bind", source, "rbind", word) for word in wanted]
    bundle = machine.bundle("cat", "/proc/self/mountinfo", change=all_of(*changes))
    done = run_after(machine, bundle, strict(source))
    flags = {line.split()[4]: line.split()[5] for line in done.stdout.splitlines()}
    for word, (top, below) in wanted.items():
        assert (flags[f"/{word}"], flags[f"/{word}/sub"]) == (top, below), word


def test_flags_that_a_user_namespace_locks_stay(machine: Machine, source: Path) -> None:
    """Asked to take one away the runtime refuses, in the original's words; anything else it adds to them."""
    binding = adding("/x", "bind", source, "rbind", "ro")
    line = mount_line(machine, all_of(in_user_namespace, binding), prepare=strict(source))
    assert line.startswith("ro,nosuid,nodev,noexec,noatime |")
    for word, reason in (
        ("exec", "cannot clear locked flags MS_NOEXEC"),
        ("strictatime", "cannot change locked atime flags MS_NOATIME"),
        ("rdev", "operation not permitted"),
    ):
        change = all_of(in_user_namespace, adding("/x", "bind", source, "rbind", word))
        bundle = machine.bundle("true", change=change)
        os.chown(bundle / "rootfs", 100000, 100000)
        done = run_after(machine, bundle, strict(source))
        assert done.returncode == 1
        assert reason in done.stderr, word


def test_what_mount_8_would_take_reaches_the_file_system(machine: Machine) -> None:
    cases = {
        ("size=1m,mode=700", "uid=7"): "rw,relatime | tmpfs rw,size=1024k,mode=700,uid=7",
        ("iversion", "sync", "silent", "lazytime"): "rw,relatime | tmpfs rw,sync,lazytime",
        ("nosymfollow", "unbindable"): "rw,relatime,nosymfollow unbindable | tmpfs rw",
        ("nodiratime", "noatime", "nodev"): "rw,nodev,noatime,nodiratime | tmpfs rw",
        ("strictatime", "noexec", "exec"): "rw | tmpfs rw",
    }
    changes = [adding(f"/x{number}", "tmpfs", "none", *words) for number, words in enumerate(cases)]
    done = machine.run("cat", "/proc/self/mountinfo", change=all_of(*changes))
    lines = {line.split()[4]: line for line in done.stdout.splitlines()}
    for number, wanted in enumerate(cases.values()):
        fields, _, file_system = lines[f"/x{number}"].partition(" - ")
        kind, _, words = file_system.split(" ", 2)
        # Kernels differ in what else they say of a tmpfs (inode64).
        assert f"{' '.join(fields.split(' ')[5:])} | {kind} {words}".replace(",inode64", "") == wanted


def test_an_overlay_may_name_more_layers_than_one_option_of_fsconfig_holds(machine: Machine) -> None:
    layers = [machine.folder / ("layer" * 10 + str(number)) for number in range(8)]
    for layer in layers:
        layer.mkdir()
        (layer / layer.name[-2:]).touch()
    option = "lowerdir=" + ":".join(map(str, layers))
    done = machine.run("ls", "/x", change=adding("/x", "overlay", "overlay", option))
    assert len(done.stdout.split()) == 8, done.stderr


def test_remount_changes_what_is_there(machine: Machine) -> None:
    changes = all_of(
        adding("/dev/shm", "tmpfs", "shm", "remount", "size=5m", "nosuid"),
        adding("/dev/mqueue", "bind", "/", "bind", "remount", "ro", "noexec"),
        adding("/ro", "tmpfs", "none", "size=1m"),
        adding("/ro", "tmpfs", "none", "remount", "ro"),
    )
    done = machine.run("cat", "/proc/self/mountinfo", change=changes)
    lines = [line.split(" ", 4)[4].replace(",inode64", "") for line in done.stdout.splitlines()]
    assert [line for line in lines if line.startswith("/dev/shm ")] == [
        "/dev/shm rw,nosuid,relatime - tmpfs shm rw,size=5120k"
    ]
    assert [line for line in lines if line.startswith("/dev/mqueue ")] == [
        "/dev/mqueue ro,noexec,relatime - mqueue mqueue rw"
    ]
    assert [line.split(" - ")[0] for line in lines if line.startswith("/ro ")] == ["/ro ro,relatime"]


def test_binds_of_files_and_onto_what_is_not_alike(machine: Machine, source: Path) -> None:
    (source / "file").write_text("hello\n")
    done = machine.run("cat", "/etc/made/here", change=adding("/etc/made/here", "bind", source / "file", "bind", "ro"))
    assert done.stdout == "hello\n"
    for what, destination in ((source, "/bin/busybox"), (source / "file", "/etc")):
        done = machine.run("true", change=adding(destination, "bind", what, "bind"))
        assert f'error mounting \\"{what}\\" to rootfs at \\"{destination}\\"' in done.stderr
        assert "not a directory" in done.stderr  # dockerd adds its hint to these words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (adding("/x", "bind", "/no/such", "bind"), "open /no/such: no such file or directory"),
        (adding("/x", "bind", "/etc", "bind", "size=5k"), "cannot have any filesystem-specific options"),
        (adding("/x", "tmpfs", "none", "nonsense"), "invalid argument"),
        (adding("/x", "nofs", "none"), "no such device"),
        (adding("/x", "tmpfs", "none", "idmap"), "id-mapped mounts are only supported for bind-mounts"),
        (adding("/x", "bind", "/etc", "bind", "idmap"), "must have both uid and gid mappings specified"),
        (lambda spec: spec["linux"].update(mountLabel="a:b:c:s0"), "selinux is disabled or not supported"),
        (lambda spec: spec["linux"].update(rootfsPropagation="odd"), "rootfsPropagation=odd is not supported"),
    ],
)
def test_what_cannot_be_mounted_is_refused(machine: Machine, change: Change, words: str) -> None:
    done = machine.run("true", change=change)
    assert done.returncode == 1
    assert words in done.stderr
    assert machine.groups() == []


def test_places_are_the_containers(machine: Machine, source: Path) -> None:
    """A relative destination, one through the image's absolute and dangling links, one with the host's path of the
    root; directories made on the way take the set-group-id bit of theirs."""
    (source / "file").touch()

    def change(spec: dict[str, Any]) -> None:
        rootfs = machine.folder / "bundle1/rootfs"
        for place in ("relative/x", "/link/y", "/etc/hosts", f"{rootfs}/z", "/setgid/a/b"):
            adding(place, "bind", source / "file" if place == "/etc/hosts" else source, "bind")(spec)

    script = "busybox ls -d /relative/x/file /real/y/file /new/hosts /z/file /setgid/a/b/file"
    bundle = machine.bundle("sh", "-c", script, change=change)
    (bundle / "rootfs/real").mkdir()
    (bundle / "rootfs/link").symlink_to("/real")
    (bundle / "rootfs/etc/hosts").symlink_to("/new/hosts")
    (bundle / "rootfs/setgid").mkdir()
    (bundle / "rootfs/setgid").chmod(0o7755)
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert (done.returncode, done.stderr) == (0, "")
    assert (bundle / "rootfs/setgid/a").stat().st_mode & 0o7777 == 0o2755


def test_later_mounts_see_earlier_ones(machine: Machine, source: Path) -> None:
    """A source may be a part of the container that was mounted just before."""
    (source / "a").mkdir()
    (source / "a/file").write_text("found\n")
    rootfs = machine.folder / "bundle1/rootfs"
    changes = all_of(
        adding("/first", "bind", source, "rbind"),
        adding("/first/a/below", "tmpfs", "none"),
        adding("/second", "bind", rootfs / "first/a", "rbind", "rprivate"),
    )
    bundle = machine.bundle("sh", "-c", "cat /second/file; mount | grep -c ' /second'", change=changes)
    assert machine.runc("run", "--bundle", str(bundle), "c1").stdout == "found\n2\n"


def test_a_tmpfs_takes_over_what_it_covers(machine: Machine) -> None:
    """tmpcopyup: contents with owners, modes, times, attributes, hard links and holes; links are not followed."""
    changes = all_of(
        adding("/data", "tmpfs", "none", "tmpcopyup", "ro"),
        adding("/owned", "tmpfs", "none", "tmpcopyup", "mode=500", "uid=3"),
        adding("/new", "tmpfs", "none", "tmpcopyup"),
    )
    script = "cd /data; busybox stat -c '%n %F %u:%g %a %h %Y' . * sub/*; busybox stat -c '%u:%g %a' /owned /new; "
    script += "busybox stat -c %b hole"
    bundle = machine.bundle("sh", "-c", f"{script}; cat /data/file; ls /data/sub/way", change=changes)
    rootfs = bundle / "rootfs"
    (rootfs / "data/sub").mkdir(parents=True)
    (rootfs / "owned").mkdir()
    os.chown(rootfs / "owned", 5, 6)
    make_various(rootfs / "data")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.splitlines() == [
        ". directory 9:9 755 3 1000",
        "fifo fifo 1:2 640 1 1000",
        "file regular file 7:8 4755 2 1000",
        "hole regular file 0:0 644 1 1000",
        "null character special file 0:0 666 1 1000",
        "sub directory 0:0 2775 2 1000",
        "sub/same regular file 7:8 4755 2 1000",
        "sub/way symbolic link 3:4 777 1 1000",
        "3:6 500",
        "0:0 1777",
        "0",
        "hello",
    ], done.stderr
    assert "/data/sub/way: No such file or directory" in done.stderr
    assert "/root" not in done.stdout


def make_various(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    os.chmod(folder / "fifo", 0o640)
    os.chown(folder / "fifo", 1, 2)
    (folder / "file").write_text("hello\n")
    os.chown(folder / "file", 7, 8)
    os.chmod(folder / "file", 0o4755)
    os.setxattr(folder / "file", "trusted.kept", b"yes")
    os.link(folder / "file", folder / "sub/same")
    with open(folder / "hole", "wb") as file:
        file.truncate(1 << 30)
    os.chmod(folder / "hole", 0o644)
    os.mknod(folder / "null", 0o020666, os.makedev(1, 3))
    os.chmod(folder / "null", 0o666)
    (folder / "sub/way").symlink_to("/../../../../../../root")
    os.chown(folder / "sub/way", 3, 4, follow_symlinks=False)
    os.chmod(folder / "sub", 0o2775)
    os.chown(folder, 9, 9)
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (1000, 1000), follow_symlinks=False)


def test_what_does_not_fit_is_not_copied_in_part(machine: Machine) -> None:
    bundle = machine.bundle("true", change=adding("/data", "tmpfs", "none", "tmpcopyup", "size=64k"))
    (bundle / "rootfs/data").mkdir()
    (bundle / "rootfs/data/big").write_bytes(b"x" * 200_000)
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.returncode == 1
    assert "tmpcopyup: failed to copy big: no space left on device" in done.stderr


@pytest.mark.parametrize(
    ("word", "root", "below"),
    [
        ("private", "", ""),
        ("slave", "", ""),
        ("shared", "shared", ""),
        ("rshared", "shared", "shared"),
        ("unbindable", "unbindable", ""),
    ],
)
def test_the_propagation_of_the_root(machine: Machine, word: str, root: str, below: str) -> None:
    change: Change = lambda spec: spec["linux"].update(rootfsPropagation=word)  # noqa: E731
    done = machine.run("cat", "/proc/self/mountinfo", change=change)
    fields = {line.split()[4]: line.partition(" - ")[0].split()[6:] for line in done.stdout.splitlines()}
    assert [item.partition(":")[0] for item in fields["/"]] == [root] * bool(root)
    assert [item.partition(":")[0] for item in fields["/proc"]] == [below] * bool(below)


def test_a_slave_mount_receives_what_the_host_mounts_later(machine: Machine, source: Path) -> None:
    """And a private one does not."""
    changes = all_of(adding("/x", "bind", source, "rbind", "rslave"), adding("/y", "bind", source, "rbind", "rprivate"))
    bundle = machine.bundle("sleep", "100", change=changes)
    script = (
        f"mount -t tmpfs none {source}; mount --make-shared {source}; mkdir {source}/late; "
        f'"$@" >/dev/null 2>&1 </dev/null; mount -t tmpfs none {source}/late; touch {source}/late/seen'
    )
    argv = machine.runc_argv("run", "-d", "--bundle", str(bundle), bundle.name)
    subprocess.run([*PRIVATE_MOUNTS, "sh", "-c", script, "sh", *argv], check=True, timeout=60)
    assert machine.ok("exec", bundle.name, "ls", "/x/late", "/y/late").split() == ["/x/late:", "seen", "/y/late:"]


def test_no_pivot_shows_no_file_system_of_the_host(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "cat /proc/self/mountinfo")
    done = machine.runc("run", "--no-pivot", "--bundle", str(bundle), "c1")
    points = [line.split()[4] for line in done.stdout.splitlines()]
    assert points[0] == "/"
    assert points.count("/proc") == points.count("/sys") == 1
    spec_change: Change = lambda spec: spec["linux"].update(rootfsPropagation="private")  # noqa: E731
    bundle = machine.bundle("true", change=spec_change)
    done = machine.runc("run", "--no-pivot", "--bundle", str(bundle), "c2")
    assert "rootfsPropagation of [r]private is not safe without pivot_root" in done.stderr


def test_masks_reach_through_links_and_may_be_named_twice(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["maskedPaths"] = ["/link", "/folder", "/folder/", "/folder2", "/absent"]
        spec["linux"]["readonlyPaths"] = ["/fixed", "/link2"]

    script = (
        "cat /secret /link; ls /folder /folder2; busybox stat -c %d /folder /folder2 | busybox uniq | busybox wc -l; "
        "mount | grep -c ' /folder '; for i in /folder /fixed /real; do echo x >$i/new; done"
    )
    bundle = machine.bundle("sh", "-c", script, change=change)
    rootfs = bundle / "rootfs"
    (rootfs / "secret").write_text("secret")
    (rootfs / "link").symlink_to("secret")
    for name in ("folder", "folder2", "fixed", "real"):
        (rootfs / name).mkdir()
        (rootfs / name / "file").touch()
    (rootfs / "link2").symlink_to("/real")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.stdout.split() == ["/folder:", "/folder2:", "1", "1"]
    assert done.stderr.count("Read-only file system") == 3


def test_devices_of_every_kind(machine: Machine) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["devices"] = [
            {"path": "/dev/pipe", "type": "p", "fileMode": 0o640, "uid": 5, "gid": 6},
            {"path": "/made/zero", "type": "u", "major": 1, "minor": 5},
            {"path": "/dev/disk", "type": "b", "major": 7, "minor": 3, "fileMode": 0o100600},
            {"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2},
        ]

    script = "busybox stat -c '%n %F %u:%g %a %t:%T' /dev/pipe /made/zero /dev/disk; busybox readlink /dev/ptmx"
    assert machine.run("sh", "-c", script, change=change).stdout.splitlines() == [
        "/dev/pipe fifo 5:6 640 0:0",
        "/made/zero character special file 0:0 666 1:5",
        "/dev/disk block special file 0:0 600 7:3",
        "pts/ptmx",
    ]
    bad = machine.run("true", change=lambda spec: spec["linux"].update(devices=[{"path": "/dev/q", "type": "x"}]))
    assert "invalid device type" in bad.stderr


def test_what_is_in_the_place_of_a_device(machine: Machine) -> None:
    """The same node, as one of a run before, is no hindrance; anything else is, but for the default devices."""

    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["devices"] = [{"path": "/etc/zero", "type": "c", "major": 1, "minor": 5}]

    bundle = machine.bundle("busybox", "stat", "-c", "%F", "/etc/zero", change=change)
    for container in ("c1", "c2"):
        done = machine.runc("run", "--bundle", str(bundle), container)
        assert done.stdout == "character special file\n", done.stderr
    (bundle / "rootfs/etc/zero").unlink()
    (bundle / "rootfs/etc/zero").touch()
    done = machine.runc("run", "--bundle", str(bundle), "c3")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error creating device nodes: mknod /etc/zero c 1:5" in done.stderr
    assert "file exists" in done.stderr


def test_devices_in_a_user_namespace_are_the_hosts(machine: Machine) -> None:
    """Again when a run before has left an empty file to bind on."""

    def change(spec: dict[str, Any]) -> None:
        in_user_namespace(spec)
        spec["linux"]["devices"] = [
            {"path": "/dev/zero", "type": "c", "major": 1, "minor": 5},
            {"path": "/dev/pipe", "type": "p"},
        ]
        spec["mounts"] = [item for item in spec["mounts"] if item["destination"] != "/dev"]

    script = "busybox stat -c %F /dev/zero /dev/null /dev/pipe; head -c 3 /dev/zero | busybox wc -c"
    bundle = machine.bundle("sh", "-c", script, change=change)
    machine.folder.chmod(0o755)
    for path in [bundle / "rootfs", *(bundle / "rootfs").rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    for container in ("c1", "c2"):
        done = machine.runc("run", "--bundle", str(bundle), container)
        assert done.stdout.splitlines() == [*2 * ["character special file"], "fifo", "3"], done.stderr


@pytest.mark.parametrize("length", [300, 4000, 5000, 65536])
def test_options_are_never_cut_off(machine: Machine, length: int) -> None:
    """mount(2) reads one page of them, and says nothing of the rest."""

    def change(spec: dict[str, Any]) -> None:
        option = ",".join(["size=40k"] * (length // 9))
        spec["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": [option]})

    done = machine.run("mount", change=change)
    if length < 4096:
        assert "on /x type tmpfs (rw,relatime,size=40k" in done.stdout, done.stderr
    else:
        assert done.returncode == 1
        assert "mount takes 4095" in done.stderr
        assert len(done.stderr) < 1000
