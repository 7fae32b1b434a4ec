"""Which containers `docker ps` shows. Pure, but for the registry's iteration."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.identifiers import integer_from_text
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.health.decide import status_of
from slipway.dockerd.containers.lifecycle import Status
from slipway.dockerd.containers.registry import ContainerRegistry

FILTERS: Final = frozenset(
    ("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name", "network")
) | {"publish", "since", "status", "volume"}
Filters = Mapping[str, Sequence[str]]


def select(registry: ContainerRegistry, *, everything: bool, limit: int, filters: Filters) -> list[Container]:
    """Newest first. A filter on status, or a limit, shows those that do not run, too.

    Raises InvalidArgument, NotFound.
    """
    for name in filters:
        if name not in FILTERS:
            raise InvalidArgument(f"invalid filter '{name}'")
    _check_statuses(filters.get("status", ()))
    everything = everything or limit > 0 or any(name in filters for name in ("status", "exited", "before", "since"))
    newest = sorted(registry, key=lambda container: container.record.created, reverse=True)
    before = _created(registry, filters.get("before", ()))
    since = _created(registry, filters.get("since", ()))
    found = []
    for container in newest:
        if not everything and not (container.state.is_running or container.state.status == Status.RESTARTING):
            continue
        if before is not None and container.record.created >= before:
            continue
        if since is not None and container.record.created <= since:
            continue
        if _passes(container, filters):
            found.append(container)
            if 0 < limit <= len(found):
                break
    return found


def has_labels(labels: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """Whether every `KEY` or `KEY=VALUE` of `wanted` holds."""
    for text in wanted:
        key, separator, value = text.partition("=")
        if key not in labels or (separator and labels[key] != value):
            return False
    return True


def _passes(container: Container, filters: Filters) -> bool:
    record, state = container.record, container.state
    checks: dict[str, Callable[[Sequence[str]], bool]] = {
        "id": lambda values: any(record.id.startswith(value) for value in values),
        "name": lambda values: any(value.strip("^$/") in record.name for value in values),
        "status": lambda values: state.status.value in values,
        "label": lambda values: has_labels(record.config.labels or {}, values),
        "exited": lambda values: state.status == Status.EXITED and str(state.exit_code) in values,
        "ancestor": lambda values: any(_is_ancestor(container, value) for value in values),
        "network": lambda values: any(value in record.networks for value in values),
        "volume": lambda values: any(
            value in (point.name, point.destination) for point in record.mount_points for value in values
        ),
        "health": lambda values: status_of(state.health) in values,
        "is-task": lambda values: "false" in values,
        "expose": lambda values: any(_has_port(record.config.exposed_ports or {}, value) for value in values),
        "publish": lambda values: any(_has_port(record.host_config.port_bindings or {}, value) for value in values),
    }
    return all(check(filters[name]) for name, check in checks.items() if name in filters)


def _is_ancestor(container: Container, value: str) -> bool:
    image_id = container.record.image_id
    name = container.record.config.image
    return (
        value in (name, image_id, f"{name}:latest")
        or name == f"{value}:latest"
        or (len(value) >= 4 and image_id.removeprefix("sha256:").startswith(value))
    )


def _has_port(ports: Mapping[str, object], value: str) -> bool:
    return any(port == value or port.partition("/")[0] == value for port in ports)


def _check_statuses(statuses: Sequence[str]) -> None:
    for status in statuses:
        if status not in [each.value for each in Status]:
            words = "created, running, paused, restarting, removing, exited, dead"
            raise InvalidArgument(
                f"invalid filter 'status={status}': invalid value for state ({status}): must be one of {words}"
            )


def _created(registry: ContainerRegistry, names: Sequence[str]) -> int | None:
    if not names:
        return None
    try:
        return registry.find(names[0]).record.created
    except NotFound as error:
        raise NotFound(f"no such container: {names[0]}") from error


def limit_from_text(text: str) -> int:
    """-1 and empty mean none."""
    return integer_from_text(text, "limit", low=-1, high=1 << 31) if text else -1
