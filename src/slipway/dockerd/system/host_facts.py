"""Reads what this machine can do, once when the daemon starts."""

import os

from slipway.contracts.oci.defaults import NETWORK_SYSCTLS
from slipway.dockerd.containers.spec.model import HostFacts
from slipway.dockerd.system.limit_support import absent_limits
from slipway.linux import capability_names

RECURSIVE_READ_ONLY_SINCE = (5, 12)  # mount_setattr(2)


def read_host_facts(*, systemd_cgroups: bool = False) -> HostFacts:
    """Reads /proc and /sys, in a few hundred microseconds. Raises OSError where /proc is not what it should be."""
    uname = os.uname()
    kernel = kernel_version(uname.release)
    status = _status_of_this_process()
    return HostFacts(
        cgroup_version=2 if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else 1,
        capabilities=capabilities_from_mask(int(status["CapEff"], 16)),
        kernel=kernel,
        machine=uname.machine,
        apparmor=has_apparmor(),
        seccomp="Seccomp" in status,
        systemd_cgroups=systemd_cgroups,
        recursive_read_only=kernel >= RECURSIVE_READ_ONLY_SINCE,
        masked_paths=thermal_throttle_paths(),
        sysctls=frozenset(name for name in NETWORK_SYSCTLS if os.path.exists(_sysctl_path(name))),
        absent_limits=absent_limits(),
    )


def kernel_version(release: str) -> tuple[int, int]:
    """(6, 18) of "6.18.44-fc-v657"."""
    major, minor = release.split(".")[:2]
    return int(major), int("".join(digit for digit in minor.split("-")[0] if digit in "0123456789"))


def capabilities_from_mask(mask: int) -> tuple[str, ...]:
    return tuple(name for number, name in enumerate(capability_names.NAMES) if mask >> number & 1)


def has_apparmor() -> bool:
    """Whether profiles can be set: the kernel has it on, and securityfs is there to load them by."""
    try:
        with open("/sys/module/apparmor/parameters/enabled", "rb") as enabled:
            return enabled.read(1) == b"Y" and os.path.isdir("/sys/kernel/security/apparmor")
    except OSError:
        return False


def thermal_throttle_paths() -> tuple[str, ...]:
    """Counters that tell a container how hot its neighbours run (GHSA-6fw5-f8r9-fgfm), of each processor that has
    them."""
    root = "/sys/devices/system/cpu"
    try:
        names = [name for name in os.listdir(root) if name.startswith("cpu") and name.isascii() and name[3:].isdigit()]
    except OSError:
        return ()
    paths = [f"{root}/{name}/thermal_throttle" for name in sorted(names, key=lambda name: int(name[3:]))]
    return tuple(path for path in paths if os.path.exists(path))


def _sysctl_path(name: str) -> str:
    return "/proc/sys/" + name.replace(".", "/")


def _status_of_this_process() -> dict[str, str]:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        pairs = (line.partition(":") for line in status)
        return {name: value.strip() for name, _, value in pairs}
