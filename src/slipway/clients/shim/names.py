"""Runtime names: io.containerd.runc.v2 is the program containerd-shim-runc-v2 (containerd runtime-v2 README)."""

from __future__ import annotations

import os
import shutil

from slipway.base.errors import InvalidArgument

DEFAULT_RUNTIME = "io.containerd.runc.v2"


def is_our_shim(runtime: str) -> bool:
    """Whether a request means the shim that we bring: the default, by name or not at all."""
    return runtime in ("", DEFAULT_RUNTIME)


def program_from_runtime(runtime: str) -> str:
    """The last two parts of a dotted name: a.b.kata.v2 is containerd-shim-kata-v2. Raises InvalidArgument."""
    parts = (runtime or DEFAULT_RUNTIME).split(".")
    if len(parts) < 2 or not all(parts) or "/" in runtime:
        raise InvalidArgument(f"invalid runtime name {runtime!r}: it is neither a path nor like {DEFAULT_RUNTIME}")
    return f"containerd-shim-{parts[-2]}-{parts[-1]}"


def find_shim(runtime: str) -> str:
    """The path of a runtime's shim. Raises InvalidArgument when there is none."""
    if runtime.startswith("/"):
        if not os.access(runtime, os.X_OK):
            raise InvalidArgument(f"invalid custom binary path {runtime}: it cannot be executed")
        return runtime
    program = program_from_runtime(runtime)
    found = shutil.which(program)
    if found is None:
        raise InvalidArgument(f'runtime "{runtime}" binary not installed "{program}": file does not exist')
    return found
