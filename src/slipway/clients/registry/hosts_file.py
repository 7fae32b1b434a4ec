"""hosts.toml, decoded: the hosts of one registry, in the file's order, the registry itself last. Pure.

Source: containerd docs/hosts.md. Keys that we do not know are passed over, as the original does: newer ones mean
something to newer engines. A known key with a wrong value is an error: nobody wants a mirror's certificate unchecked
because a word was misspelled.
"""

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from slipway.base.durations import duration_from_text
from slipway.base.errors import InvalidArgument
from slipway.base.references import registry_host
from slipway.clients.registry.model import Host

_CAPABILITIES: Final = frozenset(("pull", "resolve", "push", "referrers"))
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 section 5.6.2, token
_NANOSECONDS: Final = 1_000_000_000


def hosts_from_table(table: Mapping[str, Any], registry: Host, domain: str, folder: str) -> list[Host]:
    """The `[host."URL"]` tables, then `server`, or `registry` where it is absent, with what the file says beside it.

    `registry` is how `domain` is reached without a file; `folder` holds the file and what it names. Raises
    InvalidArgument that names file and key.
    """
    path = os.path.join(folder, "hosts.toml")
    hosts = []
    for url, entry in _table(table.get("host", {}), f"{path}: host").items():
        key = f'{path}: host."{_shown(url)}"'
        hosts.append(_Entry(_table(entry, key), key, folder).host(_address(url, key), domain))
    server = _text(table.get("server", ""), f"{path}: server")
    entry = _Entry(table, path, folder)
    if server:
        return [*hosts, entry.host(_address(server, f"{path}: server"), domain)]
    told = entry.host(registry.base.removesuffix("/v2"), domain)
    itself = replace(
        registry,
        base=registry.base.replace("http:", "https:", 1) if told.may_be_plain else registry.base,
        verify=told.verify if "skip_verify" in table else registry.verify,
        may_be_plain=told.may_be_plain or registry.may_be_plain,
        authorities=told.authorities,
        identities=told.identities,
        headers=told.headers,
        dial_seconds=told.dial_seconds,
    )
    return [*hosts, itself]


def is_header(name: str, value: str) -> bool:
    """Whether a header of HTTP can have this name and value."""
    return bool(_HEADER_NAME.fullmatch(name)) and value.isascii() and value.isprintable()


class _Entry:
    """One host's table. `where` names file and host in errors."""

    def __init__(self, table: Mapping[str, Any], where: str, folder: str) -> None:
        self._table = table
        self._where = where
        self._folder = folder

    def host(self, url: str, domain: str) -> Host:
        scheme, place, path = _parts(url, f"{self._where}")
        capabilities = self._capabilities()
        authorities, identities = self._authorities(), self._identities()
        # Told how to speak TLS, a host at http is asked by TLS first, except at the port that cannot be meant so.
        is_ambiguous = scheme == "http" and not place.endswith(":80")
        speaks_tls = bool(authorities or identities) or "skip_verify" in self._table
        may_be_plain = is_ambiguous and speaks_tls
        return Host(
            base=f"{'https' if may_be_plain else scheme}://{place}{self._root(path)}",
            resolves="resolve" in capabilities and "pull" in capabilities,
            pulls="pull" in capabilities,
            pushes="push" in capabilities,
            verify=not self._flag("skip_verify"),
            may_be_plain=may_be_plain,
            authorities=authorities,
            identities=identities,
            headers=self._headers(),
            dial_seconds=self._dial_seconds(),
            stands_for="" if place in (domain, registry_host(domain)) else domain,
        )

    def _root(self, path: str) -> str:
        path = posixpath.normpath(f"/{path.strip('/')}") if path.strip("/") else ""
        return path if self._flag("override_path") or path.endswith("/v2") else f"{path}/v2"

    def _capabilities(self) -> frozenset[str]:
        words = self._texts("capabilities", self._table.get("capabilities", []))
        named = frozenset(word.lower() for word in words)
        if unknown := named - _CAPABILITIES:
            raise InvalidArgument(f"read {self._where}: capabilities: unknown capability {min(unknown)!r}")
        return named or _CAPABILITIES

    def _authorities(self) -> tuple[str, ...]:
        value = self._table.get("ca", [])
        return tuple(map(self._path, self._texts("ca", [value] if isinstance(value, str) else value)))

    def _identities(self) -> tuple[tuple[str, str], ...]:
        value = self._table.get("client", [])
        pairs = [value] if isinstance(value, str) else value
        if not isinstance(pairs, list):
            raise self._wrong("client", "a file, a list of files, or a list of pairs of files", value)
        return tuple(map(self._identity, pairs))

    def _identity(self, value: object) -> tuple[str, str]:
        if isinstance(value, str):
            return self._path(value), ""
        match value:
            case [str(certificate), str(key)]:
                return self._path(certificate), self._path(key) if key else ""
        raise self._wrong("client", "a file, a list of files, or a list of pairs of files", value)

    def _headers(self) -> dict[str, str]:
        where = f"{self._where}: header"
        headers = {}
        for name, value in _table(self._table.get("header", {}), where).items():
            text = ", ".join(self._texts(f"header.{name}", [value] if isinstance(value, str) else value))
            if not is_header(name, text):
                raise InvalidArgument(f"read {where}.{name[:80]}: not a header of HTTP")
            headers[name] = text
        return headers

    def _dial_seconds(self) -> float:
        text = _text(self._table.get("dial_timeout", ""), f"{self._where}: dial_timeout")
        try:
            nanoseconds = duration_from_text(text) if text else 0
        except ValueError as error:
            raise InvalidArgument(f"read {self._where}: dial_timeout: {error}") from error
        return nanoseconds / _NANOSECONDS if nanoseconds > 0 else Host(base="").dial_seconds

    def _flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def _texts(self, key: str, value: object) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self._wrong(key, "text or a list of texts", value)
        return value

    def _path(self, path: str) -> str:
        return os.path.join(self._folder, path)

    def _wrong(self, key: str, wanted: str, value: object) -> InvalidArgument:
        return InvalidArgument(f"read {self._where}: {key}: expected {wanted}, got {str(value)[:80]!r}")


def _address(url: str, where: str) -> str:
    """A host without a scheme is at https."""
    url = url if "://" in url else f"https://{url}"
    _parts(url, where)
    return url


def _parts(url: str, where: str) -> tuple[str, str, str]:
    """Scheme, host with port, path. Raises InvalidArgument."""
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidArgument(f"read {where}: {_shown(url)!r} is not a URL of http or https")
    if parts.username is not None:
        raise InvalidArgument(f"read {where}: a user name or password may not be part of the URL")
    return parts.scheme, parts.netloc, parts.path


def _shown(url: str) -> str:
    """Without a password, which is no business of whoever pulls."""
    scheme, separator, rest = url[:200].rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"read {where}: expected a table, got {str(value)[:80]!r}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"read {where}: expected text, got {str(value)[:80]!r}")
    return value
