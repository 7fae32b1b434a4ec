"""Tells the engine's listeners what happened to a container, its network and its volumes."""

from contextlib import suppress

from slipway.base.errors import NotFound
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment


def announce(environment: ContainerEnvironment, container: Container, action: str, **attributes: str) -> None:
    """Publish `action` with what the original adds: name, image, and the container's labels."""
    record = container.record
    known = {**(record.config.labels or {}), "image": record.config.image, "name": record.name}
    environment.events.publish("container", action, record.id, {**known, **attributes})


def announce_network(environment: ContainerEnvironment, container: Container, action: str) -> None:
    """`connect` or `disconnect`; nothing for a container that shares another's network."""
    mode = container.record.host_config.network_mode
    if mode.startswith("container:"):
        return
    with suppress(NotFound):  # its network is gone
        network = environment.networks.inspect(mode)
        attributes = {"container": container.id, "name": network.name, "type": network.driver}
        environment.events.publish("network", action, network.id, attributes)


def announce_mounts(environment: ContainerEnvironment, container: Container) -> None:
    for point in container.record.mount_points:
        if point.type == "volume":
            attributes = {
                "container": container.id,
                "destination": point.destination,
                "driver": point.driver,
                "propagation": point.propagation,
                "read/write": "true" if point.rw else "false",
            }
            environment.events.publish("volume", "mount", point.name, attributes)


def announce_unmounts(environment: ContainerEnvironment, container: Container) -> None:
    for point in container.record.mount_points:
        if point.type == "volume":
            attributes = {"container": container.id, "driver": point.driver}
            environment.events.publish("volume", "unmount", point.name, attributes)
