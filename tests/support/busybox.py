"""The program that fills root file systems made by hand."""

from pathlib import Path

from tests.support import peers


def busybox_program() -> Path:
    """A static busybox: the machine's own, or that of the trixie tree."""
    own = Path("/usr/bin/busybox")
    return own if own.exists() else peers.install("trixie") / "bin/busybox"
