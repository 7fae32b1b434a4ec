"""Stopping and continuing all processes of a control group: the freezer of cgroup v1 and of v2."""

import errno
import os
import time

from slipway.linux import cgroups

_PAUSE = 0.002
_V1_STATES = {True: "FROZEN", False: "THAWED"}


def set_frozen(groups: dict[str, str], frozen: bool, timeout: float) -> None:
    """Stop or continue every process of a group, and wait until it is so. Raises TimeoutError, OSError.

    What could not be stopped in time goes on. Without a freezer thawing succeeds: nothing can be frozen.
    """
    group = groups.get(cgroups.UNIFIED) or groups.get("freezer")
    if group is None:
        if frozen:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), "the freezer cgroup is not mounted")
        return
    unified = cgroups.UNIFIED in groups
    file, value = ("cgroup.freeze", str(int(frozen))) if unified else ("freezer.state", _V1_STATES[frozen])
    deadline = time.monotonic() + timeout
    cgroups.write(group, file, value)
    while is_frozen(groups) != frozen:
        if time.monotonic() > deadline:
            if frozen:
                cgroups.write(group, file, "0" if unified else _V1_STATES[False])
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), f"{group}/{file} = {value}")
        time.sleep(_PAUSE)
        if not unified:
            cgroups.write(group, file, value)  # a fork during FREEZING can hold the v1 freezer until it is asked again


def is_frozen(groups: dict[str, str]) -> bool:
    """Whether the kernel says that every process of the group stands still."""
    try:
        if cgroups.UNIFIED in groups:
            return "frozen 1" in cgroups.read(groups[cgroups.UNIFIED], "cgroup.events")
        return "freezer" in groups and cgroups.read(groups["freezer"], "freezer.state") == "FROZEN"
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return False
        raise
