"""What a container inherits from its image. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig, HealthConfig
from slipway.contracts.engine_api.schema import EmptyObject


def merged_config(asked: ContainerConfig, image: ContainerConfig) -> ContainerConfig:
    """The configuration that holds: what was asked for, completed by the image's.

    As the original: an entrypoint of one's own drops the image's command; a command of one's own keeps its entrypoint.
    An empty string as entrypoint resets the image's. Raises InvalidArgument when no command results.
    """
    entrypoint, command = asked.entrypoint, asked.cmd
    if not entrypoint:
        command = command or image.cmd
        if entrypoint is None:
            entrypoint = image.entrypoint
    if entrypoint == ("",):
        entrypoint = None
    if not entrypoint and not command:
        raise InvalidArgument("no command specified")
    return replace(
        asked,
        user=asked.user or image.user,
        exposed_ports=_united(asked.exposed_ports, image.exposed_ports),
        env=_environment(asked.env, image.env),
        labels={**(image.labels or {}), **(asked.labels or {})},
        entrypoint=entrypoint,
        cmd=command,
        healthcheck=_health_check(asked.healthcheck, image.healthcheck),
        working_dir=asked.working_dir or image.working_dir,
        volumes=_united(asked.volumes, image.volumes),
        stop_signal=asked.stop_signal or image.stop_signal,
    )


def command_line(config: ContainerConfig) -> tuple[str, ...]:
    """Entrypoint and command of a merged configuration."""
    return (*(config.entrypoint or ()), *(config.cmd or ()))


def _united(
    asked: Mapping[str, EmptyObject] | None, image: Mapping[str, EmptyObject] | None
) -> Mapping[str, EmptyObject] | None:
    if not asked:
        return image
    return {**asked, **(image or {})}


def _environment(asked: Sequence[str] | None, image: Sequence[str] | None) -> tuple[str, ...] | None:
    if not asked:
        return tuple(image) if image is not None else None
    known = {variable.partition("=")[0] for variable in asked}
    return (*asked, *(variable for variable in image or () if variable.partition("=")[0] not in known))


def _health_check(asked: HealthConfig | None, image: HealthConfig | None) -> HealthConfig | None:
    if asked is None or image is None:
        return asked or image
    names = [each.name for each in fields(HealthConfig)]
    return HealthConfig(**{name: getattr(asked, name) or getattr(image, name) for name in names})
