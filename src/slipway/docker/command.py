"""What a command is: its usage, flags and number of arguments, and the function that runs it."""

from slipway.base.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway.docker.options.flags import Flag
    from slipway.docker.options.parser import Options
    from slipway.docker.session import Session

    Run = Callable[[Session, Options], int]

UNLIMITED = -1


class Command:
    """`run(session, options)` returns the exit status or raises EngineError.

    `usage` follows the command's path in the usage line. `names` are all paths that lead here, for help. With
    `are_mixed=False` the first argument ends the flags. `flag_source` builds the flags when they are needed.
    """

    __slots__ = ("are_mixed", "arguments", "description", "flag_source", "names", "run", "usage")

    def __init__(
        self,
        run: "Run",
        usage: str = "",
        *,
        arguments: "tuple[int, int]" = (0, 0),
        flags: "Callable[[], Sequence[Flag]] | Sequence[Flag]" = (),
        names: "Sequence[str]" = (),
        description: str = "",
        are_mixed: bool = True,
    ) -> None:
        self.run = run
        self.usage = usage
        self.arguments = arguments
        self.flag_source = flags
        self.names = names
        self.description = description
        self.are_mixed = are_mixed

    @property
    def flags(self) -> "Sequence[Flag]":
        source = self.flag_source
        return source() if callable(source) else source


def check_argument_count(path: str, usage: str, allowed: "tuple[int, int]", count: int) -> None:
    """Raise InvalidArgument, in the original's words, where `count` is not within `allowed` (least, most)."""
    least, most = allowed
    if count >= least and (most == UNLIMITED or count <= most):
        return
    see = "Run"
    if most == 0:
        problem = "accepts no arguments"
    elif least == most:
        problem = f"requires {least} {_plural(least)}"
    elif most == UNLIMITED:
        problem, see = f"requires at least {least} {_plural(least)}", "See"
    elif least == 0:
        problem, see = f"requires at most {most} {_plural(most)}", "SRun"  # so the original has it
    else:
        problem = f"requires at least {least} and at most {most} {_plural(most)}"
    raise InvalidArgument(
        f"docker: '{path}' {problem}\n\nUsage:  {usage}\n\n{see} '{path} --help' for more information"
    )


def _plural(number: int) -> str:
    return "argument" if number == 1 else "arguments"
