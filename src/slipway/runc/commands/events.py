"""`runc events`: a container's usage and its lack of memory as JSON, one document a line, until its group is gone."""

import time

from slipway.base import json_text
from slipway.base.errors import InternalError, InvalidArgument
from slipway.runc.commands.context import Context, write_output
from slipway.runc.confine.oom_events import oom_events
from slipway.runc.confine.statistics import statistics_of
from slipway.runc.options.parse import DURATION, SWITCH, Flag, Options, check_arguments, seconds_from_duration
from slipway.runc.report import words_of
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status

INTERLEAVED = True
FLAGS = (Flag(DURATION, "interval"), Flag(SWITCH, "stats"))

_DEFAULT_INTERVAL = "5s"


def run(context: Context, options: Options) -> int:
    check_arguments("events", options, 1, 1)
    state = context.store.load(options.arguments[0])
    interval = seconds_from_duration(options.text("interval", _DEFAULT_INTERVAL)) or 0.0
    if interval <= 0:
        raise InvalidArgument("duration interval must be greater than 0")
    lifecycle.check("events", state.id, current_status(context.store, state))
    if options.switch("stats"):
        write_output(_statistics(state))
    else:
        _follow(context, state, interval)
    return 0


def _follow(context: Context, state: ContainerState, interval: float) -> None:
    events = oom_events(state.groups)
    due = time.monotonic() + interval
    while True:
        count, ended = events.wait(max(0.0, due - time.monotonic()))
        for _ in range(count):
            write_output(json_text.dumps({"type": "oom", "id": state.id}) + "\n")
        if ended:
            return
        if time.monotonic() >= due:
            due = time.monotonic() + interval
            try:
                write_output(_statistics(state))
            except InternalError as error:
                context.log.warning(words_of(error))  # it may end just now: the next event says so


def _statistics(state: ContainerState) -> str:
    try:
        data = statistics_of(state.groups)
    except (OSError, ValueError) as error:
        raise InternalError(f"unable to get container cgroup stats: {words_of(error)}") from None
    return json_text.dumps({"type": "stats", "id": state.id, "data": data}) + "\n"
