"""Which daemon a command talks to: --host, --context, $DOCKER_HOST, $DOCKER_CONTEXT, the configuration, in this
order.
"""

import os

from slipway.base.errors import InvalidArgument
from slipway.clients.dockerd.addresses import Address, address_from_text
from slipway.docker.settings.config_file import ConfigFile
from slipway.docker.settings.contexts import DEFAULT_NAME, Context, load_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.docker.options.parser import Options
    from slipway.transport.plain.http_tls import TlsFiles


class Endpoint:
    """An address and the TLS files for it (None: plain)."""

    __slots__ = ("address", "tls")

    def __init__(self, address: Address, tls: "TlsFiles | None") -> None:
        self.address = address
        self.tls = tls


def current_context(options: "Options", environment: "Mapping[str, str]", config: ConfigFile) -> str:
    """The name of the context in use; `default` stands for hosts that were named directly."""
    if options["context"]:
        return str(options["context"])
    if options["host"] or environment.get("DOCKER_HOST"):
        return DEFAULT_NAME
    return environment.get("DOCKER_CONTEXT") or config.text("currentContext") or DEFAULT_NAME


def resolve_endpoint(options: "Options", environment: "Mapping[str, str]", config: ConfigFile) -> Endpoint:
    """Raises InvalidArgument for a malformed host, NotFound for an unknown context."""
    name = current_context(options, environment, config)
    if name != DEFAULT_NAME:
        return _context_endpoint(load_context(config.directory, name))
    tls = _tls_files(options, environment, config.directory)
    hosts = options["host"]
    if len(hosts) > 1:
        raise InvalidArgument("Specify only one -H")
    host = hosts[0] if hosts else environment.get("DOCKER_HOST", "")
    address = address_from_text(host, default_to_tls=tls is not None)
    return Endpoint(address, None if address.path else tls)


def _context_endpoint(context: Context) -> Endpoint:
    address = address_from_text(context.host)
    if address.path or not context.tls_directory:
        return Endpoint(address, None)
    return Endpoint(address, _existing_files(context.tls_directory, verify=not context.skip_verify))


def _tls_files(options: "Options", environment: "Mapping[str, str]", config_directory: str) -> "TlsFiles | None":
    verify = options["tlsverify"] if "tlsverify" in options.changed else bool(environment.get("DOCKER_TLS_VERIFY"))
    if not (verify or options["tls"] or environment.get("DOCKER_TLS")):
        return None
    from slipway.transport.plain.http_tls import TlsFiles

    directory = environment.get("DOCKER_CERT_PATH") or config_directory
    named = {
        name: _named_or_present(options, name, os.path.join(directory, file))
        for name, file in (("tlscacert", "ca.pem"), ("tlscert", "cert.pem"), ("tlskey", "key.pem"))
    }
    return TlsFiles(named["tlscacert"], named["tlscert"], named["tlskey"], verify=verify)


def _named_or_present(options: "Options", name: str, default_path: str) -> str:
    if name in options.changed:
        return str(options[name])
    return default_path if os.path.exists(default_path) else ""


def _existing_files(directory: str, *, verify: bool) -> "TlsFiles":
    from slipway.transport.plain.http_tls import TlsFiles

    paths = [os.path.join(directory, name) for name in ("ca.pem", "cert.pem", "key.pem")]
    authority, certificate, key = (path if os.path.exists(path) else "" for path in paths)
    return TlsFiles(authority, certificate, key, verify=verify)
