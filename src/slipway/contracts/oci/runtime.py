"""`config.json` of the OCI runtime specification as plain objects, decoded from JSON structures. Pure.

Source: opencontainers/runtime-spec 1.2, config.md and config-linux.md. Unknown fields are ignored, as the
specification asks; a field of the wrong type raises InvalidArgument with its path. What the values mean together is
checked by `runc/spec/validate.py`.
"""

from slipway.contracts.oci.runtime_fields import Fields
from slipway.contracts.oci.runtime_resources import Resources, no_resources
from slipway.contracts.oci.runtime_seccomp import Seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_ID = (1 << 32) - 1
LAST_ID = _ID - 1
_MINUS = -(1 << 31)
_PLUS = (1 << 31) - 1


class Root:
    """`path` as written: relative to the bundle, or absolute."""

    __slots__ = ("path", "readonly")

    def __init__(self, fields: Fields) -> None:
        self.path = fields.text("path")
        self.readonly = fields.flag("readonly")


class IdMapping:
    __slots__ = ("container_id", "host_id", "size")

    def __init__(self, fields: Fields) -> None:
        self.container_id = fields.integer("containerID", high=_ID)
        self.host_id = fields.integer("hostID", high=_ID)
        self.size = fields.integer("size", high=_ID)


class Mount:
    __slots__ = ("destination", "gid_mappings", "kind", "options", "source", "uid_mappings")

    def __init__(self, fields: Fields) -> None:
        self.destination = fields.text("destination")
        self.kind = fields.text("type")
        self.source = fields.text("source")
        self.options = fields.texts("options")
        self.uid_mappings = fields.objects("uidMappings", IdMapping)
        self.gid_mappings = fields.objects("gidMappings", IdMapping)


class User:
    """Numbers only: names were looked up by whoever wrote the specification.

    4294967295 is no user or group: to the kernel it is -1, and setresuid(2) takes that for "leave it as it is".
    """

    __slots__ = ("additional_gids", "gid", "uid", "umask")

    def __init__(self, fields: Fields) -> None:
        self.uid = fields.integer("uid", high=LAST_ID)
        self.gid = fields.integer("gid", high=LAST_ID)
        self.umask = fields.optional_integer("umask", high=0o777)
        self.additional_gids = fields.integers("additionalGids", high=LAST_ID)


class Capabilities:
    """The five sets of capabilities(7), by name."""

    __slots__ = ("ambient", "bounding", "effective", "inheritable", "permitted")

    def __init__(self, fields: Fields) -> None:
        self.bounding = fields.texts("bounding")
        self.effective = fields.texts("effective")
        self.inheritable = fields.texts("inheritable")
        self.permitted = fields.texts("permitted")
        self.ambient = fields.texts("ambient")


class Rlimit:
    """`kind` is RLIMIT_NOFILE or the like."""

    __slots__ = ("hard", "kind", "soft")

    def __init__(self, fields: Fields) -> None:
        self.kind = fields.text("type")
        self.soft = fields.integer("soft")
        self.hard = fields.integer("hard")


class ConsoleSize:
    __slots__ = ("height", "width")

    def __init__(self, fields: Fields) -> None:
        self.height = fields.integer("height", high=65535)
        self.width = fields.integer("width", high=65535)


class IoPriority:
    __slots__ = ("kind", "priority")

    def __init__(self, fields: Fields) -> None:
        self.kind = fields.text("class")
        self.priority = fields.integer("priority", low=_MINUS, high=_PLUS)


class CpuAffinity:
    """Lists of CPUs (`0-3,7`) for a further process: before it joins the container's groups, and after."""

    __slots__ = ("final", "initial")

    def __init__(self, fields: Fields) -> None:
        self.initial = fields.text("initial")
        self.final = fields.text("final")


class Personality:
    """personality(2): `domain` is LINUX or LINUX32."""

    __slots__ = ("domain", "flags")

    def __init__(self, fields: Fields) -> None:
        self.domain = fields.text("domain")
        self.flags = fields.texts("flags")


class IntelRdt:
    """Shares of cache and memory bandwidth by resctrl."""

    __slots__ = ("enable_cmt", "enable_mbm", "enable_monitoring", "group", "l3_cache", "memory_bandwidth", "schemata")

    def __init__(self, fields: Fields) -> None:
        self.group = fields.text("closID")
        self.l3_cache = fields.text("l3CacheSchema")
        self.memory_bandwidth = fields.text("memBwSchema")
        self.schemata = fields.texts("schemata")
        self.enable_cmt = fields.flag("enableCMT")
        self.enable_mbm = fields.flag("enableMBM")
        self.enable_monitoring = fields.flag("enableMonitoring")


class Scheduler:
    """sched_setattr(2); times in nanoseconds."""

    __slots__ = ("deadline", "flags", "nice", "period", "policy", "priority", "runtime")

    def __init__(self, fields: Fields) -> None:
        self.policy = fields.text("policy")
        self.nice = fields.integer("nice", low=_MINUS, high=_PLUS)
        self.priority = fields.integer("priority", low=_MINUS, high=_PLUS)
        self.flags = fields.texts("flags")
        self.runtime = fields.integer("runtime")
        self.deadline = fields.integer("deadline")
        self.period = fields.integer("period")


class Process:
    """What to run in the container. `no_new_privileges`, profile and label are the process's, not the container's."""

    __slots__ = (
        "apparmor_profile",
        "args",
        "capabilities",
        "console_size",
        "cpu_affinity",
        "cwd",
        "env",
        "io_priority",
        "no_new_privileges",
        "oom_score_adj",
        "rlimits",
        "scheduler",
        "selinux_label",
        "terminal",
        "user",
    )

    def __init__(self, fields: Fields) -> None:
        self.terminal = fields.flag("terminal")
        self.console_size = fields.object("consoleSize", ConsoleSize)
        self.user = fields.object("user", User) or User(Fields({}, "user"))
        self.args = fields.texts("args")
        self.env = fields.texts("env")
        self.cwd = fields.text("cwd")
        self.capabilities = fields.object("capabilities", Capabilities)
        self.rlimits = fields.objects("rlimits", Rlimit)
        self.no_new_privileges = fields.flag("noNewPrivileges")
        self.apparmor_profile = fields.text("apparmorProfile")
        self.selinux_label = fields.text("selinuxLabel")
        self.oom_score_adj = fields.optional_integer("oomScoreAdj", low=-1000, high=1000)
        self.io_priority = fields.object("ioPriority", IoPriority)
        self.scheduler = fields.object("scheduler", Scheduler)
        self.cpu_affinity = fields.object("execCPUAffinity", CpuAffinity)


class Hook:
    """A program of the host; `timeout` in seconds, None for no limit."""

    __slots__ = ("args", "env", "path", "timeout")

    def __init__(self, fields: Fields) -> None:
        self.path = fields.text("path")
        self.args = fields.texts("args")
        self.env = fields.texts("env")
        self.timeout = fields.optional_integer("timeout", low=1, high=_PLUS)


class Hooks:
    """In the order in which they run in a container's life."""

    __slots__ = ("create_container", "create_runtime", "poststart", "poststop", "prestart", "start_container")

    def __init__(self, fields: Fields) -> None:
        self.prestart = fields.objects("prestart", Hook)
        self.create_runtime = fields.objects("createRuntime", Hook)
        self.create_container = fields.objects("createContainer", Hook)
        self.start_container = fields.objects("startContainer", Hook)
        self.poststart = fields.objects("poststart", Hook)
        self.poststop = fields.objects("poststop", Hook)


class Namespace:
    """`kind` is pid, network, mount, ipc, uts, user, cgroup or time; an empty `path` asks for a new one."""

    __slots__ = ("kind", "path")

    def __init__(self, fields: Fields) -> None:
        self.kind = fields.text("type")
        self.path = fields.text("path")


class TimeOffset:
    """How far a clock of a time namespace is ahead of the host's."""

    __slots__ = ("nanoseconds", "seconds")

    def __init__(self, fields: Fields) -> None:
        self.seconds = fields.integer("secs", low=-(1 << 63), high=(1 << 63) - 1)
        self.nanoseconds = fields.integer("nanosecs", high=_ID)


class NetDevice:
    """A network interface of the host to be moved into the container; `name` is its new name, or empty."""

    __slots__ = ("name",)

    def __init__(self, fields: Fields) -> None:
        self.name = fields.text("name")


class MemoryPolicy:
    """set_mempolicy(2): `mode` MPOL_*, `nodes` a list like `0-3,7`, `flags` MPOL_F_*."""

    __slots__ = ("flags", "mode", "nodes")

    def __init__(self, fields: Fields) -> None:
        self.mode = fields.text("mode")
        self.nodes = fields.text("nodes")
        self.flags = fields.texts("flags")


class Device:
    """A device node to make; `kind` is b, c, u or p."""

    __slots__ = ("gid", "kind", "major", "minor", "mode", "path", "uid")

    def __init__(self, fields: Fields) -> None:
        self.path = fields.text("path")
        self.kind = fields.text("type")
        self.major = fields.integer("major", low=-1, high=_ID)
        self.minor = fields.integer("minor", low=-1, high=_ID)
        self.mode = fields.integer("fileMode", high=0o177777, default=0o666)
        self.uid = fields.integer("uid", high=_ID)
        self.gid = fields.integer("gid", high=_ID)


class Linux:
    __slots__ = (
        "cgroups_path",
        "devices",
        "gid_mappings",
        "intel_rdt",
        "masked_paths",
        "memory_policy",
        "mount_label",
        "namespaces",
        "net_devices",
        "personality",
        "readonly_paths",
        "resources",
        "rootfs_propagation",
        "seccomp",
        "sysctl",
        "time_offsets",
        "uid_mappings",
    )

    def __init__(self, fields: Fields) -> None:
        self.uid_mappings = fields.objects("uidMappings", IdMapping)
        self.gid_mappings = fields.objects("gidMappings", IdMapping)
        self.sysctl = fields.text_map("sysctl")
        self.resources = fields.object("resources", Resources) or no_resources()
        self.cgroups_path = fields.text("cgroupsPath")
        self.namespaces = fields.objects("namespaces", Namespace)
        self.devices = fields.objects("devices", Device)
        self.seccomp = fields.object("seccomp", Seccomp)
        self.rootfs_propagation = fields.text("rootfsPropagation")
        self.masked_paths = fields.texts("maskedPaths")
        self.readonly_paths = fields.texts("readonlyPaths")
        self.personality = fields.object("personality", Personality)
        self.mount_label = fields.text("mountLabel")
        self.intel_rdt = fields.object("intelRdt", IntelRdt)
        self.time_offsets = fields.object_map("timeOffsets", TimeOffset)
        self.net_devices = fields.object_map("netDevices", NetDevice)
        self.memory_policy = fields.object("memoryPolicy", MemoryPolicy)


class Spec:
    """A whole `config.json`. `process` is None for a container that is only created, never started."""

    __slots__ = (
        "annotations",
        "domainname",
        "hooks",
        "hostname",
        "linux",
        "mounts",
        "oci_version",
        "process",
        "root",
    )

    def __init__(self, fields: Fields) -> None:
        self.oci_version = fields.text("ociVersion")
        self.process = fields.object("process", Process)
        self.root = fields.object("root", Root)
        self.hostname = fields.text("hostname")
        self.domainname = fields.text("domainname")
        self.mounts = fields.objects("mounts", Mount)
        self.hooks = fields.object("hooks", Hooks) or Hooks(Fields({}, "hooks"))
        self.annotations = fields.text_map("annotations")
        self.linux = fields.object("linux", Linux) or Linux(Fields({}, "linux"))


def spec_from_json(value: "Json") -> Spec:
    """Raises InvalidArgument naming the first field of the wrong shape."""
    return Spec(Fields(value, ""))


def process_from_json(value: "Json") -> Process:
    """The `process` object alone, as `exec --process` takes it."""
    return Process(Fields(value, "process"))


def resources_from_json(value: "Json") -> Resources:
    """The `linux.resources` object alone, as `update --resources` takes it."""
    return Resources(Fields(value, "resources"))
