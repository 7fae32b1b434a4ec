"""`docker network connect`: as long as there are only predefined networks, one after the other says why not."""

from typing import Final

from slipway.base.errors import InvalidArgument, PermissionDenied
from slipway.contracts.engine_api.networks import EndpointSettings
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.request.network_validation import check_endpoint
from slipway.dockerd.networks.interface import Network

SHARED: Final = (
    "container sharing network namespace with another container or host cannot be connected to any other network"
)
NO_OTHER: Final = "container cannot be connected to multiple networks with one of the networks in private (none) mode"
NOT_HOST: Final = "cannot connect container to host network - container must be created in host network mode"


def join_network(environment: ContainerEnvironment, reference: str, network: str, settings: EndpointSettings) -> None:
    """Refuse what predefined networks refuse; a stopped container is in its network already.

    Raises NotFound, InvalidArgument; PermissionDenied for the network that the running container has. A network that it
    does not know the original keeps for a stopped one, and fails at the start: here it is not found at once.
    """
    container = environment.registry.find(reference)
    if network_of(container) is None:
        raise InvalidArgument(SHARED)
    found = environment.networks.inspect(network)
    _check_settings(settings, found)
    _check_pair(str(network_of(container)), found.name)
    if container.state.is_running:
        raise PermissionDenied(f"endpoint with name {container.name} already exists in network {found.name}")


def network_of(container: Container) -> str | None:
    """The one network that `container` has; None where it joins another's namespace."""
    mode = container.record.host_config.network_mode
    if container.record.config.network_disabled:
        return "none"
    return None if mode.startswith("container:") else mode


def _check_pair(present: str, wanted: str) -> None:
    if wanted == "host" != present:
        raise InvalidArgument(NOT_HOST)
    if present != wanted and present == "host":
        raise InvalidArgument(SHARED)
    if present != wanted:
        raise InvalidArgument(NO_OTHER)


def _check_settings(settings: EndpointSettings, network: Network) -> None:
    """As for a new container, but the sentence begins without the configuration that there is none of here."""
    try:
        check_endpoint(settings, network.name)
    except InvalidArgument as error:
        raise InvalidArgument(error.message.removeprefix(f"invalid config for network {network.name}: ")) from error
