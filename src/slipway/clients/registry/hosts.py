"""Which hosts serve a registry's domain: a folder per domain with hosts.toml or certificates, and what holds without.

Source: containerd docs/hosts.md. Only `hosts_of_domain` and what it calls for it do I/O.
"""

import errno
import ipaddress
import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from slipway.base.errors import InvalidArgument, Unavailable
from slipway.base.files import read_whole
from slipway.base.references import DEFAULT_DOMAIN, HUB_HOST
from slipway.clients.registry.hosts_file import hosts_from_table
from slipway.clients.registry.model import Host

_FILE_LIMIT: Final = 1 << 20
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


def hosts_of_domain(domain: str, *, roots: Sequence[str] = (), default_scheme: str = "") -> list[Host]:
    """The hosts to try for `domain` (`docker.io`, `localhost:5000`), best first, the registry itself last.

    `roots` hold a folder per domain; the first root that has one for `domain`, or for all (`_default`), is taken. In
    it hosts.toml counts, else Docker's certificates (*.crt, *.cert with *.key). Raises InvalidArgument for a malformed
    file and Unavailable for an unreadable one, naming it.
    """
    registry = default_host(domain, default_scheme)
    folder = host_folder(roots, domain)
    if not folder:
        return [registry]
    path = os.path.join(folder, "hosts.toml")
    try:
        text = read_whole(path, limit=_FILE_LIMIT).decode()
        if text.strip():
            return hosts_from_table(tomllib.loads(text), registry, domain, folder)
        return [_with_certificates(registry, folder)]
    except FileNotFoundError:
        return [_with_certificates(registry, folder)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"read {path}: {error}") from error
    except OSError as error:
        raise Unavailable(f"read {path}: {error.strerror or error}") from error


def host_folder(roots: Sequence[str], domain: str) -> str:
    """The folder that says how `domain` is reached; empty where there is none. Raises Unavailable."""
    for root in roots:
        for name in folder_names(domain):
            path = os.path.join(root, name)
            try:
                os.stat(path)
            except OSError as error:
                if error.errno in _ABSENT:
                    continue
                raise Unavailable(f"read {path}: {error.strerror or error}") from error
            return path
    return ""


def folder_names(domain: str) -> tuple[str, ...]:
    """`host_port_` (for file systems without colons), `host:port`, `_default`."""
    name, colon, port = domain.rpartition(":")
    return (*((f"{name}_{port}_",) if colon and name else ()), domain, "_default")


def default_host(domain: str, default_scheme: str = "") -> Host:
    """HTTPS, or the scheme that was asked for; on loopback without verification, and in clear where that fails.

    Docker treats 127.0.0.0/8 so.
    """
    if domain == DEFAULT_DOMAIN:
        return Host(base=f"https://{HUB_HOST}/v2")
    port = _port(domain)
    if not is_loopback(domain):
        return Host(base=f"{default_scheme or 'https'}://{domain}/v2")
    if port == "80":
        return Host(base=f"http://{domain}/v2")
    may_be_plain = default_scheme != "https" and port != "443"
    return Host(base=f"https://{domain}/v2", verify=False, may_be_plain=may_be_plain)


def is_loopback(domain: str) -> bool:
    """Whether a registry's domain, with or without a port, is this machine."""
    name = domain.rpartition("]")[0].lstrip("[") if domain.startswith("[") else domain.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def certificates_in(folder: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Docker's files in a folder: the authorities (*.crt), and pairs of *.cert and *.key (empty: there is none).

    Raises OSError.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return (), ()
    authorities = tuple(os.path.join(folder, name) for name in names if name.endswith(".crt"))
    identities = []
    for name in names:
        if name.endswith(".cert"):
            key = f"{name.removesuffix('.cert')}.key"
            identities.append((os.path.join(folder, name), os.path.join(folder, key) if key in names else ""))
    return authorities, tuple(identities)


def _with_certificates(registry: Host, folder: str) -> Host:
    try:
        authorities, identities = certificates_in(folder)
    except OSError as error:
        raise Unavailable(f"read {folder}: {error.strerror or error}") from error
    return replace(registry, authorities=authorities, identities=identities)


def _port(domain: str) -> str:
    """Of `host:port` and `[address]:port`; empty where there is none."""
    return domain.rpartition("]")[2].rpartition(":")[2] if ":" in domain.rpartition("]")[2] else ""
