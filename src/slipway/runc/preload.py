"""For a process that will call `runc.main.main` in forked children: import all of it, and warm up what is lazy.

After `preload()` a forked child imports nothing more, finds its libraries open, and may close every descriptor that it
was not given. The caller should collect and freeze its garbage afterwards (`gc.collect(); gc.freeze()`).
"""

from slipway.runc import commands


def preload() -> None:
    """Import every command and touch the lazily loaded libraries. Leaves no descriptor, thread or signal handler."""
    for verb in commands.VERBS:
        commands.load(verb)
