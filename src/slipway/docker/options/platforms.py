"""os[/arch[/variant]] as the API's Platform document. Pure."""

from slipway.base.errors import InvalidArgument
from slipway.clients.dockerd.json_documents import format_json_text

_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386"}


def platform_document(text: str) -> str:
    """JSON text; raises InvalidArgument."""
    parts = text.lower().split("/")
    if len(parts) > 3 or not all(parts):
        raise InvalidArgument(f'"{text}": unknown operating system or architecture: invalid argument')
    if len(parts) == 1:
        if parts[0] in _ARCHITECTURES or parts[0] in _ARCHITECTURES.values():
            parts.insert(0, "linux")
        else:
            parts.append("amd64")
    document = {"architecture": _ARCHITECTURES.get(parts[1], parts[1]), "os": parts[0]}
    if len(parts) == 3:
        document["variant"] = parts[2]
    return format_json_text(document)
