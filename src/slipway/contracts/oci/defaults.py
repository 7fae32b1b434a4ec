"""What every container's specification starts from: mounts, namespaces, device rules, hidden and read-only paths.

The values are Docker 28.5's, so that a container sees here what it would see there; tests/compat/spec compares them.
"""

from typing import Any

OCI_VERSION = "1.2.1"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_APPARMOR_PROFILE = "docker-default"
DEFAULT_SHM_SIZE = 64 * 1024 * 1024  # bytes

# Files of the kernel that tell a container about the host, or let it disturb the host.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",  # CVE-2018-10892
    "/proc/interrupts",  # GHSA-6fw5-f8r9-fgfm: a side channel on what the host types
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",  # GHSA-jq35-85cj-fj4p: power readings leak keys
)
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# A container may open unprivileged ports and send ping without a capability; only in a network namespace of its own.
NETWORK_SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}


def default_mounts() -> list[dict[str, Any]]:
    """The kernel's file systems, in the order in which they are mounted. A new list at each call: callers extend it."""
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777"),
    ]


def default_namespaces() -> list[dict[str, str]]:
    return [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc")]


def default_device_rules() -> list[dict[str, Any]]:
    """First everything is forbidden; then zero, null, urandom, random, tty and console are allowed; /dev/fuse is
    not."""
    allowed = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
    return [
        {"allow": False, "access": "rwm"},
        *(device_rule("c", major, minor) for major, minor in allowed),
        {**device_rule("c", 10, 229), "allow": False},
    ]


def device_rule(kind: str, major: int, minor: int, access: str = "rwm") -> dict[str, Any]:
    """Allow `access` to one device; a number of -1 means all."""
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}
