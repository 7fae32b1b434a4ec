"""What networks do in the kernel: bridge, links, rules, held ports. Blocking; runs in the threads of `local`."""

import logging
import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

from slipway.base.errors import EngineError
from slipway.dockerd.networks import rules
from slipway.dockerd.networks.bridge import Bridge, ensure_bridge, link_group, sweep
from slipway.dockerd.networks.model import EndpointRecord, EndpointRequest
from slipway.dockerd.networks.packet_filter import PacketFilter
from slipway.dockerd.networks.ports import HeldPort, PortTable
from slipway.dockerd.networks.sandbox import HostThread, LinkPlan, make_sandbox
from slipway.service.instance import Instance

logger = logging.getLogger(__name__)


class KernelWork:
    """One engine's part of the kernel. Any method may be called from any thread of the pool."""

    def __init__(self, instance: Instance, packet_filter: PacketFilter) -> None:
        self._instance = instance
        self._filter = packet_filter
        self._host = HostThread()
        self._ports = PortTable(has_ipv6=os.path.exists("/proc/net/if_inet6"))
        self._ports_lock = threading.Lock()
        self._group = link_group(instance)

    def start(self, records: Sequence[EndpointRecord]) -> Bridge:
        """Bring everything to what `records` say, whatever an earlier daemon left."""
        bridge = ensure_bridge(self._host.connection, self._instance)
        elements = [element for record in records for element in rules.elements_of(record.ports, record.ipv4_address)]
        self._filter.install(bridge.name, bridge.address.network, elements)
        names = {record.host_interface for record in records}
        self.sweep(bridge, lambda: names)
        for record in records:
            self._take_over_ports(record)
        for table, chain in self._filter.dropping_forward_chains():
            logger.warning(
                "chain %s of the firewall table %s drops what is forwarded, containers' packets too; "
                "accept there what comes from and goes to %s",
                chain,
                table,
                bridge.name,
            )
        return bridge

    def connect(self, bridge: Bridge, record: EndpointRecord, request: EndpointRequest) -> tuple[EndpointRecord, int]:
        """The record with its published ports, and a descriptor of the new namespace. On an error nothing is left."""
        with ExitStack() as undo:
            if request.ports:
                record = self._publish(record, request, undo)
            namespace = make_sandbox(self._host, self._plan(bridge, record))
            undo.callback(os.close, namespace)
            self._filter.publish(rules.elements_of(record.ports, record.ipv4_address))
            undo.pop_all()
            return record, namespace

    def disconnect(self, record: EndpointRecord) -> None:
        try:
            self._filter.unpublish(rules.elements_of(record.ports, record.ipv4_address))
        finally:
            self.release_ports(record.container_id)

    def held_ports(self, container_id: str) -> Sequence[HeldPort]:
        return self._ports.of(container_id)

    def release_ports(self, container_id: str) -> None:
        with self._ports_lock:
            self._ports.release(container_id)

    def sweep(self, bridge: Bridge, kept: Callable[[], Collection[str]]) -> None:
        """Delete our links that belong to no container; `kept` is asked from this thread, after the links."""
        try:
            removed = sweep(self._host.connection, bridge, self._group, kept)
        except OSError as error:
            logger.warning("sweep links: %s", error)
            return
        if removed:
            logger.info("removed links of containers that are gone: %s", " ".join(removed))

    def _publish(self, record: EndpointRecord, request: EndpointRequest, undo: ExitStack) -> EndpointRecord:
        try:
            with self._ports_lock:
                held = self._ports.publish(record.container_id, request.ports, record.ipv4_address)
        except EngineError as error:
            name = f"{record.container_name} ({record.endpoint_id})"
            raise type(error)(
                f"driver failed programming external connectivity on endpoint {name}: {error.message}", error.hint
            ) from error
        undo.callback(self.release_ports, record.container_id)
        return replace(record, ports=tuple(each.port for each in held))

    def _take_over_ports(self, record: EndpointRecord) -> None:
        with self._ports_lock:
            refused = self._ports.take_over(record.container_id, record.ports)
        for port, reason in refused.items():
            logger.warning("port %d/%s stays published, but is not held: %s", port.host_port, port.protocol, reason)

    def _plan(self, bridge: Bridge, record: EndpointRecord) -> LinkPlan | None:
        if not record.ipv4_address:
            return None
        return LinkPlan(
            host_interface=record.host_interface,
            bridge_index=bridge.index,
            group=self._group,
            mac_address=bytes.fromhex(record.mac_address.replace(":", "")),
            address=IPv4Interface((record.ipv4_address, record.ipv4_prefix_length)),
            gateway=IPv4Address(record.gateway),
            publishes=bool(record.ports),
        )
