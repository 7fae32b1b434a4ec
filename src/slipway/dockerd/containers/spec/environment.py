"""The environment of a container's first process."""

from collections.abc import Iterable

from slipway.contracts.oci.defaults import DEFAULT_PATH


def container_environment(
    hostname: str, *, terminal: bool, links: Iterable[str], configured: Iterable[str]
) -> list[str]:
    """PATH, HOSTNAME, TERM for a terminal, those of legacy links; then what was configured, which replaces or
    removes."""
    environment = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={hostname}"]
    if terminal:
        environment.append("TERM=xterm")
    return overridden([*environment, *links], configured)


def overridden(defaults: Iterable[str], overrides: Iterable[str]) -> list[str]:
    """`defaults` with each override in the place of its name, or at the end; an override without "=" removes the name.

    A name keeps its place among the defaults; a name that appears twice among the overrides appears twice at the end
    unless it was a default (moby, container/env.go).
    """
    values: list[str | None] = list(defaults)
    places = {value.partition("=")[0]: place for place, value in enumerate(values) if value is not None}
    for override in overrides:
        name, has_value, _ = override.partition("=")
        if name in places:
            values[places[name]] = override if has_value else None
        elif has_value:
            values.append(override)
    return [value for value in values if value]
