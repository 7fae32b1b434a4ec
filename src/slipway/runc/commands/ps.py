"""`runc ps`: the processes of a container."""

import os

from slipway.base import json_text
from slipway.base.errors import InternalError, InvalidArgument
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine.cgroups import processes_of
from slipway.runc.options.parse import TEXT, Flag, Options, check_arguments

INTERLEAVED = False
FLAGS = (Flag(TEXT, "format", "f"),)

_PS = ("/usr/bin/ps", "/bin/ps")


def run(context: Context, options: Options) -> int:
    check_arguments("ps", options, 1)
    layout, words = _layout(options)
    pids = processes_of(context.store.load(options.arguments[0]).groups)
    if layout == "json":
        write_output(json_text.dumps([*pids]) + "\n")
    elif layout == "table":
        write_output(_selected(_output_of_ps(words or ["-ef"]), set(pids)))
    else:
        raise InvalidArgument("invalid format option")
    return 0


def _layout(options: Options) -> tuple[str, list[str]]:
    """--format is also taken behind the id, where the original's callers put it; the rest is ps's."""
    words = options.arguments[1:]
    if words[:1] in (["--format"], ["-f"]) and words[1:2] and words[1] in ("json", "table"):
        return words[1], words[2:]
    return options.text("format", "table"), words


def _output_of_ps(words: list[str]) -> str:
    program = next((path for path in _PS if os.access(path, os.X_OK)), "")
    if not program:
        raise InternalError('exec: "ps": executable file not found in $PATH')
    reader, writer = os.pipe()
    pid = os.posix_spawn(program, ["ps", *words], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    chunks = []
    while chunk := os.read(reader, 65536):
        chunks.append(chunk)
    os.close(reader)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise InternalError(f"ps: exit status {code}")
    return b"".join(chunks).decode("utf-8", "surrogateescape")


def _selected(table: str, pids: set[int]) -> str:
    """The heading, and the lines whose PID column holds one of ours."""
    heading, *lines = table.splitlines(keepends=True)
    titles = heading.split()
    if "PID" not in titles:
        raise InternalError("couldn't find PID field in ps output")
    column = titles.index("PID")
    kept = [line for line in lines if line.split()[column : column + 1] and line.split()[column] in map(str, pids)]
    return heading + "".join(kept)
