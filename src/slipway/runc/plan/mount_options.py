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
# The kernel's default needs no flag, but ends the others of its enumeration.
_RELATIME = ("relatime", "norelatime")
_PROPAGATION = {
    "private": mount_flags.MS_PRIVATE,
    "shared": mount_flags.MS_SHARED,
    "slave": mount_flags.MS_SLAVE,
    "unbindable": mount_flags.MS_UNBINDABLE,
}
# Words for the whole file system, which fsconfig knows by the same names; as flags for mount(2).
_SUPERBLOCK_WORDS = {
    "sync": (_SET, mount_flags.MS_SYNCHRONOUS),
    "async": (_CLEAR, mount_flags.MS_SYNCHRONOUS),
    "dirsync": (_SET, mount_flags.MS_DIRSYNC),
    "lazytime": (_SET, mount_flags.MS_LAZYTIME),
    "nolazytime": (_CLEAR, mount_flags.MS_LAZYTIME),
    "mand": (_SET, mount_flags.MS_MANDLOCK),
    "nomand": (_CLEAR, mount_flags.MS_MANDLOCK),
}
# fsconfig knows this one only for some file systems; mount(2) takes it for all.
_VERSION_WORDS = {"iversion": (_SET, mount_flags.MS_I_VERSION), "noiversion": (_CLEAR, mount_flags.MS_I_VERSION)}
_EXTENSIONS = frozenset(("tmpcopyup", "idmap", "ridmap", "remount", "bind", "rbind"))
_QUIET = ("silent", "loud")  # flags of mount(2) that change nothing here
_NO_EFFECT = ("defaults", "")

# How far the mapping of an id-mapped mount goes.
IDMAP_NONE = 0
IDMAP_TOP = 1
IDMAP_ALL = 2

# What fsconfig(2) takes of one value.
_LONGEST_VALUE = 255

# The attributes that mount(2) gives or takes all at once.
FLAG_ATTRIBUTES = (
    mount_flags.MOUNT_ATTR_RDONLY
    | mount_flags.MOUNT_ATTR_NOSUID
    | mount_flags.MOUNT_ATTR_NODEV
    | mount_flags.MOUNT_ATTR_NOEXEC
    | mount_flags.MOUNT_ATTR_NOSYMFOLLOW
)
ACCESS_TIME_ATTRIBUTES = mount_flags.MOUNT_ATTR_ATIME | mount_flags.MOUNT_ATTR_NODIRATIME
_CLASSIC = (
    (mount_flags.MOUNT_ATTR_RDONLY, mount_flags.MS_RDONLY),
    (mount_flags.MOUNT_ATTR_NOSUID, mount_flags.MS_NOSUID),
    (mount_flags.MOUNT_ATTR_NODEV, mount_flags.MS_NODEV),
    (mount_flags.MOUNT_ATTR_NOEXEC, mount_flags.MS_NOEXEC),
    (mount_flags.MOUNT_ATTR_NOATIME, mount_flags.MS_NOATIME),
    (mount_flags.MOUNT_ATTR_STRICTATIME, mount_flags.MS_STRICTATIME),
    (mount_flags.MOUNT_ATTR_NODIRATIME, mount_flags.MS_NODIRATIME),
    (mount_flags.MOUNT_ATTR_NOSYMFOLLOW, mount_flags.MS_NOSYMFOLLOW),
)


class MountOptions:
    """What the option words of one mount ask for.

    `add`, `clear`: attributes of the mount itself; `recursive_add`, `recursive_clear`: of all below too. `propagation`:
    (MS_* kind, recursive) pairs in order. `superblock`: MS_* flags of the whole file system. `data`: what is left, for
    the file system, with the superblock's words; `own_words`: without them. `idmap`: IDMAP_*. `label`: of SELinux, for
    all that is on the file system. `relatime`: that word, as the flag of that name is none of the kernel's.
    `has_flags`: whether any word is about the mount's or superblock's flags.
    """

    __slots__ = (
        "add",
        "bind",
        "clear",
        "copy_up",
        "data",
        "has_flags",
        "idmap",
        "label",
        "own_words",
        "propagation",
        "recursive",
        "recursive_add",
        "recursive_clear",
        "relatime",
        "remount",
        "superblock",
    )

    def __init__(self) -> None:
        self.bind = False
        self.recursive = False
        self.has_flags = False
        self.relatime = False
        self.remount = False
        self.copy_up = False
        self.idmap = IDMAP_NONE
        self.label = ""
        self.add = 0
        self.clear = 0
        self.recursive_add = 0
        self.recursive_clear = 0
        self.superblock = 0
        self.propagation: list[tuple[int, bool]] = []
        self.data: list[tuple[str, str | None]] = []
        self.own_words: list[str] = []

    @property
    def sets_access_times(self) -> bool:
        """Whether a word chooses how access times are kept; those that take a choice back leave them as they are."""
        return self.relatime or bool(self.add & ACCESS_TIME_ATTRIBUTES)

    @property
    def needs_mount_call(self) -> bool:
        """Whether only mount(2) can do it: a change of what is mounted, or values that fsconfig(2) does not take."""
        if self.remount or self.superblock & mount_flags.MS_I_VERSION:
            return True
        return any("," in word or len(word) > _LONGEST_VALUE for word in self.own_words)

    def mount_call_flags(self) -> int:
        """Attributes and superblock flags as mount(2) wants them."""
        flags = self.superblock | (mount_flags.MS_REMOUNT if self.remount else 0)
        for attribute, flag in _CLASSIC:
            if self.add & attribute:
                flags |= flag
        return flags | mount_flags.MS_RELATIME if self.relatime else flags


def parse_mount_options(words: list[str]) -> MountOptions:
    """The last of two contradicting words wins, as in mount(8)."""
    options = MountOptions()
    for word in words:
        if not _take_attribute(options, word) and not _take_propagation(options, word):
            _take_other(options, word)
    return options


def _take_attribute(options: MountOptions, word: str) -> bool:
    change = _attribute_change(word)
    if change is not None:
        options.add, options.clear = _changed(options.add, options.clear, *change)
        options.has_flags = True
        if change[1] & mount_flags.MOUNT_ATTR_ATIME:
            options.relatime = word == "relatime"
        return True
    change = _attribute_change(word[1:]) if word.startswith("r") else None
    if change is not None:
        options.recursive_add, options.recursive_clear = _changed(
            options.recursive_add, options.recursive_clear, *change
        )
        return True
    return False


def _attribute_change(word: str) -> "tuple[bool, int] | None":
    return (_CLEAR, mount_flags.MOUNT_ATTR_ATIME) if word in _RELATIME else _ATTRIBUTES.get(word)


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
    if word in _EXTENSIONS:
        _take_extension(options, word)
    elif word in _SUPERBLOCK_WORDS or word in _VERSION_WORDS:
        options.has_flags = True
        setting, flag = _SUPERBLOCK_WORDS.get(word) or _VERSION_WORDS[word]
        options.superblock = options.superblock | flag if setting else options.superblock & ~flag
        if word in _SUPERBLOCK_WORDS:
            options.data.append((word, None))
    elif word in _QUIET:
        options.has_flags = True
    elif word not in _NO_EFFECT:
        key, separator, value = word.partition("=")
        options.data.append((key, value if separator else None))
        options.own_words.append(word)


def _take_extension(options: MountOptions, word: str) -> None:
    if word in ("bind", "rbind"):
        options.bind = True
        options.recursive = word == "rbind"
    elif word == "remount":
        options.remount = True
    elif word == "tmpcopyup":
        options.copy_up = True
    else:
        options.idmap = IDMAP_ALL if word == "ridmap" else IDMAP_TOP


def propagation_from_word(word: str) -> "tuple[int, bool] | None":
    """`rslave` and the like as (MS_* kind, recursive); None for an unknown word."""
    if word in _PROPAGATION:
        return _PROPAGATION[word], False
    if word[:1] == "r" and word[1:] in _PROPAGATION:
        return _PROPAGATION[word[1:]], True
    return None


def known_mount_options() -> list[str]:
    """Every word that is understood, for `runc features`."""
    plain = {
        *_ATTRIBUTES,
        *_RELATIME,
        *_PROPAGATION,
        *_SUPERBLOCK_WORDS,
        *_VERSION_WORDS,
        *_EXTENSIONS,
        *_QUIET,
        *_NO_EFFECT,
    }
    recursive = {"r" + word for word in (*_ATTRIBUTES, *_RELATIME, *_PROPAGATION)}
    return sorted((plain | recursive) - {""})
