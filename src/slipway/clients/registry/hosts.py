"""Which hosts serve a registry's domain: containerd's hosts.toml, and what holds without one.

Source: containerd docs/hosts.md. Only `read_host_file` does I/O.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from slipway.base.errors import InvalidArgument
from slipway.base.files import read_whole
from slipway.clients.registry.model import Host

_HUB: Final = "docker.io"
_HUB_HOST: Final = "registry-1.docker.io"  # docker.io itself serves a web site
_FILE_LIMIT: Final = 1 << 20


def hosts_of_domain(domain: str, *, host_dir: str = "", default_scheme: str = "") -> list[Host]:
    """The hosts to try for `domain` (`docker.io`, `localhost:5000`), best first, the registry itself last.

    `host_dir` holds DOMAIN/hosts.toml files. Raises InvalidArgument for a malformed one, OSError for an unreadable one.
    """
    table = read_host_file(host_dir, domain) if host_dir else None
    if table is None:
        return default_hosts(domain, default_scheme)
    return hosts_from_table(table, domain, default_scheme, os.path.join(host_dir, domain))


def default_hosts(domain: str, default_scheme: str = "") -> list[Host]:
    """HTTPS; on loopback also HTTPS without verification, then HTTP, as Docker treats 127.0.0.0/8."""
    name = _HUB_HOST if domain == _HUB else domain
    if default_scheme == "http":
        return [Host(base=f"https://{name}/v2", verify=False), Host(base=f"http://{name}/v2")]
    if is_loopback(domain):
        return [Host(base=f"http://{name}/v2"), Host(base=f"https://{name}/v2", verify=False)]
    return [Host(base=f"https://{name}/v2")]


def is_loopback(domain: str) -> bool:
    """Whether a registry's domain, with or without a port, is this machine."""
    name = domain.rpartition("]")[0].lstrip("[") if domain.startswith("[") else domain.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def read_host_file(host_dir: str, domain: str) -> dict[str, Any] | None:
    """The table of DOMAIN/hosts.toml, else of _default/hosts.toml; None where neither is."""
    for folder in (domain, "_default"):
        path = os.path.join(host_dir, folder, "hosts.toml")
        try:
            return tomllib.loads(read_whole(path, limit=_FILE_LIMIT).decode())
        except FileNotFoundError:
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"read {path}: {error}") from error
    return None


def hosts_from_table(table: Mapping[str, Any], domain: str, default_scheme: str, folder: str) -> list[Host]:
    """The `[host."URL"]` tables in their order, then `server`, else the default hosts. Raises InvalidArgument."""
    tables = table.get("host", {})
    if not isinstance(tables, Mapping):
        raise InvalidArgument(f"read {folder}/hosts.toml: host is not a table")
    hosts = [_host(url, entry, folder) for url, entry in tables.items()]
    server = table.get("server")
    if server is None:
        return [*hosts, *default_hosts(domain, default_scheme)]
    return [*hosts, _host(server, {name: value for name, value in table.items() if name != "host"}, folder)]


def _host(url: object, entry: object, folder: str) -> Host:
    if not isinstance(url, str) or not isinstance(entry, Mapping):
        raise InvalidArgument(f"read {folder}/hosts.toml: {url!r} is not a host with a table")
    url = url if "://" in url else f"https://{url}"
    if not url.startswith(("http://", "https://")):
        raise InvalidArgument(f"read {folder}/hosts.toml: {url!r} is neither http nor https")
    capabilities = entry.get("capabilities") or ["pull", "resolve", "push"]
    authority = entry.get("ca", "")
    return Host(
        base=url.rstrip("/") + ("" if entry.get("override_path") else "/v2"),
        resolves="resolve" in capabilities,
        pushes="push" in capabilities,
        verify=not entry.get("skip_verify", False),
        certificates=os.path.join(folder, authority) if isinstance(authority, str) and authority else "",
        headers=_headers(entry.get("header", {})),
    )


def _headers(table: object) -> dict[str, str]:
    if not isinstance(table, Mapping):
        return {}
    return {
        str(name): ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in table.items()
    }
