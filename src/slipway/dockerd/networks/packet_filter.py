"""What publishing ports asks of the machine's firewall; by nf_tables here. Blocking, from any thread."""

import errno
import logging
import threading
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Protocol

from slipway.base.errors import NotImplementedByEngine
from slipway.dockerd.networks import rules
from slipway.dockerd.networks.rules import Element
from slipway.linux.netlink.connection import Request
from slipway.linux.nftables import Firewall, Table, is_missing

logger = logging.getLogger(__name__)


class PacketFilter(Protocol):
    """Rules and published ports of one bridge, in places that are ours alone."""

    def install(self, bridge: str, network: IPv4Network, elements: Sequence[Element]) -> None:
        """Put our rules and these ports in the place of whatever of ours was there, at once. Raises
        NotImplementedByEngine where the kernel cannot, OSError otherwise."""

    def publish(self, elements: Sequence[Element]) -> None:
        """All or none. UDP senders that are at it already come to the container too."""

    def unpublish(self, elements: Sequence[Element]) -> None:
        """All or none; they must have been published. UDP senders do not go on sending to the container's address."""

    def dropping_forward_chains(self) -> list[tuple[str, str]]:
        """(table, chain) of others' chains that drop what they do not know: our containers' packets too."""


class NftablesFilter:
    """A PacketFilter in one nf_tables table."""

    def __init__(self, table: str) -> None:
        self._table = Table(table)
        self._own = threading.local()

    def install(self, bridge: str, network: IPv4Network, elements: Sequence[Element]) -> None:
        try:
            self._firewall.commit(rules.whole_table(self._table, bridge, network, elements))
        except OSError as error:
            if is_missing(error):
                raise NotImplementedByEngine(
                    f"{error.filename}: {error.strerror}",
                    hint="the kernel needs nf_tables with NAT (modprobe nft_nat nft_masq nft_fib_ipv4), and no "
                    "iptables-legacy NAT rules in this network namespace",
                ) from error
            raise

    def publish(self, elements: Sequence[Element]) -> None:
        if elements:
            self._firewall.commit(rules.publish(self._table, elements))
            self._forget(rules.connections_before(elements))

    def unpublish(self, elements: Sequence[Element]) -> None:
        if elements:
            self._firewall.commit(rules.unpublish(self._table, elements))
            self._forget(rules.connections_of(elements))

    def _forget(self, requests: Sequence[Request]) -> None:
        try:
            for request in requests:
                self._firewall.send([request])
        except OSError as error:
            if error.errno != errno.ENOENT:  # nothing was tracked
                logger.warning("%s: %s", error.filename, error.strerror)

    def dropping_forward_chains(self) -> list[tuple[str, str]]:
        return self._firewall.dropping_forward_chains()

    @property
    def _firewall(self) -> Firewall:
        """A netlink socket is not to be shared: each thread has one."""
        firewall: Firewall | None = getattr(self._own, "firewall", None)
        if firewall is None:
            firewall = self._own.firewall = Firewall()
        return firewall
