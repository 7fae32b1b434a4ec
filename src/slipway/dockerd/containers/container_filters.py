"""Which values the filters of `docker ps` may have, and what they mean. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.filters import Filters
from slipway.dockerd.containers.health.decide import STATUSES, status_of
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.model import ContainerRecord, ContainerState

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_PORT: Final = re.compile(r"[0-9]+")
_LAST_PORT: Final = 65535
_LARGEST: Final = 1 << 63


def exit_codes(filters: Filters) -> frozenset[int]:
    """Of `exited`. Raises InvalidArgument."""
    return frozenset(_exit_code(text) for text in filters.values("exited"))


def check_statuses(filters: Filters) -> None:
    """Raises InvalidArgument for a `status` that there is not."""
    for status in filters.values("status"):
        if status not in [each.value for each in Status]:
            words = ", ".join(each.value for each in Status)
            raise InvalidArgument(
                f"invalid filter 'status={status}': invalid value for state ({status}): must be one of {words}"
            )


def check_healths(filters: Filters) -> None:
    """Raises InvalidArgument for a `health` that there is not."""
    for health in filters.values("health"):
        if health not in STATUSES:
            words = ", ".join(STATUSES)
            raise InvalidArgument(
                f"invalid filter 'health={health}': invalid value for health ({health}): must be one of {words}"
            )


def ports(filters: Filters, name: str) -> frozenset[tuple[int, str]]:
    """(number, protocol) of `publish` or `expose`: 80, 80/udp, 8000-9000/tcp. Raises InvalidArgument."""
    found: set[tuple[int, str]] = set()
    for text in filters.values(name):
        if ":" in text:
            raise InvalidArgument(f"filter for '{name}' should not contain ':': {text}")
        number, _, rest = text.partition("/")
        try:
            low, high = _port_range(number)
        except ValueError as error:
            raise InvalidArgument(f"error while looking up for {name} {text}: {error}") from error
        protocol = rest.partition("/")[0] or "tcp"
        found.update((port, protocol) for port in range(low, high + 1))
    return frozenset(found)


def has_state(state: ContainerState, filters: Filters, codes: frozenset[int]) -> bool:
    """Of `exited`, `status` and `health`. What restarts has not exited, and what never ran neither."""
    runs = state.is_running or state.status == Status.RESTARTING
    if codes and (runs or not state.started_at or state.exit_code not in codes):
        return False
    return filters.equals("status", state.status.value) and filters.equals("health", status_of(state.health))


def has_volume(record: ContainerRecord, filters: Filters) -> bool:
    """By the place in the container, the volume's name, or the folder of the host that is bound."""
    if "volume" not in filters:
        return True
    known = {point.destination for point in record.mount_points}
    known |= {point.name or point.source for point in record.mount_points}
    return any(value in known for value in filters.values("volume"))


def has_network(record: ContainerRecord, state: ContainerState, filters: Filters) -> bool:
    """By the network's name, or the beginning of its id."""
    if "network" not in filters:
        return True
    values = filters.values("network")
    return any(value in record.networks for value in values) or (
        bool(record.networks) and state.network_id.startswith(tuple(values))
    )


def has_port(
    listed: Iterable[Mapping[str, Any]], published: frozenset[tuple[int, str]], exposed: frozenset[tuple[int, str]]
) -> bool:
    """Whether one of a container's ports is one of either; `listed` as in GET /containers/json."""
    if not published and not exposed:
        return True
    return any(
        (port.get("PublicPort", 0), port["Type"]) in published or (port["PrivatePort"], port["Type"]) in exposed
        for port in listed
    )


def _exit_code(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise InvalidArgument(f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": invalid syntax")
    if len(text) > 20 or not -_LARGEST <= int(text) < _LARGEST:
        raise InvalidArgument(f"invalid filter 'exited={text}': strconv.Atoi: parsing \"{text}\": value out of range")
    return int(text)


def _port_range(text: str) -> tuple[int, int]:
    """ValueError has the original's words."""
    if not text:
        raise ValueError("empty string specified for ports")
    low, *rest = text.split("-")
    first = _port(low)
    last = _port(rest[0]) if rest else first
    if last < first:
        raise ValueError(f"invalid range specified for port: {text}")
    return first, last


def _port(text: str) -> int:
    if not _PORT.fullmatch(text):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 20 or int(text) > _LAST_PORT:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return int(text)
