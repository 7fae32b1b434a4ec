"""Tells the engine's listeners what happened to a container."""

from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.environment import ContainerEnvironment


def announce(environment: ContainerEnvironment, container: Container, action: str, **attributes: str) -> None:
    """Publish `action` with what the original adds: name, image, and the container's labels."""
    record = container.record
    known = {**(record.config.labels or {}), "image": record.config.image, "name": record.name}
    environment.events.publish("container", action, record.id, {**known, **attributes})
