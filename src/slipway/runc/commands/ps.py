"""`runc ps`: the processes of a container."""

from slipway.base import json_text
from slipway.base.errors import FailedPrecondition, InternalError, InvalidArgument
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine.cgroups import processes_of
from slipway.runc.options.parse import TEXT, Flag, Options, check_arguments
from slipway.runc.process.programs import find_host_program, run_to_end

INTERLEAVED = False
FLAGS = (Flag(TEXT, "format", "f"),)


def run(context: Context, options: Options) -> int:
    check_arguments("ps", options, 1)
    groups = context.store.load(options.arguments[0]).groups
    if not groups:
        raise FailedPrecondition("cannot tell the processes of a container that has no cgroup")
    pids = processes_of(groups)
    layout = options.text("format", "table")
    if layout == "json":
        write_output(json_text.dumps([*pids] or None) + "\n")
    elif layout == "table":
        write_output(_selected(_output_of_ps(options.arguments[1:] or ["-ef"]), set(pids)))
    else:
        raise InvalidArgument("invalid format option")
    return 0


def _output_of_ps(words: list[str]) -> str:
    """What the host's ps says about all processes. Raises InternalError with its words."""
    program = find_host_program("ps")
    if not program:
        raise InternalError('exec: "ps": executable file not found in $PATH')
    status, output = run_to_end(program, ["ps", *words])
    if status:
        raise InternalError(f"exit status {status}: {output}")
    return output


def _selected(table: str, pids: set[int]) -> str:
    """The heading, and the lines whose PID column holds one of ours."""
    heading, *lines = table.splitlines(keepends=True)
    titles = heading.split()
    if "PID" not in titles:
        raise InternalError("couldn't find PID field in ps output")
    column = titles.index("PID")
    wanted = set(map(str, pids))
    return heading + "".join(line for line in lines if wanted.intersection(line.split()[column : column + 1]))
