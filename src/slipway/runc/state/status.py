"""What a container is doing now, asked of the kernel: state.json only says who its init was."""

import os

from slipway.linux import cgroup_freezer, processes
from slipway.runc.state import lifecycle
from slipway.runc.state.model import ContainerState
from slipway.runc.state.store import StateStore


def current_status(store: StateStore, state: ContainerState) -> str:
    """One of the statuses of `lifecycle`."""
    if not state.pid:
        return lifecycle.CREATING
    if not processes.is_alive(state.pid, state.start):
        return lifecycle.STOPPED
    if cgroup_freezer.is_frozen(state.groups):
        return lifecycle.PAUSED
    return lifecycle.CREATED if os.path.exists(store.fifo(state.id)) else lifecycle.RUNNING
