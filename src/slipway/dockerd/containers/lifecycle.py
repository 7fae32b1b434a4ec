"""The states of a container, and the one table of what may follow what. Nothing else changes a status. Pure.

created ──start──▶ running ◀──unpause── paused
   │                 │  └────pause────────▲ │
   │                 ├──exit──▶ exited ◀─exit┘
   │                 └──exit_to_restart──▶ restarting ──start──▶ running
   └───────────────remove──────▶ removing ──fail──▶ dead
"""

from enum import StrEnum
from typing import Final

from slipway.base.errors import FailedPrecondition


class Status(StrEnum):
    """What `docker ps` calls the state."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Event(StrEnum):
    """What may happen to a container."""

    START = "start"
    START_FAILED = "start_failed"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    EXIT = "exit"
    EXIT_TO_RESTART = "exit_to_restart"
    REMOVE = "remove"
    REMOVE_FAILED = "remove_failed"


TRANSITIONS: Final[dict[tuple[Status, Event], Status]] = {
    (Status.CREATED, Event.START): Status.RUNNING,
    (Status.CREATED, Event.START_FAILED): Status.CREATED,
    (Status.CREATED, Event.REMOVE): Status.REMOVING,
    (Status.RUNNING, Event.PAUSE): Status.PAUSED,
    (Status.RUNNING, Event.EXIT): Status.EXITED,
    (Status.RUNNING, Event.EXIT_TO_RESTART): Status.RESTARTING,
    (Status.PAUSED, Event.UNPAUSE): Status.RUNNING,
    (Status.PAUSED, Event.EXIT): Status.EXITED,
    (Status.PAUSED, Event.EXIT_TO_RESTART): Status.RESTARTING,
    (Status.RESTARTING, Event.START): Status.RUNNING,
    (Status.RESTARTING, Event.START_FAILED): Status.EXITED,
    (Status.RESTARTING, Event.EXIT): Status.EXITED,
    (Status.EXITED, Event.START): Status.RUNNING,
    (Status.EXITED, Event.START_FAILED): Status.EXITED,
    (Status.EXITED, Event.REMOVE): Status.REMOVING,
    (Status.DEAD, Event.REMOVE): Status.REMOVING,
    (Status.REMOVING, Event.REMOVE_FAILED): Status.DEAD,
}


def next_status(status: Status, event: Event) -> Status:
    """The status after `event`; raises FailedPrecondition when it cannot happen now."""
    following = TRANSITIONS.get((status, event))
    if following is None:
        raise FailedPrecondition(f"cannot {event.value.replace('_', ' ')} a container that is {status.value}")
    return following


def has_process(status: Status) -> bool:
    """Whether a process of the container exists (`State.Running` of the API counts a paused one, too)."""
    return status in (Status.RUNNING, Status.PAUSED)
