"""One container's state: `state.json`. Field names follow the original's file, which monitoring tools read."""

from slipway.contracts.oci.runtime_fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json


class ContainerState:
    """What a later command needs to find, join and remove a container.

    `pid` is 0 until init exists; `start` is its start time in clock ticks since boot, and guards against another
    process with the same number. `created` is an RFC 3339 time. `groups`: controller -> cgroup directory.
    `namespaces`: the kinds (CLONE_NEW* flags) that the container has of its own or joined. `private_pids`: it has a PID
    namespace that ends with its init. `seccomp_flags` is None without a filter, whose program lies beside this file.
    """

    __slots__ = (
        "annotations",
        "bundle",
        "created",
        "groups",
        "id",
        "keyring",
        "namespaces",
        "pid",
        "poststart_hooks",
        "poststop_hooks",
        "private_pids",
        "rootfs",
        "seccomp_flags",
        "start",
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
        self.seccomp_flags: int | None = None
        self.annotations: dict[str, str] = {}
        self.poststart_hooks: Json = []
        self.poststop_hooks: Json = []


def json_from_state(state: ContainerState) -> "dict[str, Json]":
    return {
        "id": state.id,
        "init_process_pid": state.pid,
        "init_process_start": state.start,
        "created": state.created,
        "bundle": state.bundle,
        "rootfs": state.rootfs,
        "cgroup_paths": {**state.groups},
        "namespaces": state.namespaces,
        "private_pids": state.private_pids,
        "keyring": state.keyring,
        "seccomp_flags": state.seccomp_flags,
        "annotations": {**state.annotations},
        "poststart_hooks": state.poststart_hooks,
        "poststop_hooks": state.poststop_hooks,
    }


def state_from_json(value: "Json") -> ContainerState:
    """Raises InvalidArgument for a file that we did not write."""
    fields = Fields(value, "state.json")
    state = ContainerState(fields.text("id"), fields.text("bundle"), fields.text("rootfs"), fields.text("created"))
    state.pid = fields.integer("init_process_pid")
    state.start = fields.integer("init_process_start")
    state.groups = fields.text_map("cgroup_paths")
    state.namespaces = fields.integer("namespaces")
    state.private_pids = fields.flag("private_pids")
    state.keyring = fields.flag("keyring")
    state.seccomp_flags = fields.optional_integer("seccomp_flags")
    state.annotations = fields.text_map("annotations")
    assert isinstance(value, dict)
    state.poststart_hooks = value.get("poststart_hooks")
    state.poststop_hooks = value.get("poststop_hooks")
    return state
