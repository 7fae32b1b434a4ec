"""Rules that no single field of a specification can express. Each raises InvalidArgument before anything is done."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import IoPriority, Personality, Process, Scheduler, Spec
from slipway.runc.spec.cpus import cpus_from_text
from slipway.runc.spec.validate_linux import check_linux

NAMESPACE_KINDS = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")

# Of the domains of personality(2) those that the specification has; and the classes of ioprio_set(2).
PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}

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
    check_linux(spec.linux, kinds)
    for key in spec.linux.sysctl:
        _check_sysctl(key, spec, kinds)
    _check_hooks(spec)
    if spec.linux.personality is not None:
        _check_personality(spec.linux.personality)
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
    for variable in process.env:
        name, separator, _ = variable.partition("=")
        if not separator:
            raise InvalidArgument("invalid environment variable: missing '='")
        if not name:
            raise InvalidArgument("invalid environment variable: name cannot be empty")
    seen = set()
    for limit in process.rlimits:
        if limit.kind not in _RLIMITS:
            raise InvalidArgument(f"wrong rlimit value: {limit.kind}")
        if limit.kind in seen:
            raise InvalidArgument(f"duplicate rlimit type: {limit.kind}")
        seen.add(limit.kind)
    if process.scheduler is not None:
        _check_scheduler(process.scheduler)
    if process.io_priority is not None:
        _check_io_priority(process.io_priority)
    if process.cpu_affinity is not None:
        cpus_from_text(process.cpu_affinity.initial, "CPUAffinity.Initial")
        cpus_from_text(process.cpu_affinity.final, "CPUAffinity.Final")


def _check_scheduler(scheduler: Scheduler) -> None:
    """What sched_setattr(2) would refuse without a reason, or take without a meaning."""
    policy = scheduler.policy
    if not policy:
        raise InvalidArgument("scheduler policy is required")
    if policy in ("SCHED_OTHER", "SCHED_BATCH") and not -20 <= scheduler.nice <= 19:
        raise InvalidArgument(f"invalid scheduler.nice: {scheduler.nice} when scheduler.policy is {policy}")
    if scheduler.priority and policy not in ("SCHED_FIFO", "SCHED_RR"):
        raise InvalidArgument("scheduler.priority can only be specified for SchedFIFO or SchedRR policy")
    if not 0 <= scheduler.priority <= 99:
        raise InvalidArgument(f"invalid scheduler.priority: {scheduler.priority}")
    if policy != "SCHED_DEADLINE" and (scheduler.runtime or scheduler.deadline or scheduler.period):
        raise InvalidArgument("scheduler runtime/deadline/period can only be specified for SchedDeadline policy")


def _check_io_priority(priority: IoPriority) -> None:
    if not 0 <= priority.priority <= 7:
        raise InvalidArgument(f"invalid ioPriority.Priority: {priority.priority}")
    if priority.kind not in IO_CLASSES:
        raise InvalidArgument(f'invalid ioPriority.Class: "{priority.kind}"')


def _check_personality(personality: Personality) -> None:
    if personality.domain not in PERSONALITIES:
        raise InvalidArgument(f"invalid personality domain {personality.domain}")
    if personality.flags:
        raise InvalidArgument(f"personality flags {personality.flags} are not supported: there are none yet")


def _check_hooks(spec: Spec) -> None:
    hooks = spec.hooks
    early = (*hooks.prestart, *hooks.create_runtime, *hooks.create_container)
    for hook in (*early, *hooks.start_container, *hooks.poststart, *hooks.poststop):
        if not hook.path.startswith("/"):
            raise InvalidArgument(f'hook path "{hook.path}" must be absolute')


def _check_namespaces(spec: Spec) -> set[str]:
    kinds: set[str] = set()
    for namespace in spec.linux.namespaces:
        if namespace.kind not in NAMESPACE_KINDS:
            raise InvalidArgument(f'namespace {{"{namespace.kind}" "{namespace.path}"}} does not exist')
        if namespace.kind in kinds:
            raise InvalidArgument(f'malformed spec file: duplicated ns {{"{namespace.kind}" "{namespace.path}"}}')
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
        raise InvalidArgument(f'sysctl "{key}" is not allowed in the hosts ipc namespace')
    if dotted.startswith("net."):
        if "network" in kinds:
            return
        raise InvalidArgument(f'sysctl "{key}" not allowed in host network namespace')
    if dotted == "kernel.domainname" and "uts" in kinds:
        return
    if dotted == "kernel.hostname":
        raise InvalidArgument(f'sysctl "{key}" is not allowed as it conflicts with the OCI hostname field')
    raise InvalidArgument(f'sysctl "{key}" is not in a separate kernel namespace')
