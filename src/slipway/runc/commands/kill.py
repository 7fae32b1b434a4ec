"""`runc kill`: a signal to init, or with --all to every process."""

from slipway.base.errors import FailedPrecondition, InvalidArgument
from slipway.linux import signals
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, Flag, Options, check_arguments, is_whole_number
from slipway.runc.process.end import signal_container

INTERLEAVED = True
FLAGS = (Flag(SWITCH, "all", "a"),)


def run(context: Context, options: Options) -> int:
    check_arguments("kill", options, 1)
    check_arguments("kill", options, 0, 2)
    word = "".join(options.arguments[1:]) or "SIGTERM"
    state = context.store.load(options.arguments[0])
    everyone = options.switch("all")
    try:
        signal_container(context.store, state, signal_from_text(word), everyone=everyone)
    except FailedPrecondition:
        if not everyone:
            raise
    return 0


def signal_from_text(word: str) -> int:
    """`9`, `KILL`, `sigkill`; whether there is such a number, the kernel says. Raises InvalidArgument."""
    if is_whole_number(word):
        return int(word)
    number = signals.NUMBERS.get(word.upper().removeprefix("SIG"))
    if number is None:
        raise InvalidArgument(f'unknown signal "{word}"')
    return number
