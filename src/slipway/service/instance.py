"""Every name that one engine uses on a machine, so that several engines can live side by side."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The names of one engine. The defaults are those of an installed engine; `./dev` and each test run have their own.

    Paths are absolute. `address_pools` are (base network, prefix length of one network) pairs.
    """

    data_root: str = "/var/lib/slipway/docker"
    exec_root: str = "/run/slipway/docker"
    pid_file: str = "/var/run/docker.pid"
    hosts: tuple[str, ...] = ("unix:///var/run/docker.sock",)
    containerd_address: str = ""  # empty: dockerd starts and supervises its own below exec_root
    containerd_data_root: str = "/var/lib/slipway/containerd"
    containerd_state_root: str = "/run/slipway/containerd"
    containerd_namespace: str = "moby"
    bridge: str = "docker0"
    bridge_address: str = ""  # empty: the first free network of the pools
    address_pools: tuple[tuple[str, int], ...] = field(
        default=(("172.17.0.0/12", 16), ("192.168.0.0/16", 20)),
    )
    cgroup_parent: str = "docker"
    firewall_table: str = "slipway"
