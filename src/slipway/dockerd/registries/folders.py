"""Writes what containerd is to know of a registry: hosts.toml out of the daemon's settings and Docker's certificates.

A pull's folder is made when it is pulled from: only then it is known which registry's address is in an insecure
network, and which certificates lie there.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from slipway.base.errors import Unavailable
from slipway.base.files import read_whole, write_atomically
from slipway.base.references import DEFAULT_DOMAIN, registry_host
from slipway.clients.registry.hosts import certificates_in, folder_names, host_folder, is_loopback
from slipway.dockerd.registries.model import Address, RegistrySettings, host_of
from slipway.service.configuration import toml_from_table

_FOLDER_MODE: Final = 0o700


class RegistryFolders:
    """Implements `interface.FindsRegistries`. `certificates` is /etc/docker/certs.d, `place` a folder of our own."""

    def __init__(self, settings: RegistrySettings, *, certificates: str, place: str) -> None:
        self._settings = settings
        self._certificates = certificates
        self._place = place

    async def folder_for(self, domain: str) -> str:
        """See `FindsRegistries`. A crash leaves a whole file or none."""
        return await asyncio.to_thread(self._folder_for, domain)

    def _folder_for(self, domain: str) -> str:
        """What a person wrote in certs.d/DOMAIN/hosts.toml is newer than the daemon's settings, and counts instead."""
        mirrors = self._settings.mirrors if domain == DEFAULT_DOMAIN else ()
        # containerd itself does without TLS at loopback.
        is_insecure = domain != DEFAULT_DOMAIN and not is_loopback(domain) and self._is_insecure(domain)
        own = host_folder((self._certificates,), domain)
        is_told = bool(own) and os.path.exists(os.path.join(own, "hosts.toml"))
        if is_told or not (mirrors or is_insecure):
            return self._certificates if own else ""
        try:
            self._write(domain, self._table(domain, mirrors, is_insecure))
        except OSError as error:
            raise Unavailable(f"write hosts.toml for registry {domain[:100]}: {error.strerror or error}") from error
        return self._place

    def _table(self, domain: str, mirrors: tuple[str, ...], is_insecure: bool) -> dict[str, Any]:
        # Over http, told of TLS, containerd asks by TLS first, and in clear where nobody speaks it.
        scheme = "http" if is_insecure else "https"
        table = {"server": f"{scheme}://{registry_host(domain)}", **self._trust(domain, is_insecure=is_insecure)}
        hosts = dict(map(self._mirror, mirrors))
        return {**table, "host": hosts} if hosts else table

    def _mirror(self, url: str) -> tuple[str, dict[str, Any]]:
        parts = urlsplit(url)
        is_insecure = self._is_insecure(parts.netloc)
        table = {
            "capabilities": ["pull", "resolve"],
            **self._trust(DEFAULT_DOMAIN, parts.netloc, is_insecure=is_insecure),
        }
        return f"{'http' if is_insecure else parts.scheme}://{parts.netloc}{parts.path}", table

    def _trust(self, *domains: str, is_insecure: bool) -> Mapping[str, Any]:
        """The certificates in the folders of `domains`."""
        folders = [folder for domain in domains if (folder := host_folder((self._certificates,), domain))]
        found = [certificates_in(folder) for folder in dict.fromkeys(folders)]
        table: dict[str, Any] = {"skip_verify": True} if is_insecure else {}
        if authorities := [path for paths, _ in found for path in paths]:
            table["ca"] = authorities
        if identities := [list(pair) for _, pairs in found for pair in pairs]:
            table["client"] = identities
        return table

    def _is_insecure(self, domain: str) -> bool:
        """A name is looked up only where the settings speak of registries at all, as in the original."""
        if not self._settings.is_told:
            return False
        return self._settings.is_insecure(domain, _addresses_of(host_of(domain)))

    def _write(self, domain: str, table: Mapping[str, Any]) -> None:
        folder = os.path.join(self._place, folder_names(domain)[0])
        os.makedirs(self._place, mode=_FOLDER_MODE, exist_ok=True)
        os.makedirs(folder, mode=_FOLDER_MODE, exist_ok=True)
        path, data = os.path.join(folder, "hosts.toml"), (toml_from_table(table).lstrip() + "\n").encode()
        try:
            if read_whole(path) == data:
                return
        except OSError:
            pass
        write_atomically(path, data, durable=False)


def _addresses_of(host: str) -> list[Address]:
    """None for a name that nobody knows: containerd will say so."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
