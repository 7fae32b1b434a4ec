"""Rules that no single field of a specification can express. Each raises InvalidArgument before anything is done."""

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.contracts.oci.runtime import Process, Spec

NAMESPACE_KINDS = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")

_RLIMITS = frozenset(
    "RLIMIT_" + name
    for name in (
        "CPU",
        "FSIZE",
        "DATA",
        "STACK",
        "CORE",
        "RSS",
        "NPROC",
        "NOFILE",
        "MEMLOCK",
        "AS",
        "LOCKS",
        "SIGPENDING",
        "MSGQUEUE",
        "NICE",
        "RTPRIO",
        "RTTIME",
    )
)
# Sysctls that belong to a namespace; any other would change the host.
_IPC_SYSCTLS = frozenset(
    (
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    )
)


def check_spec(spec: Spec) -> None:
    """A whole configuration: version, root, namespaces, mounts, sysctls, and the process if there is one."""
    if not spec.oci_version.startswith("1."):
        raise InvalidArgument(f"ociVersion {spec.oci_version!r} is not supported: it must be 1.x")
    if spec.root is None or not spec.root.path:
        raise InvalidArgument("root must be specified")
    kinds = _check_namespaces(spec)
    if spec.hostname and "uts" not in kinds:
        raise InvalidArgument("unable to set hostname without a private UTS namespace")
    if spec.domainname and "uts" not in kinds:
        raise InvalidArgument("unable to set domainname without a private UTS namespace")
    if (spec.linux.masked_paths or spec.linux.readonly_paths) and "mount" not in kinds:
        raise InvalidArgument("unable to restrict sys entries without a private MNT namespace")
    for mount in spec.mounts:
        if not mount.destination:
            raise InvalidArgument("a mount has no destination")
    for key in spec.linux.sysctl:
        _check_sysctl(key, spec, kinds)
    if spec.process is not None:
        check_process(spec.process)


def check_process(process: Process) -> None:
    """A process to start, from a bundle or from `exec --process`."""
    if not process.cwd:
        raise InvalidArgument("Cwd property must not be empty")
    if not process.cwd.startswith("/"):
        raise InvalidArgument("Cwd must be an absolute path")
    if not process.args:
        raise InvalidArgument("args must not be empty")
    if process.selinux_label:
        raise NotImplementedByEngine("selinux label is specified in config, but selinux is disabled or not supported")
    for variable in process.env:
        name, separator, _ = variable.partition("=")
        if not separator:
            raise InvalidArgument(f"invalid environment variable {variable!r}: missing '='")
        if not name:
            raise InvalidArgument("invalid environment variable: name cannot be empty")
    seen = set()
    for limit in process.rlimits:
        if limit.kind not in _RLIMITS:
            raise InvalidArgument(f"invalid rlimit type: {limit.kind}")
        if limit.kind in seen:
            raise InvalidArgument(f"duplicate rlimit type: {limit.kind}")
        seen.add(limit.kind)


def _check_namespaces(spec: Spec) -> set[str]:
    kinds: set[str] = set()
    for namespace in spec.linux.namespaces:
        if namespace.kind not in NAMESPACE_KINDS:
            raise InvalidArgument(f"namespace {namespace.kind!r} does not exist")
        if namespace.kind in kinds:
            raise InvalidArgument(f"malformed spec file: duplicated ns {namespace.kind!r}")
        if namespace.path and not namespace.path.startswith("/"):
            raise InvalidArgument(f"namespace path {namespace.path!r} must be absolute")
        kinds.add(namespace.kind)
    if "user" not in kinds and (spec.linux.uid_mappings or spec.linux.gid_mappings):
        raise InvalidArgument("user namespace mappings specified, but user namespace isn't enabled in the config")
    return kinds


def _check_sysctl(key: str, spec: Spec, kinds: set[str]) -> None:
    """The kernel takes `.` and `/` as separators, so that `net.ipv4.conf.eth0/1` can be said."""
    parts = key.replace("/", ".").split(".")
    if not all(parts) or ".." in key:
        raise InvalidArgument(f"sysctl {key!r} is not a name")
    dotted = ".".join(parts)
    if dotted in _IPC_SYSCTLS or dotted.startswith("fs.mqueue."):
        if "ipc" in kinds:
            return
        raise InvalidArgument(f"sysctl {key!r} is not allowed in the hosts ipc namespace")
    if dotted.startswith("net."):
        if "network" in kinds:
            return
        raise InvalidArgument(f"sysctl {key!r} not allowed in host network namespace")
    if dotted == "kernel.domainname" and "uts" in kinds:
        return
    if dotted == "kernel.hostname":
        raise InvalidArgument(f"sysctl {key!r} is not allowed as it conflicts with the OCI hostname field")
    raise InvalidArgument(f"sysctl {key!r} is not in a separate kernel namespace")
