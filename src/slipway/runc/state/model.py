"""One container's state: `state.json`. Field names follow the original's file, which monitoring tools read.

`namespace_paths` and `rootless` are there for them alone, as is most of `config`; we read the fields of our own.
"""

from slipway.contracts.oci.runtime_fields import Fields
from slipway.contracts.oci.runtime_version import VERSION
from slipway.linux.cgroup_names import HYBRID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json


# The original's names. Source: CLONE_NEW* in linux/sched.h, and the files in /proc/PID/ns.
_NAMESPACES = (
    ("NEWCGROUP", 0x02000000, "cgroup"),
    ("NEWIPC", 0x08000000, "ipc"),
    ("NEWNET", 0x40000000, "net"),
    ("NEWNS", 0x00020000, "mnt"),
    ("NEWPID", 0x20000000, "pid"),
    ("NEWTIME", 0x00000080, "time"),
    ("NEWUSER", 0x10000000, "user"),
    ("NEWUTS", 0x04000000, "uts"),
)


class ContainerState:
    """What a later command needs to find, join and remove a container.

    `pid` is 0 until init exists; `start` is its start time in clock ticks since boot, and guards against another
    process with the same number. `created` is an RFC 3339 time. `groups`: controller -> cgroup directory.
    `namespaces`: the kinds (CLONE_NEW* flags) that the container has of its own or joined. `private_pids`: it has a PID
    namespace that ends with its init. `memory_policy` (None: the default) and `memory_nodes`, numbers, are for
    set_mempolicy(2). `seccomp_flags` is None without a filter, whose program lies beside this file;
    `listener` is the agent that the filter announces calls to. `inherited`: what a process document of `exec` takes
    from the container where it says nothing. `personality`: a domain's number. `own_cpus`: it is limited to some CPUs.
    `systemd_unit` is the unit that holds it, or empty; `systemd_user`: the user's systemd keeps that. `as_user`: its
    maker was no root; `rootless_groups`: it has the groups that its maker could get, if any. `descriptors`: what its
    standard streams were at first.
    """

    __slots__ = (
        "annotations",
        "as_user",
        "bundle",
        "created",
        "descriptors",
        "groups",
        "id",
        "inherited",
        "keyring",
        "listener",
        "memory_nodes",
        "memory_policy",
        "namespaces",
        "own_cpus",
        "personality",
        "pid",
        "poststart_hooks",
        "poststop_hooks",
        "private_pids",
        "rootfs",
        "rootless_groups",
        "seccomp_flags",
        "start",
        "systemd_unit",
        "systemd_user",
    )

    def __init__(self, container: str, bundle: str, rootfs: str, created: str) -> None:
        self.id = container
        self.bundle = bundle
        self.rootfs = rootfs
        self.created = created
        self.pid = 0
        self.start = 0
        self.groups: dict[str, str] = {}
        self.namespaces = 0
        self.private_pids = False
        self.keyring = True
        self.descriptors: list[str] = []
        self.memory_policy: int | None = None
        self.memory_nodes: list[int] = []
        self.seccomp_flags: int | None = None
        self.listener: dict[str, str] = {}
        self.inherited: Json = {}
        self.personality: int | None = None
        self.own_cpus = False
        self.annotations: dict[str, str] = {}
        self.poststart_hooks: Json = []
        self.poststop_hooks: Json = []
        self.systemd_unit = ""
        self.systemd_user = False
        self.as_user = False
        self.rootless_groups = False


def json_from_state(state: ContainerState) -> "dict[str, Json]":
    return {
        "id": state.id,
        "init_process_pid": state.pid,
        "init_process_start": state.start,
        "created": state.created,
        "bundle": state.bundle,
        "rootfs": state.rootfs,
        "cgroup_paths": {"" if name == HYBRID else name: group for name, group in state.groups.items()},
        "namespace_paths": {name: f"/proc/{state.pid}/ns/{file}" for name, _, file in _NAMESPACES if state.pid},
        "rootless": state.as_user and state.rootless_groups,
        "external_descriptors": [*state.descriptors],
        "config": _config(state),
        "namespaces": state.namespaces,
        "private_pids": state.private_pids,
        "keyring": state.keyring,
        "memory_policy": state.memory_policy,
        "memory_nodes": [*state.memory_nodes],
        "seccomp_flags": state.seccomp_flags,
        "seccomp_listener": {**state.listener},
        "inherited": state.inherited,
        "personality": state.personality,
        "own_cpus": state.own_cpus,
        "annotations": {**state.annotations},
        "poststart_hooks": state.poststart_hooks,
        "poststop_hooks": state.poststop_hooks,
        "systemd_unit": state.systemd_unit,
        "systemd_user": state.systemd_user,
    }


def _config(state: ContainerState) -> "Json":
    """What of the original's configuration is cheap to tell: where the container is, and what it has of its own."""
    labels = [f"{name}={value}" for name, value in (*state.annotations.items(), ("bundle", state.bundle))]
    return {
        "rootfs": state.rootfs,
        "labels": [*labels],
        "namespaces": [{"type": name, "path": ""} for name, flag, _ in _NAMESPACES if state.namespaces & flag],
        "no_new_keyring": not state.keyring,
        "rootless_euid": state.as_user,
        "rootless_cgroups": state.rootless_groups,
        "version": VERSION,
    }


def state_from_json(value: "Json") -> ContainerState:
    """Raises InvalidArgument for a file that we did not write."""
    fields = Fields(value, "state.json")
    state = ContainerState(fields.text("id"), fields.text("bundle"), fields.text("rootfs"), fields.text("created"))
    state.pid = fields.integer("init_process_pid")
    state.start = fields.integer("init_process_start")
    state.groups = fields.text_map("cgroup_paths")
    if "" in state.groups and len(state.groups) > 1:
        state.groups[HYBRID] = state.groups.pop("")  # v2 beside v1
    state.descriptors = fields.texts("external_descriptors")
    state.namespaces = fields.integer("namespaces")
    state.private_pids = fields.flag("private_pids")
    state.keyring = fields.flag("keyring")
    state.memory_policy = fields.optional_integer("memory_policy")
    state.memory_nodes = fields.integers("memory_nodes")
    state.seccomp_flags = fields.optional_integer("seccomp_flags")
    state.listener = fields.text_map("seccomp_listener")
    state.personality = fields.optional_integer("personality")
    state.own_cpus = fields.flag("own_cpus")
    state.annotations = fields.text_map("annotations")
    state.systemd_unit = fields.text("systemd_unit")
    state.systemd_user = fields.flag("systemd_user")
    config = fields.object("config", lambda config: (config.flag("rootless_euid"), config.flag("rootless_cgroups")))
    state.as_user, state.rootless_groups = config or (False, False)
    assert isinstance(value, dict)
    state.inherited = value.get("inherited")
    state.poststart_hooks = value.get("poststart_hooks")
    state.poststop_hooks = value.get("poststop_hooks")
    return state
