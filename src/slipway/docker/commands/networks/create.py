"""docker network create."""

from slipway.base.errors import InvalidArgument
from slipway.docker.command import Command
from slipway.docker.options import validation, variables
from slipway.docker.options.flags import Flag, boolean, comma_separated, mapping, text, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _flags() -> list[Flag]:
    return [
        boolean("attachable", "Let containers attach by hand"),
        mapping("aux-address", "Addresses that the driver uses for itself"),
        text("config-from", "Network whose configuration to copy"),
        boolean("config-only", "Make a configuration only"),
        text("driver", "Driver of the network", short="d", default="bridge"),
        comma_separated("gateway", "Gateway of the subnet, IPv4 or IPv6"),
        boolean("ingress", "Make the routing mesh of a swarm", is_hidden=True),
        boolean("internal", "Keep the network from the outside"),
        comma_separated("ip-range", "Range of the subnet that containers get addresses from"),
        text("ipam-driver", "Driver of address management", default="default"),
        mapping("ipam-opt", "Options of address management"),
        boolean("ipv4", "Give containers IPv4 addresses", default=True),
        boolean("ipv6", "Give containers IPv6 addresses"),
        texts("label", "Set labels on the network", convert=validation.label),
        mapping("opt", "Options of the driver", short="o"),
        text("scope", "Scope of the network"),
        comma_separated("subnet", "Subnet in CIDR notation"),
    ]


def _run(session: "Session", options: "Options") -> int:
    request: dict[str, Any] = {
        "Name": options.arguments[0],
        "Driver": options["driver"],
        "Scope": options["scope"],
        "EnableIPv4": options["ipv4"] if "ipv4" in options.changed else None,
        "EnableIPv6": options["ipv6"] if "ipv6" in options.changed else None,
        "IPAM": {
            "Driver": options["ipam-driver"],
            "Options": dict(options["ipam-opt"]),
            "Config": _pools(options),
        },
        "Internal": options["internal"],
        "Attachable": options["attachable"],
        "Ingress": options["ingress"],
        "ConfigOnly": options["config-only"],
        "ConfigFrom": {"Network": options["config-from"]} if options["config-from"] else None,
        "Options": dict(options["opt"]),
        "Labels": variables.pairs(options["label"]),
    }
    for name in ("EnableIPv4", "EnableIPv6"):
        if request[name] is None:
            del request[name]
    session.print(session.engine.post("/networks/create", None, request)["Id"])
    return 0


def _pools(options: "Options") -> "list[dict[str, Any]]":
    """One pool per subnet, with the gateway, range and addresses that lie in it."""
    ranges, gateways = list(options["ip-range"]), list(options["gateway"])
    subnets = list(options["subnet"])
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise InvalidArgument("every ip-range or gateway must have a corresponding subnet")
    import ipaddress

    pools: list[dict[str, Any]] = []
    try:
        networks = [ipaddress.ip_network(subnet, strict=False) for subnet in subnets]
        for index, network in enumerate(networks):
            if any(network.version == other.version and network.overlaps(other) for other in networks[:index]):
                raise InvalidArgument("multiple overlapping subnet configuration is not supported")
            pool: dict[str, Any] = {"Subnet": subnets[index]}
            for name, values in (("IPRange", ranges), ("Gateway", gateways)):
                inside = [value for value in values if _lies_in(value, network)]
                if len(inside) > 1:
                    raise InvalidArgument(f"cannot configure multiple {name} ({', '.join(inside)}) on the same subnet")
                for value in inside:
                    values.remove(value)
                    pool[name] = value
            extra = {name: value for name, value in options["aux-address"].items() if _lies_in(value, network)}
            if extra:
                pool["AuxiliaryAddresses"] = extra
            pools.append(pool)
    except ValueError as error:
        raise InvalidArgument(f"invalid subnet: {error}") from error
    if ranges or gateways:
        raise InvalidArgument(f"no matching subnet for {'range' if ranges else 'gateway'} {(ranges or gateways)[0]}")
    return pools


def _lies_in(value: str, network: "Any") -> bool:
    import ipaddress

    address = ipaddress.ip_network(value, strict=False).network_address
    return address.version == network.version and address in network


CREATE = Command(_run, "[OPTIONS] NETWORK", arguments=(1, 1), flags=_flags)
