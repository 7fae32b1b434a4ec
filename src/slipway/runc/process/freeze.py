"""Pausing a container and letting it go on."""

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.linux import cgroup_freezer
from slipway.runc.report import words_of
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore

_TIMEOUT = 10.0


def freeze_container(store: StateStore, state: ContainerState, *, frozen: bool) -> None:
    """Returns when the kernel says it is so. A container that cannot be frozen in time is left running."""
    lifecycle.check("pause" if frozen else "resume", state.id, current_status(store, state))
    if not state.groups:
        raise FailedPrecondition(
            f"cannot {'pause' if frozen else 'resume'} a container that has no cgroup",
            "a rootless container has one where cgroup v2 is delegated to the user",
        )
    try:
        cgroup_freezer.set_frozen(state.groups, frozen, _TIMEOUT)
    except OSError as error:
        if frozen:
            cgroup_freezer.set_frozen(state.groups, False, _TIMEOUT)
        raise InternalError(f"unable to freeze: {words_of(error)}") from None
