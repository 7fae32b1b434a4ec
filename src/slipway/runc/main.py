"""The command line of `runc`: global flags, one command, an exit status.

`main(argv)` is the interface of the program, whether it was exec'd or forked from a process that called
`slipway.runc.preload.preload()`:

- `argv` is what follows the program's name: `["--root", "/run/x", "create", "--bundle", "/b", "id"]`.
- It takes nothing else from its caller but the environment, descriptors 0, 1 and 2 (and those of --preserve-fds), the
  working directory and the files that argv names; the caller closes all other descriptors first.
- It returns the exit status, having reported an error to --log and standard error. A forked caller must hand it to
  `os._exit` at once: the process has changed its working directory, umask and dumpable flag.
- In the container's init it never returns: that process execs or exits.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: "Sequence[str]") -> int:
    """Run one command; return 0, or 1 (255 for `exec`) after reporting the error."""
    raise NotImplementedError
