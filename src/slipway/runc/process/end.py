"""Signals to a container, and its removal."""

import os
import time

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.linux import cgroup_freezer, processes, signals
from slipway.linux.readiness import is_readable
from slipway.runc.confine import cgroups
from slipway.runc.process.hooks import hooks_from_json, oci_state, run_all_hooks
from slipway.runc.report import words_of
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.status import current_status
from slipway.runc.state.store import StateStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KILL = signals.NUMBERS["KILL"]
_FREEZE_TIMEOUT = 2.0
_DEATH_TIMEOUT = 10.0
_PAUSE = 0.002


def signal_container(store: StateStore, state: ContainerState, number: int, *, everyone: bool) -> None:
    """Signal init, or every process of the container. Raises FailedPrecondition ("container not running").

    SIGKILL to a container that shares another's PID namespace goes to everyone: nothing else would end its processes.
    A rootless container without groups has only its init by which it can be found.
    """
    reaches_everyone = bool(state.groups) or not state.rootless_groups
    if reaches_everyone and (everyone or (number == KILL and not state.private_pids)):
        _signal_everyone(state, number)
        if everyone:
            return
    else:
        lifecycle.check("kill", state.id, current_status(store, state))
        _signal_init(state, number)
    if number == KILL:
        _thaw(state)


def _signal_init(state: ContainerState, number: int) -> None:
    try:
        pidfd = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        raise FailedPrecondition("container not running") from None
    try:
        processes.send_signal(pidfd, number)
    except ProcessLookupError:
        raise FailedPrecondition("container not running") from None
    except (OSError, OverflowError) as error:
        reason = words_of(error) if isinstance(error, OSError) else "invalid argument"
        raise InternalError(f"unable to signal init: {reason}") from None
    finally:
        os.close(pidfd)


def _signal_everyone(state: ContainerState, number: int) -> None:
    """By the kernel at once, where it can; otherwise one by one, frozen meanwhile, so that nobody forks away."""
    if number == KILL and cgroups.kill_everyone(state.groups):
        _thaw(state)
        return
    freeze = number == KILL and _can_freeze(state)
    try:
        for pid in cgroups.processes_of(state.groups):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
            except OverflowError:
                raise InternalError("unable to signal init: invalid argument") from None
    finally:
        if freeze:
            _thaw(state)


def _can_freeze(state: ContainerState) -> bool:
    try:
        cgroup_freezer.set_frozen(state.groups, True, _FREEZE_TIMEOUT)
    except OSError:
        return False
    return True


def _thaw(state: ContainerState) -> None:
    """A killed process of a frozen v1 group dies only when it is thawed."""
    if cgroup_freezer.is_frozen(state.groups):
        cgroup_freezer.set_frozen(state.groups, False, _FREEZE_TIMEOUT)


def delete_container(
    store: StateStore, state: ContainerState, *, force: bool, warn: "Callable[[str], None]" = lambda _: None
) -> None:
    """Remove what the container holds. Raises FailedPrecondition if it runs and `force` is not given.

    `warn` takes what poststop hooks say that fail.
    """
    status = current_status(store, state)
    lifecycle.check("delete --force" if force else "delete", state.id, status)
    if status != lifecycle.STOPPED:
        kill_and_wait(state)
    if not state.private_pids or status == lifecycle.CREATING:
        _empty_groups(state)
    if state.systemd_unit:
        from slipway.runc.process.unit import end_unit  # D-Bus is not for those who make groups by file

        end_unit(state.systemd_unit, user=state.systemd_user)
    cgroups.remove_groups(state.groups, _DEATH_TIMEOUT)
    store.remove(state.id)
    hooks = hooks_from_json(state.poststop_hooks)
    if hooks:
        document = oci_state(state.id, "stopped", 0, state.bundle, state.annotations)
        run_all_hooks("poststop", hooks, document, warn)


def kill_and_wait(state: ContainerState) -> None:
    """Init's death, waited for by pidfd: it may be another's child, whose parent reaps it later or never."""
    if not state.pid:
        return
    try:
        pidfd = processes.open_process(state.pid, state.start)
    except ProcessLookupError:
        return
    try:
        processes.send_signal(pidfd, KILL)
        _thaw(state)
        if not is_readable(pidfd, _DEATH_TIMEOUT):
            raise InternalError("container init still running")
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def _empty_groups(state: ContainerState) -> None:
    """Processes that no PID namespace ends with init."""
    deadline = time.monotonic() + _DEATH_TIMEOUT
    while cgroups.processes_of(state.groups) and time.monotonic() < deadline:
        _signal_everyone(state, KILL)
        time.sleep(_PAUSE)
