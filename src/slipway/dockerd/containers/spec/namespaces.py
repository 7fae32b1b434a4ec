"""Which namespaces a container has of its own, shares with another container, or with the host."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.oci.defaults import default_namespaces
from slipway.dockerd.containers.spec.model import NamespacePaths

IPC_MODES = ("", "private", "shareable", "none", "host")


def is_container_mode(mode: str) -> bool:
    """`container:ID`, for network, ipc and pid."""
    return mode.startswith("container:")


def has_private_network(host_config: HostConfig) -> bool:
    return not (host_config.network_mode == "host" or is_container_mode(host_config.network_mode))


def namespaces(host_config: HostConfig, paths: NamespacePaths, *, network_disabled: bool) -> list[dict[str, str]]:
    """`linux.namespaces`. Raises InvalidArgument for a mode that is none."""
    check_modes(host_config)
    host_modes = {
        "network": host_config.network_mode == "host" and not network_disabled,
        "ipc": host_config.ipc_mode == "host",
        "pid": host_config.pid_mode == "host",
        "uts": host_config.uts_mode == "host",
    }
    joined = {"network": paths.network, "ipc": paths.ipc, "pid": paths.pid}
    chosen = []
    for namespace in default_namespaces():
        kind = namespace["type"]
        if not host_modes.get(kind):
            path = joined.get(kind, "")
            chosen.append({**namespace, "path": path} if path else namespace)
    if host_config.cgroupns_mode == "private":
        chosen.append({"type": "cgroup"})
    return chosen


def check_modes(host_config: HostConfig) -> None:
    """The words are the original's."""
    if host_config.ipc_mode not in IPC_MODES and not _names_a_container(host_config.ipc_mode):
        raise InvalidArgument(f"invalid IPC mode: {host_config.ipc_mode}")
    if host_config.pid_mode not in ("", "host") and not _names_a_container(host_config.pid_mode):
        raise InvalidArgument(f"invalid PID mode: {host_config.pid_mode}")
    if host_config.uts_mode not in ("", "host"):
        raise InvalidArgument(f"invalid UTS mode: {host_config.uts_mode}")
    if host_config.userns_mode not in ("", "host"):
        raise InvalidArgument(f"invalid userns mode: {host_config.userns_mode}")
    if host_config.cgroupns_mode not in ("", "host", "private"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {host_config.cgroupns_mode}")


def _names_a_container(mode: str) -> bool:
    return is_container_mode(mode) and len(mode) > len("container:")
