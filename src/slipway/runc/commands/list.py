"""`runc list`: the containers below --root."""

import os
import pwd

from slipway.base import json_text
from slipway.base.errors import EngineError, InvalidArgument
from slipway.runc.commands import state as state_command
from slipway.runc.commands.context import Context, write_output
from slipway.runc.options.parse import SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.report import words_of, write_quietly
from slipway.runc.state.status import current_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

INTERLEAVED = True
FLAGS = (Flag(TEXT, "format", "f"), Flag(SWITCH, "quiet", "q"))

_COLUMNS = ("id", "pid", "status", "bundle", "created", "owner")


def run(context: Context, options: Options) -> int:
    check_arguments("list", options, 0, 0)
    rows = _rows(context)
    layout = options.text("format", "table")
    if options.switch("quiet"):
        write_output("".join(f"{row['id']}\n" for row in rows))
    elif layout == "json":
        items: list[Json] = [*rows]
        write_output(json_text.dumps(items or None) + "\n")
    elif layout == "table":
        write_output(_table(rows))
    else:
        raise InvalidArgument("invalid format option")
    return 0


def _rows(context: Context) -> "list[dict[str, Json]]":
    rows = []
    for container in context.store.containers():
        try:
            state = context.store.load(container)
            owner = os.stat(context.store.directory(container)).st_uid
            row = state_command.describe(state, current_status(context.store, state))
        except FileNotFoundError:
            continue  # deleted meanwhile
        except (EngineError, OSError) as error:
            write_quietly(2, f"load container {container}: {words_of(error)}\n")
            continue
        row["owner"] = _name_of(owner)
        rows.append(row)
    return rows


def _name_of(owner: int) -> str:
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"#{owner}"


def _table(rows: "list[dict[str, Json]]") -> str:
    """Columns of at least 12, three blanks apart, as Go's tabwriter prints them."""
    lines = [[column.upper() for column in _COLUMNS], *([str(row[column]) for column in _COLUMNS] for row in rows)]
    widths = [max(12, *(len(line[index]) + 3 for line in lines)) for index in range(len(_COLUMNS) - 1)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) + line[-1] + "\n"
        for line in lines
    )
