"""The help of the program and of each command, and the version; imported only to be shown."""

from slipway.contracts.oci import runtime_version
from slipway.linux import seccomp
from slipway.runc import commands
from slipway.runc.options import globals as global_options
from slipway.runc.options import help as texts
from slipway.runc.version import COMMIT, VERSION


def help_of(verb: str) -> str:
    """`verb` is one of `commands.VERBS`, or "" for the program itself."""
    if not verb:
        return texts.program_help(global_options.FLAGS, VERSION)
    return texts.command_help(verb, commands.load(verb).FLAGS)


def version_text() -> str:
    """dockerd and podman read these lines. There is no `go:`: this is none, and nobody asks."""
    lines = [f"runc version {VERSION}", f"commit: {COMMIT}", f"spec: {runtime_version.VERSION}"]
    library = seccomp.library_version_or_none()
    if library is not None:
        lines.append(f"libseccomp: {library}")
    return "".join(f"{line}\n" for line in lines)
