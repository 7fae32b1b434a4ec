"""Named endpoints below ~/.docker/contexts, as Docker's client stores them: contexts/meta/SHA256-OF-NAME/meta.json."""

import os

from slipway.base.errors import InvalidArgument, NotFound
from slipway.base.files import read_whole
from slipway.clients.dockerd.json_documents import parse_json

DEFAULT_NAME = "default"


class Context:
    """One endpoint: `host` as -H takes it, `skip_verify` for TLS, `tls_directory` with ca.pem, cert.pem and key.pem
    or "".
    """

    __slots__ = ("description", "host", "name", "skip_verify", "tls_directory")

    def __init__(
        self, name: str, host: str, description: str, *, skip_verify: bool = False, tls_directory: str = ""
    ) -> None:
        self.name = name
        self.host = host
        self.description = description
        self.skip_verify = skip_verify
        self.tls_directory = tls_directory


def load_context(config_directory: str, name: str) -> Context:
    """The context `name`; raises NotFound."""
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()
    contexts = os.path.join(config_directory, "contexts")
    context = _read(
        os.path.join(contexts, "meta", digest, "meta.json"), os.path.join(contexts, "tls", digest, "docker")
    )
    if context is None or context.name != name:
        path = os.path.join(contexts, "meta", digest, "meta.json")
        raise NotFound(f'context "{name}": context not found: open {path}: no such file or directory')
    return context


def list_contexts(config_directory: str) -> list[Context]:
    """Every stored context, by name; the default one is not among them. Damaged ones are left out."""
    contexts = os.path.join(config_directory, "contexts")
    try:
        digests = os.listdir(os.path.join(contexts, "meta"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for digest in digests:
        context = _read(
            os.path.join(contexts, "meta", digest, "meta.json"), os.path.join(contexts, "tls", digest, "docker")
        )
        if context is not None:
            found.append(context)
    return sorted(found, key=lambda context: context.name)


def _read(path: str, tls_directory: str) -> Context | None:
    try:
        document = parse_json(read_whole(path))
        endpoint = document["Endpoints"]["docker"]
        return Context(
            document["Name"],
            endpoint.get("Host", ""),
            document.get("Metadata", {}).get("Description", ""),
            skip_verify=bool(endpoint.get("SkipTLSVerify")),
            tls_directory=tls_directory if os.path.isdir(tls_directory) else "",
        )
    except (OSError, InvalidArgument, KeyError, TypeError, AttributeError):
        return None
