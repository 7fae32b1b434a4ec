"""Mount options of the specification (mount(8) words) as kernel flags. Source: runtime-spec config.md, Linux mounts."""

from slipway.linux import mount_flags

_SET = True
_CLEAR = False

# Attributes of one mount (mount_setattr).
_ATTRIBUTES = {
    "ro": (_SET, mount_flags.MOUNT_ATTR_RDONLY),
    "rw": (_CLEAR, mount_flags.MOUNT_ATTR_RDONLY),
    "nosuid": (_SET, mount_flags.MOUNT_ATTR_NOSUID),
    "suid": (_CLEAR, mount_flags.MOUNT_ATTR_NOSUID),
    "nodev": (_SET, mount_flags.MOUNT_ATTR_NODEV),
    "dev": (_CLEAR, mount_flags.MOUNT_ATTR_NODEV),
    "noexec": (_SET, mount_flags.MOUNT_ATTR_NOEXEC),
    "exec": (_CLEAR, mount_flags.MOUNT_ATTR_NOEXEC),
    "noatime": (_SET, mount_flags.MOUNT_ATTR_NOATIME),
    "atime": (_CLEAR, mount_flags.MOUNT_ATTR_NOATIME),
    "strictatime": (_SET, mount_flags.MOUNT_ATTR_STRICTATIME),
    "nostrictatime": (_CLEAR, mount_flags.MOUNT_ATTR_STRICTATIME),
    "nodiratime": (_SET, mount_flags.MOUNT_ATTR_NODIRATIME),
    "diratime": (_CLEAR, mount_flags.MOUNT_ATTR_NODIRATIME),
    "nosymfollow": (_SET, mount_flags.MOUNT_ATTR_NOSYMFOLLOW),
    "symfollow": (_CLEAR, mount_flags.MOUNT_ATTR_NOSYMFOLLOW),
}
# The default of the kernel, which needs no flag, but ends the others of its enumeration.
_RELATIME = ("relatime", "norelatime")
_PROPAGATION = {
    "private": mount_flags.MS_PRIVATE,
    "shared": mount_flags.MS_SHARED,
    "slave": mount_flags.MS_SLAVE,
    "unbindable": mount_flags.MS_UNBINDABLE,
}
# Words for the whole file system, which fsconfig knows by the same names.
_SUPERBLOCK_WORDS = frozenset(("sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand", "iversion"))
_NO_EFFECT = frozenset(("defaults", "silent", "loud", "remount", "tmpcopyup", "noiversion", "", "bind", "rbind"))


class MountOptions:
    """What the option words of one mount ask for.

    `add`, `clear`: attributes of the mount itself; `recursive_add`, `recursive_clear`: of all below too. `propagation`:
    (MS_* kind, recursive) pairs in order. `data`: what is left, for the file system.
    """

    __slots__ = ("add", "bind", "clear", "data", "propagation", "recursive", "recursive_add", "recursive_clear")

    def __init__(self) -> None:
        self.bind = False
        self.recursive = False
        self.add = 0
        self.clear = 0
        self.recursive_add = 0
        self.recursive_clear = 0
        self.propagation: list[tuple[int, bool]] = []
        self.data: list[tuple[str, str | None]] = []


def parse_mount_options(words: list[str]) -> MountOptions:
    """The last of two contradicting words wins, as in mount(8)."""
    options = MountOptions()
    for word in words:
        if not _take_attribute(options, word) and not _take_propagation(options, word):
            _take_other(options, word)
    return options


def _take_attribute(options: MountOptions, word: str) -> bool:
    if word in _RELATIME:
        options.add &= ~mount_flags.MOUNT_ATTR_ATIME
        options.clear |= mount_flags.MOUNT_ATTR_ATIME
        return True
    if word in _ATTRIBUTES:
        setting, flag = _ATTRIBUTES[word]
        options.add, options.clear = _changed(options.add, options.clear, setting, flag)
        return True
    if word.startswith("r") and word[1:] in _ATTRIBUTES:
        setting, flag = _ATTRIBUTES[word[1:]]
        options.recursive_add, options.recursive_clear = _changed(
            options.recursive_add, options.recursive_clear, setting, flag
        )
        return True
    return False


def _changed(add: int, clear: int, setting: bool, flag: int) -> tuple[int, int]:
    if flag & mount_flags.MOUNT_ATTR_ATIME:
        add &= ~mount_flags.MOUNT_ATTR_ATIME  # an enumeration: one value at a time
        return (add | flag, clear) if setting else (add, clear | mount_flags.MOUNT_ATTR_ATIME)
    return (add | flag, clear & ~flag) if setting else (add & ~flag, clear | flag)


def _take_propagation(options: MountOptions, word: str) -> bool:
    if word in _PROPAGATION:
        options.propagation.append((_PROPAGATION[word], False))
        return True
    if word.startswith("r") and word[1:] in _PROPAGATION:
        options.propagation.append((_PROPAGATION[word[1:]], True))
        return True
    return False


def _take_other(options: MountOptions, word: str) -> None:
    if word in ("bind", "rbind"):
        options.bind = True
        options.recursive = word == "rbind"
    elif word in _SUPERBLOCK_WORDS:
        options.data.append((word, None))
    elif word not in _NO_EFFECT:
        key, separator, value = word.partition("=")
        options.data.append((key, value if separator else None))


def propagation_from_word(word: str) -> "tuple[int, bool] | None":
    """`rslave` and the like as (MS_* kind, recursive); None for an unknown word."""
    if word in _PROPAGATION:
        return _PROPAGATION[word], False
    if word[:1] == "r" and word[1:] in _PROPAGATION:
        return _PROPAGATION[word[1:]], True
    return None


def known_mount_options() -> list[str]:
    """Every word that is understood, for `runc features`."""
    plain = {*_ATTRIBUTES, *_RELATIME, *_PROPAGATION, *_SUPERBLOCK_WORDS, *_NO_EFFECT} - {""}
    recursive = {"r" + word for word in (*_ATTRIBUTES, *_PROPAGATION)}
    return sorted(plain | recursive)
