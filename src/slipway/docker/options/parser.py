"""Reads a command line by a table of flags, as spf13/pflag does it: --name=value, --name value, -abc, -p80:80, `--`.

Flags and arguments may be mixed, unless the command runs another command (`run`, `exec`): then the first argument
ends the flags.
"""

from slipway.base.errors import InvalidArgument
from slipway.docker.options.flags import MANY, MAPPING, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class HelpRequested(Exception):
    """--help (or -h where the command has no -h of its own) was among the flags."""

    def __init__(self, *, is_short: bool) -> None:
        super().__init__()
        self.is_short = is_short


class FlagError(InvalidArgument):
    """A flag that does not exist, lacks its value or has a malformed one."""


class Options:
    """The values of a command line. `options["name"]` is the flag's value or default; `arguments` the rest.

    `notices` are sentences about deprecated flags, for stderr.
    """

    __slots__ = ("_defaults", "_values", "arguments", "changed", "notices")

    def __init__(self, flags: "Sequence[Flag]") -> None:
        self._defaults = {flag.name: flag.default for flag in flags}
        self._values: dict[str, Any] = {}
        self.changed: set[str] = set()
        self.arguments: list[str] = []
        self.notices: list[str] = []

    def __getitem__(self, name: str) -> "Any":
        return self._values[name] if name in self._values else self._defaults[name]

    def set(self, flag: Flag, value: object) -> None:
        """Store one occurrence of `flag`."""
        name = flag.alias_of
        self.changed.add(name)
        if flag.collect == MANY:
            values = self._values.setdefault(name, [])
            values.extend(value) if isinstance(value, list) else values.append(value)
        elif flag.collect == MAPPING:
            key, _, content = str(value).partition("=")
            self._values.setdefault(name, {})[key] = content
        else:
            self._values[name] = value


class _Parser:
    def __init__(self, flags: "Sequence[Flag]") -> None:
        self.long = {flag.name: flag for flag in flags}
        self.short = {flag.short: flag for flag in flags if flag.short}
        self.options = Options(flags)

    def take_long(self, argument: str, rest: "list[str]") -> None:
        name, equals, value = argument[2:].partition("=")
        if not name or name[0] in "-=":
            raise FlagError(f"bad flag syntax: {argument}")
        flag = self.long.get(name)
        if flag is None:
            if name == "help":
                raise HelpRequested(is_short=False)
            raise FlagError(f"unknown flag: --{name}")
        if not equals:
            if flag.bare_value:
                value = flag.bare_value
            elif rest:
                value = rest.pop()
            else:
                raise FlagError(f"flag needs an argument: {argument}")
        self.store(flag, value)

    def take_short(self, argument: str, rest: "list[str]") -> None:
        letters = argument[1:]
        while letters:
            flag = self.short.get(letters[0])
            if flag is None:
                if letters[0] == "h":
                    raise HelpRequested(is_short=True)
                raise FlagError(f"unknown shorthand flag: {_quoted(letters[0])} in -{letters}")
            following = letters[1:]
            if len(following) > 1 and following[0] == "=":
                self.store(flag, following[1:])
                return
            if flag.bare_value:
                self.store(flag, flag.bare_value)
                letters = following
                continue
            if not following and not rest:
                raise FlagError(f"flag needs an argument: {_quoted(letters[0])} in -{letters}")
            self.store(flag, following or rest.pop())
            return

    def store(self, flag: Flag, text: str) -> None:
        try:
            value = flag.convert(text)
        except ValueError as error:
            raise FlagError(f'invalid argument {_double_quoted(text)} for "{flag.shown_name}" flag: {error}') from None
        if flag.name == "help" and value:
            raise HelpRequested(is_short=False)
        if flag.deprecated:
            self.options.notices.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")
        self.options.set(flag, value)


def parse_options(flags: "Sequence[Flag]", arguments: "Sequence[str]", *, are_mixed: bool = True) -> Options:
    """Read `arguments` (without the program's and the command's names). Raises FlagError or HelpRequested."""
    parser = _Parser(flags)
    rest = list(reversed(arguments))
    options = parser.options
    while rest:
        argument = rest.pop()
        if argument == "--":
            options.arguments += reversed(rest)
            break
        if len(argument) > 1 and argument[0] == "-":
            if argument[1] == "-":
                parser.take_long(argument, rest)
            else:
                parser.take_short(argument, rest)
            continue
        options.arguments.append(argument)
        if not are_mixed:
            options.arguments += reversed(rest)
            break
    return options


def _quoted(letter: str) -> str:
    return f"'{letter}'"


def _double_quoted(text: str) -> str:
    """Go's %q for what people type: quotes and backslashes escaped."""
    from slipway.docker.output.quoting import go_quote

    return go_quote(text)
