"""Makes small images from the distribution's own packages: download, take what is wanted, write a docker-archive.

Runs on the system's Python without root: packages are read as streams, never installed or unpacked onto the disk. The
same packages give the same bytes. `apt-get` and `dpkg-deb` are all that is asked of the machine (Debian 12 or later).
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

EPOCH = 1767225600  # 2026-01-01T00:00:00Z: one time for everything, so that equal content makes equal digests
CREATED = "2026-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}
# Debian's merged /usr: packages may still name the old places.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class Tree:
    """The files of an image in memory, by path without a leading slash."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def add_package(self, package: Path, wanted: Callable[[str], bool]) -> None:
        """Take the files of a .deb whose path `wanted` accepts, with the package's own modes and owners."""
        command = ["dpkg-deb", "--fsys-tarfile", str(package)]
        stream = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
            for entry in archive:
                path = _merged(entry.name.removeprefix("./").rstrip("/"))
                if not path or path in MERGED or not wanted(path):
                    continue
                file = archive.extractfile(entry) if entry.isreg() else None
                entry.name = path
                entry.linkname = _merged(entry.linkname.removeprefix("./")) if entry.islnk() else entry.linkname
                self._add(entry, file.read() if file else b"")

    def add_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(path)
        entry.mode = mode
        self._add(entry, data)

    def add_link(self, path: str, target: str) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._add(entry, b"")

    def add_directory(self, path: str, *, mode: int = 0o755) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._add(entry, b"")

    def add_folder(self, folder: Path) -> None:
        """Copy a folder of the recipe; what its owner may execute, all may."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
                self.add_file(str(file.relative_to(folder)), file.read_bytes(), mode=mode)

    def read(self, path: str) -> bytes:
        return self._entries[path][1]

    def tar(self) -> bytes:
        """The tree as one uncompressed tar: sorted, missing directories added, one time on everything."""
        for path in list(self._entries):
            for parent in Path(path).parents:
                if str(parent) != "." and str(parent) not in self._entries:
                    self.add_directory(str(parent))
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(self._entries):
                entry, data = self._entries[path]
                archive.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()

    def _add(self, entry: tarfile.TarInfo, data: bytes) -> None:
        entry.size = len(data)
        entry.mtime = EPOCH
        entry.uname = entry.gname = ""
        self._entries[entry.name] = (entry, data)


def root_tree() -> Tree:
    """The directories that every root file system has, with /usr merged as Debian's."""
    tree = Tree()
    for name in ("bin", "lib", "lib64", "sbin"):
        tree.add_link(name, f"usr/{name}")
        tree.add_directory(f"usr/{name}")
    for name in ("dev", "etc", "home", "proc", "root", "run", "sys", "usr", "var"):
        tree.add_directory(name)
    tree.add_directory("tmp", mode=0o1777)
    tree.add_directory("var/tmp", mode=0o1777)
    return tree


def say(step: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{step}\n")


def download(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The newest .deb of each package, by name. A machine without package lists gets lists of our own, in `folder`."""
    if _apt(["download", *names], folder).returncode:
        say("  no package lists here; fetching them ...")
        for state in ("lists/partial", "cache/archives/partial"):
            (folder / state).mkdir(parents=True, exist_ok=True)
        for command in (["update", "-qq"], ["download", *names]):
            done = _apt(_own_state(folder) + command, folder)
            if done.returncode:
                raise SystemExit(f"apt-get {command[0]}: {done.stderr.strip()} (hint: is a Debian mirror reachable?)")
    found = {file.name.partition("_")[0]: file for file in folder.glob("*.deb")}
    return {name: found[name] for name in names}


def download_with_libraries(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """`names` and the shared libraries that they need, and those that these need, and so on."""
    packages: dict[str, Path] = {}
    missing = list(names)
    while missing:
        say(f"  downloading {' '.join(missing)}")
        arrived = download(missing, folder)
        packages |= arrived
        needed = {library for package in arrived.values() for library in _libraries(package)}
        missing = sorted(needed - packages.keys())
    return packages


def version_of(package: Path) -> str:
    """The upstream version: 1.22.1-9+deb12u2 → 1.22.1."""
    return _field(package, "Version").rpartition("-")[0].rpartition(":")[2]


def write_image(output: Path, tag: str, tree: Tree, config: Mapping[str, Any]) -> None:
    """Write a docker-archive of one layer, whole or not at all; `docker load` and `ctr image import` read it."""
    layer = tree.tar()
    diff_id = hashlib.sha256(layer).hexdigest()
    image = {
        "architecture": ARCHITECTURES.get(os.uname().machine, os.uname().machine),
        "config": dict(config),
        "created": CREATED,
        "history": [{"created": CREATED, "created_by": f"slipway examples: {tag}"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
    }
    image_bytes = json.dumps(image, separators=(",", ":"), sort_keys=True).encode()
    image_name = f"{hashlib.sha256(image_bytes).hexdigest()}.json"
    manifest = [{"Config": image_name, "RepoTags": [tag], "Layers": [f"{diff_id}/layer.tar"]}]
    archive = Tree()
    archive.add_file("manifest.json", json.dumps(manifest, separators=(",", ":")).encode())
    archive.add_file(image_name, image_bytes)
    archive.add_file(f"{diff_id}/layer.tar", layer)
    with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as temporary:
        try:
            temporary.write(archive.tar())
            os.chmod(temporary.name, 0o644)
            os.rename(temporary.name, output)
        except BaseException:
            os.unlink(temporary.name)
            raise


def add_busybox(tree: Tree, packages: Mapping[str, Path], *, folder: str = "usr/bin") -> None:
    """A static busybox with a link for each of its programs that the tree does not have yet."""
    tree.add_package(packages["busybox-static"], lambda path: path == "usr/bin/busybox")
    program = tree.read("usr/bin/busybox")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "busybox"
        file.write_bytes(program)
        file.chmod(0o755)
        applets = subprocess.run([str(file), "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            tree.add_link(f"{folder}/{applet}", "busybox")


def add_users(tree: Tree, users: Iterable[tuple[str, int, str]]) -> None:
    """passwd and group: root, `users` as (name, id, home), nobody."""
    everyone = [("root", 0, "/root"), *users, ("nobody", 65534, "/nonexistent")]
    shell = {"root": "/bin/sh"}
    passwd = "".join(f"{n}:x:{i}:{i}:{n}:{home}:{shell.get(n, '/usr/sbin/nologin')}\n" for n, i, home in everyone)
    group = "".join(f"{'nogroup' if i == 65534 else n}:x:{i}:\n" for n, i, _ in everyone)
    tree.add_file("etc/passwd", passwd.encode())
    tree.add_file("etc/group", group.encode())


def _merged(path: str) -> str:
    first = path.partition("/")[0]
    return f"usr/{path}" if first in MERGED and first != path else path


def _libraries(package: Path) -> set[str]:
    """The packages of shared libraries among the dependencies: of alternatives the first."""
    names = set()
    for dependency in _field(package, "Depends").split(","):
        name = dependency.partition("|")[0].strip().partition(" ")[0].partition(":")[0]
        if name.startswith("lib") or name == "zlib1g":
            names.add(name)
    return names


def _field(package: Path, name: str) -> str:
    command = ["dpkg-deb", "--field", str(package), name]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _apt(arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    # As root apt would drop to a user that cannot write to our folder.
    command = ["apt-get", "-o", "APT::Sandbox::User=root", *arguments]
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def _own_state(folder: Path) -> list[str]:
    return ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
