"""The networks of this machine: the default bridge, `none` and `host`. Implements `Networks`."""

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import NoReturn, TypeVar, TypeVarTuple

from slipway.base.clock import Clock
from slipway.base.errors import EngineError, InternalError, InvalidArgument, PermissionDenied
from slipway.base.exhaustion import sentence
from slipway.dockerd.networks.addresses import AddressPool, mac_from_address
from slipway.dockerd.networks.bridge import Bridge
from slipway.dockerd.networks.catalogue import NONE, find_network, known_networks
from slipway.dockerd.networks.kernel_work import KernelWork
from slipway.dockerd.networks.model import EndpointRecord, EndpointRequest, Network, Sandbox
from slipway.dockerd.networks.packet_filter import NftablesFilter, PacketFilter
from slipway.dockerd.networks.relay import Relay
from slipway.service.instance import Instance

THREADS = 4  # the kernel makes one namespace or link at a time (its rtnl lock); more would only wait there
SECONDS_UNTIL_SWEEP = 2.0  # by then the kernel has taken an ended container's namespace apart, and its link with it

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


@dataclass(kw_only=True)
class _Endpoint:
    """A connected container. `namespace` is the descriptor that keeps its namespace, -1 when let go."""

    record: EndpointRecord
    namespace: int = -1


@dataclass(frozen=True, kw_only=True)
class _Started:
    bridge: Bridge
    pool: AddressPool


class LocalNetworks:
    """See `interface.Networks`. State changes on the event loop only; the kernel's work is done in threads."""

    def __init__(self, instance: Instance, clock: Clock, packet_filter: PacketFilter | None = None) -> None:
        self._instance = instance
        self._created = clock.now()
        self._kernel = KernelWork(instance, packet_filter or NftablesFilter(instance.firewall_table))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="network")
        self._endpoints: dict[str, _Endpoint] = {}
        self._links: set[str] = set()  # host interfaces in use, from before they are made until after they are let go
        self._relay = Relay()
        self._started: _Started | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def gateway(self) -> str:
        """The host as containers of the default bridge see it (`--add-host NAME:host-gateway`)."""
        return str(self._running.bridge.address.ip)

    async def start(self, endpoints: Iterable[EndpointRecord]) -> None:
        records = tuple(endpoints)
        bridged = tuple(record for record in records if record.ipv4_address)
        bridge = await self._in_thread(self._kernel.start, bridged)
        self._started = _Started(bridge=bridge, pool=AddressPool(bridge.address))
        for record in records:
            self._endpoints[record.container_id] = _Endpoint(record=record)
            self._links.add(record.host_interface)
        for record in bridged:
            with suppress(EngineError):  # the bridge has another network than then: the container keeps what it has
                self._started.pool.allocate(record.ipv4_address)
            await self._relay.serve(self._kernel.held_ports(record.container_id), record.ipv4_address)

    async def connect(self, request: EndpointRequest) -> Sandbox:
        network = self.inspect(request.network)
        if network.driver == "host":
            raise InvalidArgument("a container of the host's network has no endpoint of its own")
        record = self._new_record(request, network)
        work = asyncio.ensure_future(self._in_thread(self._kernel.connect, self._running.bridge, record, request))
        try:
            record, namespace = await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._undo(work, record)
            raise
        except BaseException:
            self._release(record)
            raise
        self._endpoints[record.container_id] = _Endpoint(record=record, namespace=namespace)
        await self._relay.serve(self._kernel.held_ports(record.container_id), record.ipv4_address)
        return Sandbox(path=f"/proc/{os.getpid()}/fd/{namespace}", endpoint=record)

    def release_sandbox(self, container_id: str) -> None:
        endpoint = self._endpoints.get(container_id)
        if endpoint and endpoint.namespace >= 0:
            os.close(endpoint.namespace)
            endpoint.namespace = -1

    async def disconnect(self, endpoint: EndpointRecord) -> None:
        if self._stopped:
            return  # a request that was broken off: the next daemon takes back what no container has
        known = self._endpoints.get(endpoint.container_id)
        if known is None or known.record.endpoint_id != endpoint.endpoint_id:
            return
        self.release_sandbox(endpoint.container_id)
        del self._endpoints[endpoint.container_id]
        self._relay.stop(known.record.ports)
        try:
            if known.record.ports:
                await self._in_thread(self._kernel.disconnect, known.record)
        finally:
            self._release(known.record)
            self._sweep_later()

    def list(self) -> list[Network]:
        address = self._started.bridge.address if self._started else None
        records = (endpoint.record for endpoint in self._endpoints.values())
        return known_networks(self._instance, self._created, address, records)

    def inspect(self, name_or_id: str) -> Network:
        return find_network(self.list(), name_or_id)

    async def stop(self) -> None:
        self._stopped = True
        if self._sweep:
            self._sweep.cancel()
        self._relay.stop_all()
        for container_id in self._endpoints:
            self.release_sandbox(container_id)
            self._kernel.release_ports(container_id)
        self._threads.shutdown(wait=False)

    async def _undo(self, work: "asyncio.Future[tuple[EndpointRecord, int]]", record: EndpointRecord) -> None:
        """The caller went away: wait for the thread, then take back what it made."""
        try:
            record, namespace = await work
        except EngineError:
            self._release(record)
            return
        self._endpoints[record.container_id] = _Endpoint(record=record, namespace=namespace)
        await self.disconnect(record)

    def _new_record(self, request: EndpointRequest, network: Network) -> EndpointRecord:
        record = EndpointRecord(
            endpoint_id=secrets.token_hex(32),
            container_id=request.container_id,
            container_name=request.container_name,
            network=network.name,
            network_id=network.id,
        )
        if network.name == NONE:
            return record
        gateway = self._running.bridge.address
        address = self._running.pool.allocate(request.ipv4_address)
        host_interface = f"veth{secrets.token_hex(4)[:7]}"
        self._links.add(host_interface)
        return replace(
            record,
            ipv4_address=str(address),
            ipv4_prefix_length=gateway.network.prefixlen,
            gateway=str(gateway.ip),
            mac_address=request.mac_address or mac_from_address(address).hex(":"),
            host_interface=host_interface,
        )

    def _release(self, record: EndpointRecord) -> None:
        self._links.discard(record.host_interface)
        if record.ipv4_address:
            self._running.pool.release(IPv4Address(record.ipv4_address))

    def _sweep_later(self) -> None:
        """A namespace that outlives its container (another one has joined it) keeps a link that must go."""
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SECONDS_UNTIL_SWEEP, self._start_sweep)

    def _start_sweep(self) -> None:
        self._sweep = None
        self._threads.submit(self._kernel.sweep, self._running.bridge, self._links.copy)

    @property
    def _running(self) -> _Started:
        if self._started is None:
            raise InternalError("networks are not started")
        return self._started

    async def _in_thread(self, call: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, call, *arguments)
        except OSError as error:
            _raise_engine_error(error)


def _raise_engine_error(error: OSError) -> NoReturn:
    if isinstance(error, PermissionError):
        raise PermissionDenied(sentence(error), hint="the engine must run as root") from error
    raise InternalError(sentence(error)) from error
