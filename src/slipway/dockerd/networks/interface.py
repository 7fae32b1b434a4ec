"""What containers ask of networks: a namespace with an address before they start, and its ports given back when they
end."""

from collections.abc import Iterable
from typing import Protocol

from slipway.dockerd.networks.model import EndpointRecord, EndpointRequest, Network, Sandbox

__all__ = ["EndpointRecord", "EndpointRequest", "Network", "Networks", "Sandbox"]


class Networks(Protocol):
    """The networks of one engine. All calls return quickly to the event loop; kernel work happens in threads.

    Life of an endpoint: `connect` (beside the preparation of the root file system) → store
    `sandbox.endpoint.document()` with the container → start the task → `release_sandbox` once the task is created (its
    first process holds the namespace then) → at exit `disconnect(endpoint)`.

    Modes: for `none` call `connect` with network "none" (an empty namespace with loopback up); for `host` and
    `container:<id>` call nothing: the specification says the rest (`NamespacePaths.network` is "/proc/PID/ns/net").
    """

    @property
    def gateway(self) -> str:
        """The host's address as containers of the default bridge see it: what host-gateway means."""

    async def start(self, endpoints: Iterable[EndpointRecord]) -> None:
        """Make or adopt the default bridge and our firewall table; take over `endpoints` of containers that still run;
        remove whatever of ours belongs to no endpoint. Call once before anything else, again after nothing. Raises
        EngineError."""

    async def connect(self, request: EndpointRequest) -> Sandbox:
        """A network namespace of its own with address, routes, loopback, and published ports.

        Raises NotFound (no such network), FailedPrecondition ("driver failed programming external connectivity ...:
        port is already allocated"), Unavailable (no free address). On an error nothing is left. Cancelling waits for
        the thread, then undoes.
        """

    def release_sandbox(self, container_id: str) -> None:
        """Let go of the namespace: the container's process holds it now, or the start has failed. Idempotent."""

    async def disconnect(self, endpoint: EndpointRecord) -> None:
        """Unpublish the ports, free the address, let the namespace go. Idempotent; also for endpoints of an earlier
        dockerd. The veth pair dies with the namespace, or is deleted in the background where the namespace lives on."""

    def list(self) -> list[Network]:
        """bridge, host and none, and what else there is, by name."""

    def inspect(self, name_or_id: str) -> Network:
        """By name, id, or a prefix of the id that only one has. Raises NotFound: "network NAME not found"."""

    async def stop(self) -> None:
        """Let threads end. Bridge, rules and running containers stay as they are: the next dockerd takes them over."""
