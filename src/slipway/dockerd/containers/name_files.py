"""hosts, resolv.conf and hostname of a container. Texts are made purely; two functions at the end touch the disk."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole, write_atomically

LOCAL_NAMES = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
)
NAME_FILES = ("hosts", "resolv.conf", "hostname")
HOST_GATEWAY = "host-gateway"
# For a host whose only name server is itself, which its containers cannot reach; as the original.
PUBLIC_NAME_SERVERS = ("8.8.8.8", "8.8.4.4")
SYSTEMD_STUB = "127.0.0.53"
SYSTEMD_REAL_FILE = "/run/systemd/resolve/resolv.conf"
LARGEST = 1 << 20  # bytes of a file of the host


@dataclass(frozen=True, kw_only=True)
class NameRequest:
    """What a container's names are made from. `address` is "" without one; `gateway` is what host-gateway means.

    `links` are (address, names) of containers that it is linked to.
    """

    hostname: str
    domainname: str = ""
    address: str = ""
    gateway: str = ""
    extra_hosts: Sequence[str] = ()
    dns: Sequence[str] = ()
    dns_search: Sequence[str] = ()
    dns_options: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    shares_host: bool = False  # --network host


def hosts_text(request: NameRequest, host_file: str = "") -> str:
    """Local names, --add-host, links, then the container's own; the host's file itself where the network is the
    host's."""
    lines = host_file.rstrip("\n").split("\n") if request.shares_host and host_file else list(LOCAL_NAMES)
    lines += [_extra_host(text, request.gateway) for text in request.extra_hosts]
    lines += [f"{address}\t{names}" for address, names in request.links]
    if request.address:
        full = f"{request.hostname}.{request.domainname} " if request.domainname else ""
        lines.append(f"{request.address}\t{full}{request.hostname}")
    return "\n".join(lines) + "\n"


def resolv_conf_text(request: NameRequest, host_file: str) -> str:
    """The host's, without name servers that a container cannot reach; --dns and its like replace each its own part."""
    servers, search, options = _parsed(host_file)
    if request.dns:
        servers = [_address(text) for text in request.dns]
    elif not request.shares_host:
        servers = [server for server in servers if _is_reachable(server)] or list(PUBLIC_NAME_SERVERS)
    if request.dns_search:
        search = [name for name in request.dns_search if name != "."]
    if request.dns_options:
        options = list(request.dns_options)
    lines = ["# Made by Slipway from the host's file. It can be edited; Slipway makes it anew at the next start.", ""]
    lines += [f"nameserver {server}" for server in servers]
    lines += [f"search {' '.join(search)}"] if search else []
    lines += [f"options {' '.join(options)}"] if options else []
    return "\n".join(lines) + "\n"


def check_extra_host(text: str) -> None:
    """Raises InvalidArgument in the original's words."""
    _extra_host(text, "0.0.0.0")


def write_name_files(folder: str, request: NameRequest) -> dict[str, str]:
    """Write the three files into a container's folder: {path in the container: path on the host}. Raises OSError."""
    texts = {
        "hosts": hosts_text(request, _read("/etc/hosts") if request.shares_host else ""),
        "resolv.conf": resolv_conf_text(request, host_resolv_conf()),
        "hostname": f"{request.hostname}\n",
    }
    for name, text in texts.items():
        write_atomically(f"{folder}/{name}", text.encode(), mode=0o644, durable=False)
        os.chmod(f"{folder}/{name}", 0o644)  # whatever the umask: programs of every user read them
    return {f"/etc/{name}": f"{folder}/{name}" for name in texts}


def host_resolv_conf() -> str:
    """The host's /etc/resolv.conf, or systemd-resolved's own where the former only points to its stub. "" if there is
    none."""
    text = _read("/etc/resolv.conf")
    if _parsed(text)[0] == [SYSTEMD_STUB]:
        return _read(SYSTEMD_REAL_FILE) or text
    return text


def _read(path: str) -> str:
    try:
        return read_whole(path, limit=LARGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _parsed(text: str) -> tuple[list[str], list[str], list[str]]:
    """(name servers, search, options); resolv.conf(5): the last search line counts, options add up."""
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in text.split("\n"):
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = words[1:]
        elif words[0] == "options":
            options += words[1:]
    return servers, search, options


def _is_reachable(server: str) -> bool:
    """From an IPv4 network of its own."""
    try:
        address = ip_address(server.partition("%")[0])
    except ValueError:
        return False
    return address.version == 4 and not address.is_loopback


def _extra_host(text: str, gateway: str) -> str:
    name, separator, address = text.partition(":")
    if not separator or "=" in name or name.split() != [name]:  # nothing that would begin another line or column
        raise InvalidArgument(f'bad format for add-host: "{text}"')
    if address == HOST_GATEWAY:
        return f"{gateway}\t{name}"
    return f"{_host_address(address.strip('[]'))}\t{name}"


def _host_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise InvalidArgument(f'invalid IP address in add-host: "{text}"') from error


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise InvalidArgument(f"bad nameserver address {text}: {error}") from error


def link_line(address: str, names: Iterable[str]) -> tuple[str, str]:
    """A linked container in `NameRequest.links`: its alias, short id and name, each once."""
    return address, " ".join(dict.fromkeys(names))
