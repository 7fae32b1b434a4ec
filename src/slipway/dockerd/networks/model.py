"""Networks and endpoints as data. An endpoint record is all that is needed to take an endpoint over after a crash."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PortRequest:
    """A port of the container to publish. `host_port_low..host_port_high` is where it may go; 0..0 lets the kernel
    choose."""

    container_port: int
    protocol: str = "tcp"  # tcp, udp, sctp
    host_address: str = ""  # "": every address
    host_port_low: int = 0
    host_port_high: int = 0


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    """A port as it is published. An IPv4 wildcard and an IPv6 one are two of these, as `docker ps` shows them."""

    container_port: int
    protocol: str
    host_address: str
    host_port: int


@dataclass(frozen=True, kw_only=True)
class EndpointRequest:
    """Connect a container to a network, before its processes exist.

    `ports` holds only what is published (-p, -P resolved); `mac_address` and `ipv4_address` may be "" to be chosen.
    """

    container_id: str
    container_name: str
    network: str = "bridge"  # name or id
    ipv4_address: str = ""
    mac_address: str = ""
    ports: tuple[PortRequest, ...] = ()
    aliases: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EndpointRecord:
    """A connected container: what inspect shows, and what recovery needs. JSON-ready by `document()`."""

    endpoint_id: str
    container_id: str
    container_name: str
    network: str
    network_id: str
    ipv4_address: str = ""
    ipv4_prefix_length: int = 0
    gateway: str = ""
    mac_address: str = ""
    host_interface: str = ""
    ports: tuple[PublishedPort, ...] = ()

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "EndpointRecord":
        """The record that `document()` gave; raises KeyError or TypeError on anything else."""
        ports = tuple(PublishedPort(**port) for port in document["ports"])
        return cls(**{**document, "ports": ports})


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A container's network namespace, made and configured, before the container exists.

    `path` goes into the specification (`NamespacePaths.network`); it is good for as long as this dockerd holds the
    namespace, so it is never stored. Once the task exists, `/proc/PID/ns/net` is the namespace's name.
    """

    path: str
    endpoint: EndpointRecord


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as list and inspect show it. `driver` is bridge, host or null; `created` is nanoseconds since the
    epoch."""

    id: str
    name: str
    driver: str
    scope: str = "local"
    created: int = 0
    subnet: str = ""
    gateway: str = ""
    internal: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[EndpointRecord, ...] = ()
