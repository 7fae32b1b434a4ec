"""The body of POST /containers/create: a container's configuration with two more members among its own."""

# ruff: noqa: RUF009 - `member` only describes a field

from dataclasses import dataclass

from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig
from slipway.contracts.engine_api.networks import EndpointSettings, NetworkingConfig
from slipway.contracts.engine_api.schema import decode, member


@dataclass(frozen=True, kw_only=True)
class CreateRequest:
    """What is asked for; what is not said has its defaults."""

    config: ContainerConfig
    host_config: HostConfig
    networks: dict[str, EndpointSettings]


@dataclass(frozen=True, kw_only=True)
class _Parts:
    host_config: HostConfig = member(factory=HostConfig)
    networking_config: NetworkingConfig = member(factory=NetworkingConfig)


def create_request_from_document(document: object) -> CreateRequest:
    """Names match without regard to case, those of the two parts too. Raises InvalidArgument naming the member."""
    parts = decode(_Parts, document, "config")
    endpoints = parts.networking_config.endpoints_config or {}
    return CreateRequest(
        config=decode(ContainerConfig, document, "config"),
        host_config=parts.host_config,
        networks={name: settings or EndpointSettings() for name, settings in endpoints.items()},
    )
