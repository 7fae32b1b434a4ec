"""The client's edge: reads the global flags, finds the command, runs it, and turns errors into sentences and exit
codes.

Imports neither HTTP nor any command before it knows which one to run.
"""

from slipway.base.errors import Cancelled, EngineError, InvalidArgument
from slipway.docker.command import Command, check_argument_count
from slipway.docker.commands.table import GROUPS, TOP_LEVEL, Entry
from slipway.docker.options.parser import FlagError, HelpRequested, parse_options
from slipway.docker.session import CommandFailed, Session
from slipway.docker.settings.config_file import default_directory
from slipway.docker.settings.global_flags import global_flags
from slipway.docker.version import BUILD, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAG_ERROR_STATUS = 125
_SHORT_HELP_NOTICE = "Flag shorthand -h has been deprecated, use --help"


def run(arguments: "Sequence[str]", environment: "Mapping[str, str]", now: int) -> int:
    """Run one command line (without the program's name); the exit status. Raises EngineError: `main` words it.

    Also KeyboardInterrupt and BrokenPipeError pass.
    """
    flags = global_flags(default_directory(environment))
    try:
        options = parse_options(flags, arguments, are_mixed=False)
    except HelpRequested as request:
        options = parse_options(flags, ())
        session = Session(options, environment, now)
        _notice_short_help(session, request)
        return _print_root_help(session, to_error_output=False)
    except FlagError as error:
        raise _flag_failure(error, "docker", "docker [OPTIONS] COMMAND [ARG...]") from error
    session = Session(options, environment, now)
    if options["version"]:
        session.print(f"Docker version {VERSION}, build {BUILD}")
        return 0
    if not options.arguments:
        return _print_root_help(session, to_error_output=True)
    name, *rest = options.arguments
    if name == "help":
        return _run_help(session, rest)
    if name in TOP_LEVEL:
        return _run_command(session, f"docker {name}", TOP_LEVEL[name], rest)
    if name in GROUPS:
        return _run_group(session, name, rest)
    raise InvalidArgument(f"docker: unknown command: docker {name}\n\nRun 'docker --help' for more information")


def _run_group(session: Session, group: str, arguments: "list[str]") -> int:
    path = f"docker {group}"
    commands, _, aliases = GROUPS[group]
    try:
        options = parse_options((), arguments, are_mixed=False)
    except HelpRequested as request:
        _notice_short_help(session, request)
        return _print_group_help(session, group, to_error_output=False)
    except FlagError as error:
        raise _flag_failure(error, path, path) from error
    if not options.arguments:
        return _print_group_help(session, group, to_error_output=True)
    name, *rest = options.arguments
    name = aliases.get(name, name)
    if name not in commands:
        raise InvalidArgument(
            f"docker: unknown command: {path} {name}\n\nUsage:  {path}\n\nRun '{path} --help' for more information"
        )
    return _run_command(session, f"{path} {name}", commands[name], rest)


def _run_command(session: Session, path: str, entry: Entry, arguments: "list[str]") -> int:
    command = load_command(entry)
    usage = f"{path} {command.usage}".rstrip()
    try:
        options = parse_options(command.flags, arguments, are_mixed=command.are_mixed)
        for notice in options.notices:
            session.warn(notice)
    except HelpRequested as request:
        _notice_short_help(session, request)
        return _print_command_help(session, path, entry)
    except FlagError as error:
        raise _flag_failure(error, path, usage) from error
    check_argument_count(path, usage, command.arguments, len(options.arguments))
    return command.run(session, options)


def load_command(entry: Entry) -> Command:
    """Import the module of a table entry and give its command."""
    module_name, name, _ = entry
    module = __import__(f"slipway.docker.commands.{module_name}", fromlist=(name,))
    command = getattr(module, name)
    if not isinstance(command, Command):
        raise TypeError(f"{module_name}.{name} is no Command")
    return command


def _flag_failure(error: FlagError, path: str, usage: str) -> CommandFailed:
    return CommandFailed(f"{error}\n\nUsage:  {usage}\n\nRun '{path} --help' for more information", FLAG_ERROR_STATUS)


def _run_help(session: Session, topic: "list[str]") -> int:
    """`docker help [COMMAND [SUBCOMMAND]]`."""
    if not topic:
        return _print_root_help(session, to_error_output=False)
    name, *rest = topic
    if name in TOP_LEVEL and not rest:
        return _print_command_help(session, f"docker {name}", TOP_LEVEL[name])
    if name in GROUPS and not rest:
        return _print_group_help(session, name, to_error_output=False)
    if name in GROUPS and len(rest) == 1:
        commands, _, aliases = GROUPS[name]
        known = aliases.get(rest[0], rest[0])
        if known in commands:
            return _print_command_help(session, f"docker {name} {known}", commands[known])
    raise InvalidArgument(f"unknown help topic: {' '.join(topic)}")


def _notice_short_help(session: Session, request: HelpRequested) -> None:
    if request.is_short:
        session.warn(_SHORT_HELP_NOTICE)


def _print_root_help(session: Session, *, to_error_output: bool) -> int:
    from slipway.docker.commands.table import COMMON, OTHER
    from slipway.docker.output.help import root_help

    sections = (
        ("Common Commands", [(name, entry[2]) for name, entry in COMMON.items()]),
        ("Management Commands", [(name, group[1]) for name, group in GROUPS.items()]),
        ("Commands", [(name, OTHER[name][2]) for name in sorted(OTHER)]),
    )
    output = session.error_output if to_error_output else session.output
    output.write(root_help(sections, global_flags(default_directory(session.environment)), _help_width()))
    return 0


def _print_group_help(session: Session, group: str, *, to_error_output: bool) -> int:
    from slipway.docker.output.help import group_help

    commands, summary, _ = GROUPS[group]
    lines = [(name, commands[name][2]) for name in sorted(commands)]
    output = session.error_output if to_error_output else session.output
    output.write(group_help(f"docker {group}", summary, lines))
    return 0


def _print_command_help(session: Session, path: str, entry: Entry) -> int:
    from slipway.docker.output.help import command_help

    command = load_command(entry)
    names = ", ".join(f"docker {name}" for name in command.names)
    text = command_help(
        f"{path} {command.usage}".rstrip(),
        command.description or entry[2],
        aliases=names,
        flags=command.flags,
        width=_help_width(),
    )
    session.output.write(text)
    return 0


def _help_width() -> int:
    """As wide as the terminal on standard input, where the original looks; else 80 columns."""
    from slipway.docker.terminal.streams import STDIN, terminal_size

    return terminal_size(STDIN)[1] or 80


def status_of(error: EngineError) -> int:
    """The exit status that an error stands for."""
    if isinstance(error, Cancelled):
        return 0  # who says no to a question has not failed
    return error.status if isinstance(error, CommandFailed) else 1
