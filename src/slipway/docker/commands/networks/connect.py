"""docker network connect and disconnect."""

from slipway.docker.command import Command
from slipway.docker.options import validation, variables
from slipway.docker.options.flags import Flag, boolean, comma_separated, integer, text, texts
from slipway.docker.options.networks import endpoint_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session


def _connect_flags() -> list[Flag]:
    return [
        comma_separated("alias", "Further name of the container on the network"),
        comma_separated("driver-opt", "Options of the network's driver"),
        integer("gw-priority", "The network with the highest priority gives the default gateway"),
        text("ip", 'IPv4 address (e.g., "172.30.100.104")'),
        text("ip6", 'IPv6 address (e.g., "2001:db8::33")'),
        texts("link", "Link to another container", convert=validation.link),
        comma_separated("link-local-ip", "Link-local addresses of the container"),
    ]


def _connect(session: "Session", options: "Options") -> int:
    network, container = options.arguments
    endpoint = endpoint_document(
        {
            "ip": options["ip"],
            "ip6": options["ip6"],
            "link_local": list(options["link-local-ip"]),
            "links": list(options["link"]),
            "aliases": list(options["alias"]),
            "mac": "",
            "driver_options": variables.pairs(options["driver-opt"]),
            "priority": options["gw-priority"],
        }
    )
    endpoint["IPAMConfig"] = endpoint["IPAMConfig"] or {}
    endpoint["Aliases"] = list(options["alias"])
    endpoint["DriverOpts"] = endpoint["DriverOpts"] or {}
    session.engine.post(f"/networks/{network}/connect", None, {"Container": container, "EndpointConfig": endpoint})
    return 0


def _disconnect_flags() -> list[Flag]:
    return [boolean("force", "Disconnect the container whatever its state", short="f")]


def _disconnect(session: "Session", options: "Options") -> int:
    network, container = options.arguments
    request = {"Container": container, "Force": options["force"]}
    session.engine.post(f"/networks/{network}/disconnect", None, request)
    return 0


CONNECT = Command(_connect, "[OPTIONS] NETWORK CONTAINER", arguments=(2, 2), flags=_connect_flags)
DISCONNECT = Command(_disconnect, "[OPTIONS] NETWORK CONTAINER", arguments=(2, 2), flags=_disconnect_flags)
