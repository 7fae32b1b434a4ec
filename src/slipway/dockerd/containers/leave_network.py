"""`docker network disconnect`."""

from typing import Final

from slipway.base.errors import FailedPrecondition, InvalidArgument, NotFound, NotImplementedByEngine
from slipway.dockerd.containers.environment import ContainerEnvironment
from slipway.dockerd.containers.join_network import network_of

FROM_HOST: Final = "cannot disconnect container from host network - container was created in host network mode"


def leave_network(environment: ContainerEnvironment, reference: str, network: str, *, force: bool) -> None:
    """Refuse in the original's words; leaving the network that a container does have comes later.

    Raises NotFound, InvalidArgument, NotImplementedByEngine; FailedPrecondition for a network that it is not in (the
    original answers 500 there, having no kind for the error). `force` also takes the endpoint of a container that has
    gone.
    """
    try:
        container = environment.registry.find(reference)
    except NotFound:
        if not force:
            raise
        environment.networks.inspect(network)
        raise NotFound(f"endpoint {reference} not found") from None
    name = environment.networks.inspect(network).name
    if name != network_of(container):
        which = "network" if container.state.is_running else "the network"
        raise FailedPrecondition(f"container {container.id} is not connected to {which} {name}")
    if name == "host" and container.state.is_running:
        raise InvalidArgument(FROM_HOST)
    raise NotImplementedByEngine("disconnecting containers from networks is not supported by this engine yet")
