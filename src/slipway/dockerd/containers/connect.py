"""A container's side of networks: what is asked of them before a start, and given back after the exit."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.host_config import PortBinding
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.name_files import NAME_FILES, NameRequest, link_line, write_name_files
from slipway.dockerd.containers.request.network_validation import container_and_alias
from slipway.dockerd.containers.request.validation import check_port
from slipway.dockerd.containers.spec.model import ResolvedMount
from slipway.dockerd.containers.spec.mounts import our_mounts
from slipway.dockerd.networks.interface import EndpointRecord, EndpointRequest
from slipway.dockerd.networks.model import PortRequest


@dataclass(frozen=True, kw_only=True)
class Connection:
    """`path` of the namespace before the task exists (empty: none of its own); `document`: the endpoint, to be kept."""

    path: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)


async def connect(environment: ContainerEnvironment, container: Container, undo: AsyncExitStack) -> Connection:
    """A namespace with an address, for the modes that have one. Raises what the networks raise."""
    mode = container.record.host_config.network_mode
    if mode == "host" or mode.startswith("container:"):
        return Connection()
    if container.record.config.network_disabled:
        mode = "none"
    try:
        sandbox = await environment.networks.connect(_request(container, mode))
    except EngineError as error:
        raise type(error)(f"failed to set up container networking: {error.message}", error.hint) from error
    undo.push_async_callback(environment.networks.disconnect, sandbox.endpoint)
    undo.callback(environment.networks.release_sandbox, container.id)
    return Connection(path=sandbox.path, document=sandbox.endpoint.document())


async def disconnect(environment: ContainerEnvironment, container: Container) -> None:
    """Give address and ports back. Idempotent."""
    document = container.state.endpoint
    if document:
        await environment.networks.disconnect(EndpointRecord.from_document(document))


def network_namespace(environment: ContainerEnvironment, container: Container, connection: Connection) -> str:
    """The path for the specification: its own, or that of the container it joins."""
    mode = container.record.host_config.network_mode
    if not mode.startswith("container:"):
        return connection.path
    other = _joined(environment, mode)
    if not other.state.is_running:
        raise FailedPrecondition(f"cannot join network namespace of a non running container: {other.id}")
    return f"/proc/{other.state.pid}/ns/net"


def our_files(environment: ContainerEnvironment, container: Container, connection: Connection) -> list[ResolvedMount]:
    """hosts, hostname and resolv.conf, written anew; those of the container whose network is joined. Blocks on the
    disk."""
    host_config = container.record.host_config
    if host_config.network_mode.startswith("container:"):
        folder = environment.store.folder(_joined(environment, host_config.network_mode).id)
        return our_mounts({f"/etc/{name}": f"{folder}/{name}" for name in NAME_FILES}, host_config)
    files = write_name_files(environment.store.folder(container.id), _name_request(environment, container, connection))
    return our_mounts(files, host_config)


def _joined(environment: ContainerEnvironment, mode: str) -> Container:
    """The container whose network `container:NAME` means. Raises NotFound."""
    try:
        return environment.registry.find(mode.removeprefix("container:"))
    except NotFound as error:
        raise NotFound(f"joining network namespace of container: {error.message}") from error


def _name_request(environment: ContainerEnvironment, container: Container, connection: Connection) -> NameRequest:
    config, host_config = container.record.config, container.record.host_config
    return NameRequest(
        hostname=config.hostname,
        domainname=config.domainname,
        address=str(connection.document.get("ipv4_address", "")),
        gateway=environment.networks.gateway,
        extra_hosts=host_config.extra_hosts or (),
        dns=host_config.dns or (),
        dns_search=host_config.dns_search or (),
        dns_options=host_config.dns_options or (),
        links=_links(environment, container),
        shares_host=host_config.network_mode == "host",
    )


def linked_container(environment: ContainerEnvironment, link: str) -> tuple[Container, str]:
    """The container that --link names, and the alias. Raises InvalidArgument."""
    name, alias = container_and_alias(link)
    try:
        return environment.registry.find(name), alias
    except NotFound as error:
        raise InvalidArgument(f"could not get container for {name}: {error.message}") from error


def _links(environment: ContainerEnvironment, container: Container) -> list[tuple[str, str]]:
    """--link NAME:ALIAS: the other's address under its alias, host name and name."""
    links = []
    for link in container.record.host_config.links or ():
        other, alias = linked_container(environment, link)
        if not other.state.is_running:
            raise FailedPrecondition(f"Cannot link to a non running container: /{other.name} AS {alias}")
        address = str(other.state.endpoint.get("ipv4_address", ""))
        links.append(link_line(address, (alias, other.record.config.hostname, other.name)))
    return links


def _request(container: Container, mode: str) -> EndpointRequest:
    host_config = container.record.host_config
    settings = container.record.networks.get(mode)
    ipam = settings.ipam_config if settings is not None else None
    mac_address = (settings.mac_address if settings is not None else "") or container.record.config.mac_address
    return EndpointRequest(
        container_id=container.id,
        container_name=container.name,
        network=mode,
        ipv4_address=ipam.ipv4_address if ipam is not None else "",
        mac_address=mac_address.replace("-", ":"),
        ports=tuple(port_requests(container)),
        aliases=(settings.aliases or ()) if settings is not None else (),
        sysctls={name: value for name, value in (host_config.sysctls or {}).items() if name.startswith("net.")},
    )


def port_requests(container: Container) -> list[PortRequest]:
    """-p, and with -P every exposed port that -p does not name."""
    bindings = dict(container.record.host_config.port_bindings or {})
    if container.record.host_config.publish_all_ports:
        for port in container.record.config.exposed_ports or {}:
            bindings.setdefault(port, None)
            bindings[port] = bindings[port] or (PortBinding(),)
    requests = []
    for port, places in sorted(bindings.items()):
        low, high, protocol = check_port(port)
        for place in places or ():
            requests += _of_place(low, high, protocol, place)
    return requests


def _of_place(low: int, high: int, protocol: str, place: PortBinding) -> list[PortRequest]:
    """One request per container port. A range of host ports for a single port means any of them."""
    first, _, last = place.host_port.partition("-")
    host_low = int(first) if first else 0
    host_high = int(last) if last else host_low
    if high > low and host_low:
        return [
            PortRequest(
                container_port=port,
                protocol=protocol,
                host_address=place.host_ip,
                host_port_low=host_low + port - low,
                host_port_high=host_low + port - low,
            )
            for port in range(low, high + 1)
        ]
    return [
        PortRequest(
            container_port=port,
            protocol=protocol,
            host_address=place.host_ip,
            host_port_low=host_low,
            host_port_high=host_high,
        )
        for port in range(low, high + 1)
    ]
