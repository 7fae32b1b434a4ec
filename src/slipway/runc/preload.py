"""For a process that will call `runc.main.main` in forked children: import all of it, and warm up what is lazy.

After `preload()` a forked child imports nothing more, finds its libraries open, and may close every descriptor that it
was not given. The caller should collect and freeze its garbage afterwards (`gc.collect(); gc.freeze()`).
"""

from slipway.base.errors import NotImplementedByEngine
from slipway.linux import executable, seccomp
from slipway.runc import commands, main
from slipway.runc.commands import help as help_command
from slipway.runc.process import notify, unit


def preload() -> None:
    """Import every command and open the libraries. Leaves no descriptor, thread or signal handler."""
    for verb in commands.VERBS:
        commands.load(verb)
    executable.is_unwritable()
    try:
        seccomp.library()
    except NotImplementedByEngine:
        return  # said again, as an error, to whoever wants a profile


__all__ = ["help_command", "main", "notify", "preload", "unit"]
