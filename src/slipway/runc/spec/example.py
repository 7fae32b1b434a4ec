"""The configuration that `runc spec` writes: a shell in a `rootfs` folder, confined as the original's example."""

from slipway.contracts.oci.runtime_version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_CAPABILITIES: "list[Json]" = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
_MASKED: "list[Json]" = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
]
_READONLY: "list[Json]" = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def example_spec(*, cgroup_namespace: bool = True) -> "dict[str, Json]":
    """`cgroup_namespace`: with one of its own, as the original writes on v2."""
    kinds = ("pid", "network", "ipc", "uts", "mount", *(("cgroup",) if cgroup_namespace else ()))
    return {
        "ociVersion": VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {name: [*_CAPABILITIES] for name in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "runc",
        "mounts": _mounts(),
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in kinds],
            "maskedPaths": [*_MASKED],
            "readonlyPaths": [*_READONLY],
        },
    }


def _mounts() -> "list[Json]":
    safe: list[Json] = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount(
            "/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
        ),
        _mount("/dev/shm", "tmpfs", "shm", [*safe, "mode=1777", "size=65536k"]),
        _mount("/dev/mqueue", "mqueue", "mqueue", [*safe]),
        _mount("/sys", "sysfs", "sysfs", [*safe, "ro"]),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", [*safe, "relatime", "ro"]),
    ]


def make_rootless(spec: "dict[str, Json]", uid: int, gid: int) -> None:
    """Change an example into what the user `uid` may run: root inside is the user, the network stays the host's."""
    linux = spec["linux"]
    assert isinstance(linux, dict)
    namespaces = linux["namespaces"]
    assert isinstance(namespaces, list)
    linux["namespaces"] = [item for item in namespaces if item != {"type": "network"}] + [{"type": "user"}]
    linux["uidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
    linux["gidMappings"] = [{"containerID": 0, "hostID": gid, "size": 1}]
    del linux["resources"]
    mounts = spec["mounts"]
    assert isinstance(mounts, list)
    spec["mounts"] = [_rootless_mount(mount) for mount in mounts]


def _rootless_mount(mount: "Json") -> "Json":
    """A new sysfs needs a network namespace of its own, and other ids than root's are not mapped."""
    assert isinstance(mount, dict)
    if mount["destination"] == "/sys":
        return _mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
    options = mount.get("options")
    if not isinstance(options, list):
        return mount
    kept = [option for option in options if not str(option).startswith(("gid=", "uid="))]
    return {**mount, "options": kept}


def _mount(destination: str, kind: str, source: str, options: "list[Json]") -> "Json":
    return {"destination": destination, "type": kind, "source": source, "options": options}
