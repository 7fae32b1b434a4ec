"""The names of processor architectures. Lean: the shim says what it runs on."""

from __future__ import annotations

# uname(2)'s machine names, and other spellings, in Go's words: (architecture, variant).
ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
}


def architecture_from_machine(machine: str) -> str:
    """Go's word for uname's; what is unknown is called the same."""
    return ARCHITECTURES.get(machine, (machine, ""))[0]
