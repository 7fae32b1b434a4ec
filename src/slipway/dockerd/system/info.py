"""GET /info and GET /version."""

import os
from collections.abc import Mapping
from typing import Any, Final

from slipway.base.errors import EngineError
from slipway.base.timestamps import rfc3339_from_nanoseconds
from slipway.base.version import VERSION
from slipway.clients.containerd.calls import Connection
from slipway.clients.containerd.version import version as containerd_version
from slipway.contracts.engine_api.versions import NEWEST, OLDEST
from slipway.dockerd.system.model import ENGINE_VERSION, DaemonIdentity

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
COMMIT: Final = f"slipway-{VERSION}"  # of all five programs: they are one distribution
LOG_DRIVERS = ("json-file", "local", "none")


async def ask_containerd(connection: Connection) -> tuple[str, str]:
    """Its version and its revision, or words for a reader where it does not answer."""
    try:
        return await containerd_version(connection)
    except EngineError:
        return "unavailable", ""


async def version_document(connection: Connection) -> dict[str, Any]:
    """As the original; components are this engine's parts."""
    containerd, revision = await ask_containerd(connection)
    uname = os.uname()
    common = {
        "ApiVersion": str(NEWEST),
        "Arch": ARCHITECTURES.get(uname.machine, uname.machine),
        "BuildTime": "",
        "GitCommit": COMMIT,
        "GoVersion": "",
        "KernelVersion": uname.release,
        "MinAPIVersion": str(OLDEST),
        "Os": "linux",
    }
    components = [
        {"Name": "Engine", "Version": ENGINE_VERSION, "Details": {**common, "Experimental": "false"}},
        {"Name": "containerd", "Version": containerd, "Details": {"GitCommit": revision}},
        {"Name": "runc", "Version": VERSION, "Details": {"GitCommit": COMMIT}},
    ]
    return {
        "Platform": {"Name": f"Slipway {VERSION}"},
        "Components": components,
        "Version": ENGINE_VERSION,
        **common,
    }


# What is the same on every machine; members stand in the order that people see.
_PLUGINS: Final = {
    "Volume": ["local"],
    "Network": ["bridge", "host", "null"],
    "Authorization": None,
    "Log": list(LOG_DRIVERS),
}
# The member of a limit, and the limit's name in a host configuration; in the order that people see.
_LIMITS: Final = {
    "MemoryLimit": "memory",
    "SwapLimit": "memory_swap",
    "CpuCfsPeriod": "cpu_period",
    "CpuCfsQuota": "cpu_quota",
    "CPUShares": "cpu_shares",
    "CPUSet": "cpuset_cpus",
    "PidsLimit": "pids_limit",
}
_NO_SWARM: Final = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}


def info_document(identity: DaemonIdentity, containerd: str, counts: Mapping[str, int], now: int) -> dict[str, Any]:
    """`containerd`: its revision. `counts`: containers, running, paused, stopped, images, listeners.

    Reads a few lines of /proc and /etc.
    """
    return {
        "ID": identity.daemon_id,
        **_contents(identity, counts),
        **_abilities(identity),
        **_process(identity, counts, now),
        **_machine(identity),
        **_settings(identity),
        **_parts(identity, containerd),
        "Warnings": list(identity.warnings) or None,
    }


def _contents(identity: DaemonIdentity, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "Containers": counts["containers"],
        "ContainersRunning": counts["running"],
        "ContainersPaused": counts["paused"],
        "ContainersStopped": counts["stopped"],
        "Images": counts["images"],
        "Driver": identity.snapshotter,
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "Plugins": _PLUGINS,
    }


def _abilities(identity: DaemonIdentity) -> dict[str, Any]:
    """Which limits can be held: each has a member of its own."""
    return {
        **{member: limit not in identity.absent_limits for member, limit in _LIMITS.items()},
        "IPv4Forwarding": _reads("/proc/sys/net/ipv4/ip_forward", b"1"),
    }


def _process(identity: DaemonIdentity, counts: Mapping[str, int], now: int) -> dict[str, Any]:
    return {
        "Debug": False,
        "NFd": len(os.listdir("/proc/self/fd")),
        "OomKillDisable": identity.cgroup_version == 1,
        "NGoroutines": 0,
        "SystemTime": rfc3339_from_nanoseconds(now),
        "LoggingDriver": identity.log_driver,
        "CgroupDriver": identity.cgroup_driver,
        "CgroupVersion": str(identity.cgroup_version),
        "NEventsListener": counts["listeners"],
    }


def _machine(identity: DaemonIdentity) -> dict[str, Any]:
    uname = os.uname()
    return {
        "KernelVersion": uname.release,
        "OperatingSystem": _operating_system(),
        "OSVersion": "",
        "OSType": "linux",
        "Architecture": uname.machine,
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": identity.registries.document(),
        "NCPU": len(os.sched_getaffinity(0)),
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "GenericResources": None,
    }


def _settings(identity: DaemonIdentity) -> dict[str, Any]:
    return {
        "DockerRootDir": identity.data_root,
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
        "Name": os.uname().nodename,
        "Labels": [],
        "ExperimentalBuild": False,
        "ServerVersion": ENGINE_VERSION,
        "Runtimes": {name: {"path": name} for name in identity.runtimes},
        "DefaultRuntime": identity.default_runtime,
        "Swarm": _NO_SWARM,
        "LiveRestoreEnabled": identity.live_restore,
        "Isolation": "",
    }


def _parts(identity: DaemonIdentity, containerd: str) -> dict[str, Any]:
    """What this daemon works with. An init's commit is not asked for; the original, too, says so by N/A."""
    return {
        "InitBinary": identity.init_binary,
        "ContainerdCommit": {"ID": containerd},
        "RuncCommit": {"ID": COMMIT},
        "InitCommit": {"ID": "N/A"},
        "SecurityOptions": list(identity.security_options),
        "FirewallBackend": {"Driver": "nftables"},
        "CDISpecDirs": [],
        "Containerd": {
            "Address": identity.containerd_address,
            "Namespaces": {"Containers": identity.containerd_namespace, "Plugins": ""},
        },
    }


def _reads(path: str, wanted: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(16).strip() == wanted
    except OSError:
        return False


def _operating_system() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("PRETTY_NAME="):
                    return line.partition("=")[2].strip().strip('"')
    except OSError:
        pass
    return "Linux"
