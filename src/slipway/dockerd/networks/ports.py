"""Which ports of the host are published. Each is held by a socket, so that nobody else takes it, and somebody who has
it is noticed.

Packets for a published IPv4 port never reach the socket: the firewall sends them on. An IPv6 one is served by the
relay.
"""

import errno
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument
from slipway.dockerd.networks.model import PortRequest, PublishedPort

KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
EVERY_IPV4, EVERY_IPV6 = "0.0.0.0", "::"
ATTEMPTS_FOR_BOTH_FAMILIES = 16  # a port that the kernel finds free for IPv4 may be taken for IPv6
BACKLOG = 128


@dataclass(frozen=True, kw_only=True)
class HeldPort:
    """A published port and the socket that holds it; None where the kernel has no such protocol."""

    port: PublishedPort
    socket: socket.socket | None


class PortTable:
    """The published ports of one engine, by container."""

    def __init__(self, *, has_ipv6: bool) -> None:
        self._has_ipv6 = has_ipv6
        self._held: dict[str, list[HeldPort]] = {}
        self._addresses_of: dict[tuple[str, int], list[str]] = {}  # (protocol, port) → addresses it is published on

    def publish(self, container_id: str, requests: Iterable[PortRequest], address: str) -> list[HeldPort]:
        """Hold a port for each request; `address` is the container's, for the error. All of them, or none and an
        error."""
        held: list[HeldPort] = []
        try:
            for request in requests:
                one = self._hold_one_of_range(request, address)
                self._note(one)
                held += one
        except BaseException:
            self._forget(held)
            raise
        self._held[container_id] = held
        return held

    def take_over(self, container_id: str, ports: Iterable[PublishedPort]) -> Mapping[PublishedPort, str]:
        """Hold again what an earlier daemon published. A port that somebody took meanwhile stays published, without
        being held: those are returned with the reason."""
        held, refused = [], {}
        for port in ports:
            try:
                held.append(HeldPort(port=port, socket=_held_socket(port.protocol, port.host_address, port.host_port)))
            except OSError as error:
                held.append(HeldPort(port=port, socket=None))
                refused[port] = os.strerror(error.errno or 0)
        self._note(held)
        self._held[container_id] = held
        return refused

    def release(self, container_id: str) -> None:
        """Idempotent."""
        self._forget(self._held.pop(container_id, []))

    def of(self, container_id: str) -> Sequence[HeldPort]:
        return self._held.get(container_id, [])

    def _hold_one_of_range(self, request: PortRequest, address: str) -> list[HeldPort]:
        """The first port of the request's range that nobody has; the last one's error when all are taken."""
        if request.protocol not in KINDS:
            raise InvalidArgument(f"invalid protocol: {request.protocol}")
        hosts = self._addresses(request.host_address)
        if not request.host_port_low:
            return self._hold_any(request, hosts, address)
        last_error: EngineError | None = None
        for number in range(request.host_port_low, request.host_port_high + 1):
            try:
                self._check_ours(request.protocol, hosts, number)
                return _hold(request, hosts, number, address)
            except EngineError as error:
                last_error = error
        raise last_error or InvalidArgument("invalid range of host ports")

    def _hold_any(self, request: PortRequest, hosts: list[str], address: str) -> list[HeldPort]:
        """A port that the kernel chooses, the same one for both families."""
        for attempt in range(ATTEMPTS_FOR_BOTH_FAMILIES):
            first = _hold(request, hosts[:1], 0, address)
            try:
                return first + _hold(request, hosts[1:], first[0].port.host_port, address)
            except EngineError:
                _close(first)
                if attempt == ATTEMPTS_FOR_BOTH_FAMILIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _check_ours(self, protocol: str, hosts: list[str], number: int) -> None:
        for host in hosts:
            if any(_overlap(host, other) for other in self._addresses_of.get((protocol, number), ())):
                raise FailedPrecondition(f"Bind for {host}:{number} failed: port is already allocated")

    def _note(self, held: Iterable[HeldPort]) -> None:
        for each in held:
            self._addresses_of.setdefault(_key(each.port), []).append(each.port.host_address)

    def _forget(self, held: Iterable[HeldPort]) -> None:
        for each in held:
            addresses = self._addresses_of[_key(each.port)]
            addresses.remove(each.port.host_address)
            if not addresses:
                del self._addresses_of[_key(each.port)]
        _close(held)

    def _addresses(self, wanted: str) -> list[str]:
        if wanted:
            return [wanted.strip("[]")]
        return [EVERY_IPV4, EVERY_IPV6] if self._has_ipv6 else [EVERY_IPV4]


def _key(port: PublishedPort) -> tuple[str, int]:
    return port.protocol, port.host_port


def _overlap(one: str, other: str) -> bool:
    if (":" in one) != (":" in other):
        return False
    return one == other or EVERY_IPV4 in (one, other) or EVERY_IPV6 in (one, other)


def _hold(request: PortRequest, hosts: Iterable[str], number: int, address: str) -> list[HeldPort]:
    held: list[HeldPort] = []
    for host in hosts:
        try:
            holder = _held_socket(request.protocol, host, number)
        except OSError as error:
            _close(held)
            raise _bind_error(request, host, number, address, error) from error
        actual = holder.getsockname()[1] if holder else number
        port = PublishedPort(
            container_port=request.container_port, protocol=request.protocol, host_address=host, host_port=actual
        )
        held.append(HeldPort(port=port, socket=holder))
    return held


def _held_socket(protocol: str, host: str, number: int) -> socket.socket | None:
    """A socket bound there (and listening, else two of them could share a TCP port); None for a protocol not loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind, protocol_number = KINDS[protocol]
    try:
        holder = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol_number)
    except OSError as error:
        if error.errno == errno.EPROTONOSUPPORT and number:
            return None
        raise
    try:
        if family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, number))
        if kind == socket.SOCK_STREAM:
            holder.listen(BACKLOG)
    except BaseException:
        holder.close()
        raise
    return holder


def _bind_error(request: PortRequest, host: str, number: int, address: str, error: OSError) -> EngineError:
    shown = f"[{host}]" if ":" in host else host
    cause = (error.strerror or "").lower()
    return FailedPrecondition(
        f"failed to bind host port for {shown}:{number}:{address}:{request.container_port}/{request.protocol}: {cause}"
    )


def _close(held: Iterable[HeldPort]) -> None:
    for each in held:
        if each.socket:
            each.socket.close()
