"""The steps that make a container's file tree and identity, as data. `process/apply.py` carries each out.

A path is one of the container, absolute, and not yet resolved; a source is one of the host. `describe()` is the verb
and operands of the error, if the step fails.
"""

from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.contracts.oci.runtime import IdMapping
    from slipway.runc.plan.mount_options import MountOptions


class Operation:
    """One step."""

    __slots__ = ()

    def describe(self) -> str:
        raise NotImplementedError


class MountFileSystem(Operation):
    """A new instance of a file system. `late_readonly`: becomes read-only only after everything is in place."""

    __slots__ = ("destination", "kind", "late_readonly", "options", "source")

    def __init__(self, kind: str, source: str, destination: str, options: "MountOptions") -> None:
        self.kind = kind
        self.source = source
        self.destination = destination
        self.options = options
        readonly = bool(options.add & MOUNT_ATTR_RDONLY)
        # Others are mounted below /dev, and made in it.
        self.late_readonly = readonly and (kind == "tmpfs" or destination.rstrip("/") == "/dev")

    def describe(self) -> str:
        return f'error mounting "{self.source or self.kind}" to rootfs at "{self.destination}"'


class BindMount(Operation):
    """A file or directory of the host; `source` is absolute.

    `uid_mappings`, `gid_mappings`: of an id-mapped mount; none mean those of the container's user namespace.
    """

    __slots__ = ("destination", "gid_mappings", "options", "source", "uid_mappings")

    def __init__(self, source: str, destination: str, options: "MountOptions") -> None:
        self.source = source
        self.destination = destination
        self.options = options
        self.uid_mappings: list[IdMapping] = []
        self.gid_mappings: list[IdMapping] = []

    def describe(self) -> str:
        return f'error mounting "{self.source}" to rootfs at "{self.destination}"'


class MountCgroups(Operation):
    """The cgroup file systems, v1 or v2, as the container may see them: `own_namespace` hides more."""

    __slots__ = ("destination", "options", "own_namespace")

    def __init__(self, destination: str, options: "MountOptions", own_namespace: bool) -> None:
        self.destination = destination
        self.options = options
        self.own_namespace = own_namespace

    def describe(self) -> str:
        return f'error mounting "cgroup" to rootfs at "{self.destination}"'


class MakeDevice(Operation):
    """A device node; `mode` holds permission bits only. `exact`: something else in its place is an error."""

    __slots__ = ("exact", "gid", "kind", "major", "minor", "mode", "path", "uid")

    def __init__(self, path: str, kind: str, major: int, minor: int, mode: int, uid: int, gid: int) -> None:
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.exact = False

    def describe(self) -> str:
        return f"error creating device nodes: mknod {self.path} {self.kind} {self.major}:{self.minor}"


class MakeLink(Operation):
    """A symbolic link; what is there stays, unless `replace`."""

    __slots__ = ("path", "replace", "target")

    def __init__(self, target: str, path: str, replace: bool) -> None:
        self.target = target
        self.path = path
        self.replace = replace

    def describe(self) -> str:
        return f"error setting up /dev: symlink {self.path} -> {self.target}"


class MakeDirectory(Operation):
    """A directory and those above it."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def describe(self) -> str:
        return f"mkdir {self.path}"


class SetHostname(Operation):
    __slots__ = ("domain", "host")

    def __init__(self, host: str, domain: str) -> None:
        self.host = host
        self.domain = domain

    def describe(self) -> str:
        return f"set hostname {self.host!r}, domainname {self.domain!r}"


class WriteSysctl(Operation):
    """`path` below /proc/sys."""

    __slots__ = ("path", "value")

    def __init__(self, path: str, value: str) -> None:
        self.path = path
        self.value = value

    def describe(self) -> str:
        return f"write sysctl {self.path} = {self.value!r}"


class MakeReadonly(Operation):
    """A path that may not be written; absent ones are fine. `/` is the root file system."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def describe(self) -> str:
        return f'can\'t make "{self.path}" read-only'


class MaskPath(Operation):
    """A file or directory that may not be seen; absent ones are fine. `label`: of SELinux, for what is shown there."""

    __slots__ = ("label", "path")

    def __init__(self, path: str, label: str = "") -> None:
        self.path = path
        self.label = label

    def describe(self) -> str:
        return f'can\'t mask path "{self.path}"'
