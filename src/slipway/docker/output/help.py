"""The layout of --help: usage line, summary, aliases, options in columns wrapped to the terminal, command lists."""

from slipway.docker.options.flags import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MORE_HELP = "For more help on how to use Docker, head to https://docs.docker.com/go/guides/"
_NARROWEST = 24  # columns; a description squeezed below this moves to column 16
_SLOP = 5
_ALWAYS_SHOWN = ("-1", "true")


def command_help(
    usage: str,
    description: str,
    *,
    aliases: str = "",
    flags: "Sequence[Flag]" = (),
    width: int = 80,
) -> str:
    """The help of a command that has no commands below it."""
    sections = [f"Usage:  {usage}", description]
    if aliases:
        sections.append(f"Aliases:\n  {aliases}")
    shown = flag_usages(flags, width)
    if shown:
        sections.append(f"Options:\n{shown}")
    return "\n\n".join(sections) + "\n"


def group_help(path: str, description: str, commands: "Iterable[tuple[str, str]]") -> str:
    """The help of `docker container` and its like."""
    return (
        f"Usage:  {path} COMMAND\n\n{description}\n\nCommands:\n{command_list(commands)}\n\n"
        f"Run '{path} COMMAND --help' for more information on a command.\n"
    )


def root_help(sections: "Iterable[tuple[str, Iterable[tuple[str, str]]]]", flags: "Sequence[Flag]", width: int) -> str:
    """The help of `docker` alone: sections are (heading, commands)."""
    parts = ["Usage:  docker [OPTIONS] COMMAND", "A self-sufficient runtime for containers"]
    parts += [f"{heading}:\n{command_list(commands)}" for heading, commands in sections]
    parts.append(f"Global Options:\n{flag_usages(flags, width)}")
    parts.append("Run 'docker COMMAND --help' for more information on a command.")
    parts.append(MORE_HELP)
    return "\n\n".join(parts) + "\n"


def command_list(commands: "Iterable[tuple[str, str]]") -> str:
    return "\n".join(f"  {name:<11} {summary}" for name, summary in commands)


def flag_usages(flags: "Sequence[Flag]", width: int) -> str:
    """One line or paragraph per visible flag, by name; descriptions begin in one column."""
    shown = sorted((flag for flag in flags if not flag.is_hidden), key=lambda flag: flag.name)
    heads = [_head(flag) for flag in shown]
    column = max((len(head) for head in heads), default=0) + 3
    return "\n".join(
        f"{head:<{column}}{_wrap(_described(flag), column, width - 1)}" for head, flag in zip(heads, shown, strict=True)
    )


def _head(flag: Flag) -> str:
    head = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    return f"{head} {flag.type_name}" if flag.type_name else head


def _described(flag: Flag) -> str:
    return f"{flag.description} (default {flag.default_text})" if flag.default_text else flag.description


def _wrap(text: str, column: int, width: int) -> str:
    """Break `text` at blanks so that it stays right of `column`; its own line breaks are kept."""
    room = width - column
    first = ""
    if room < _NARROWEST:
        column = 16
        room = width - column
        first = "\n" + " " * column
    margin = "\n" + " " * column
    if room < _NARROWEST:
        return text.replace("\n", first)
    room -= _SLOP
    line, text = _break(room, text)
    lines = [first + line.replace("\n", margin)]
    while text:
        line, text = _break(room, text)
        lines.append(line.replace("\n", margin))
    return margin.join(lines)


def _break(room: int, text: str) -> tuple[str, str]:
    if room + _SLOP > len(text):
        return text, ""
    head = text[:room]
    blank = max(head.rfind(" "), head.rfind("\t"), head.rfind("\n"))
    if blank <= 0:
        return text, ""
    line_end = head.rfind("\n")
    if 0 < line_end < blank:
        return text[:line_end], text[line_end + 1 :]
    return text[:blank], text[blank + 1 :]
