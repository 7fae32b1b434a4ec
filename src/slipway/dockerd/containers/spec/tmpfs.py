"""Options of --tmpfs: the last of each kind wins, the rest keep their order."""

from collections.abc import Sequence

from slipway.base.errors import InvalidArgument

# Options that turn the same mount flag on and off share a name here. mount(8).
FLAGS = {
    "async": "sync",
    "atime": "noatime",
    "bind": "propagation",
    "dev": "nodev",
    "diratime": "nodiratime",
    "dirsync": "dirsync",
    "exec": "noexec",
    "mand": "mand",
    "noatime": "noatime",
    "nodev": "nodev",
    "nodiratime": "nodiratime",
    "noexec": "noexec",
    "nomand": "mand",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
    "nosuid": "nosuid",
    "private": "propagation",
    "rbind": "propagation",
    "relatime": "relatime",
    "remount": "remount",
    "ro": "ro",
    "rprivate": "propagation",
    "rshared": "propagation",
    "rslave": "propagation",
    "runbindable": "propagation",
    "rw": "ro",
    "shared": "propagation",
    "slave": "propagation",
    "strictatime": "strictatime",
    "suid": "nosuid",
    "sync": "sync",
    "unbindable": "propagation",
}
VALUES = ("", "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol")


def merged_tmpfs_options(options: Sequence[str]) -> list[str]:
    """`options` without those that a later one overrides; raises InvalidArgument for an unknown one."""
    merged: list[str] = []
    seen: set[str] = set()
    for option in reversed(options):
        if option == "defaults":
            continue
        kind = FLAGS.get(option) or _value_name(option)
        if kind not in seen:
            seen.add(kind)
            merged.append(option)
    return merged[::-1]


def _value_name(option: str) -> str:
    name, has_value, _ = option.partition("=")
    if not has_value or name not in VALUES:
        words = " ".join(option.split("=", 1))
        raise InvalidArgument(f'invalid tmpfs option ["{words}"]')
    return f"{name}="
