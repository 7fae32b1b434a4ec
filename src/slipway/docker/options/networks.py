"""--network NAME or name=NAME,alias=...: endpoints of the create request."""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.comma_fields import fields_from_text
from slipway.docker.options.validation import is_mac_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from slipway.docker.options.parser import Options

_NOT_USER_DEFINED = ("bridge", "default", "host", "none")
_PER_NETWORK = (  # member of the attachment, flag that says the same, words of the conflict
    ("aliases", "network-alias", "--network-alias and per-network alias"),
    ("links", "link", "--link and per-network links"),
    ("ip", "ip", "--ip and per-network IPv4 address"),
    ("ip6", "ip6", "--ip6 and per-network IPv6 address"),
    ("mac", "mac-address", "--mac-address and per-network MAC address"),
    ("link_local", "link-local-ip", "--link-local-ip and per-network link-local IP addresses"),
)


def network_from_text(text: str) -> "dict[str, Any]":
    """An attachment: target, aliases, links, ip, ip6, mac, link_local, driver_options, priority."""
    attachment: dict[str, Any] = _attachment(text)
    if not _is_long_syntax(text):
        return attachment
    attachment["target"] = ""
    for field in fields_from_text(text):
        key, equals, value = field.lower().partition("=")
        if not equals or not key:
            raise ValueError(f"invalid field {field}")
        _set(attachment, key.strip(), value.strip())
    if not attachment["target"]:
        raise ValueError("network name/id is not specified")
    return attachment


def _attachment(target: str) -> "dict[str, Any]":
    return {
        "target": target,
        "aliases": [],
        "links": [],
        "ip": "",
        "ip6": "",
        "mac": "",
        "link_local": [],
        "driver_options": {},
        "priority": 0,
    }


def _is_long_syntax(text: str) -> bool:
    """A word character on both sides of an equals sign."""
    return any(
        character == "=" and 0 < index < len(text) - 1 and _is_word(text[index - 1]) and _is_word(text[index + 1])
        for index, character in enumerate(text)
    )


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def _set(attachment: "dict[str, Any]", key: str, value: str) -> None:
    single = {"name": "target", "ip": "ip", "ip6": "ip6", "mac-address": "mac"}
    several = {"alias": "aliases", "link-local-ip": "link_local"}
    if key in single:
        attachment[single[key]] = value
    elif key in several:
        attachment[several[key]].append(value)
    elif key == "driver-opt":
        name, equals, content = value.partition("=")
        if not equals or not name:
            raise ValueError("invalid key value pair format in driver options")
        attachment["driver_options"][name.strip()] = content.strip()
    elif key == "gw-priority":
        attachment["priority"] = _priority(value)
    else:
        raise ValueError(f"invalid field key {key}")


def _priority(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isascii() or not digits.isdigit():
        raise ValueError(f"invalid gw-priority ({text}): invalid syntax")
    return int(text)


def is_user_defined(target: str) -> bool:
    return target not in _NOT_USER_DEFINED and not target.startswith("container:")


def network_mode(options: "Options") -> str:
    networks = options["network"]
    return networks[0]["target"] if networks else "default"


def endpoints(options: "Options") -> "dict[str, Any]":
    """EndpointsConfig of the create request; raises InvalidArgument where options contradict each other."""
    networks = [dict(network) for network in options["network"]]
    if not networks:
        networks = [_attachment("default")]
        _merge_flags(networks[0], options)
        return {"default": _endpoint(networks[0])}
    found: dict[str, Any] = {}
    _merge_flags(networks[0], options)
    for index, network in enumerate(networks):
        endpoint = _endpoint(network)
        if network["target"] in found:
            raise InvalidArgument(f'network "{network["target"]}" is specified multiple times')
        if index == 0 and len(networks) == 1 and not any(endpoint.values()):
            continue
        found[network["target"]] = endpoint
    if len({is_user_defined(network["target"]) for network in networks}) > 1:
        raise InvalidArgument("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    return found


def _merge_flags(network: "dict[str, Any]", options: "Options") -> None:
    for member, flag, words in _PER_NETWORK:
        if network[member] and options[flag]:
            raise InvalidArgument(f"conflicting options: cannot specify both {words}")
        if not options[flag] or (member == "links" and not is_user_defined(network["target"])):
            continue
        network[member] = options[flag]


def _endpoint(network: "dict[str, Any]") -> "dict[str, Any]":
    target = network["target"]
    if not target.strip():
        raise InvalidArgument("no name set for network")
    if not is_user_defined(target):
        if network["aliases"]:
            raise InvalidArgument("network-scoped aliases are only supported for user-defined networks")
        if network["links"]:
            raise InvalidArgument("links are only supported for user-defined networks")
    if network["mac"] and not is_mac_address(network["mac"]):
        raise InvalidArgument(f"{network['mac']} is not a valid mac address")
    return endpoint_document(network)


def endpoint_document(network: "dict[str, Any]") -> "dict[str, Any]":
    """The API's EndpointSettings, whole, as a client sends it."""
    addresses = None
    if network["ip"] or network["ip6"] or network["link_local"]:
        named = (("IPv4Address", "ip"), ("IPv6Address", "ip6"), ("LinkLocalIPs", "link_local"))
        addresses = {name: network[key] for name, key in named if network[key]}
    return {
        "IPAMConfig": addresses,
        "Links": list(network["links"]) or None,
        "Aliases": list(network["aliases"]) or None,
        "MacAddress": network["mac"],
        "DriverOpts": network["driver_options"] or None,
        "GwPriority": network["priority"],
        "NetworkID": "",
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": None,
    }
