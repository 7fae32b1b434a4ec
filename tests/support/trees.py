"""What a tree is, told by a script that runs where it is mounted."""

import re
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

# One line for each entry: all that a layer can carry.
LISTING = f"exec python3 {Path(__file__)}"


def in_mount(command: str, script: str) -> str:
    """Run a script in a mount that `command` makes at /mnt: `mount -t overlay ... /mnt`, as `ctr` prints it."""
    with TemporaryDirectory() as place:
        words = shlex.split(command)
        mount = shlex.join([place if word == "/mnt" else word for word in words])
        whole = "\n".join(["set -e", mount, f"cd {place}", script])  # never run the script anywhere else
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", whole]
        environment = {"LIBMOUNT_FORCE_MOUNT2": "always", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def comparable(listing: str, *, folder_times: bool = True) -> list[str]:
    """Without what no layer carries: sockets; and, if asked, without the times of folders."""
    lines = [line for line in listing.splitlines() if " socket " not in line]
    return lines if folder_times else [re.sub(r"( folder \S+ \S+) \d+$", r"\1", line) for line in lines]


def _main() -> None:
    import hashlib
    import os
    import stat
    import sys

    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo"}
    kinds |= {stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFSOCK: "socket"}
    names: dict[int, list[str]] = {}
    lines: dict[str, list[str]] = {}

    def tell(path: str) -> None:
        found = os.lstat(path)
        kind = kinds[stat.S_IFMT(found.st_mode)]
        words = [repr(path), kind, f"{stat.S_IMODE(found.st_mode):o}", f"{found.st_uid}:{found.st_gid}"]
        words.append(str(int(found.st_mtime)))
        if kind == "file":
            with open(path, "rb") as file:
                words += [str(found.st_size), hashlib.sha256(file.read()).hexdigest()[:16]]
        elif kind == "link":
            words.append(os.readlink(path))
        elif kind in ("char", "block"):
            words.append(f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}")
        if "security.capability" in os.listxattr(path, follow_symlinks=False):
            words.append(os.getxattr(path, "security.capability", follow_symlinks=False).hex())
        if kind != "folder":
            names.setdefault(found.st_ino, []).append(path)
        lines[path] = words

    for folder, folders, files in os.walk("."):
        folders.sort()
        for name in sorted([*folders, *files]):
            tell(os.path.join(folder, name))
    for same in names.values():
        for path in same[1:]:
            lines[path].append(f"is {same[0]}")
    sys.stdout.write("".join(" ".join(words) + "\n" for words in lines.values()))


if __name__ == "__main__":
    _main()
