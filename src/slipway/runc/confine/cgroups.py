"""A container's control groups on the machine: made, filled, limited."""

import errno
import os

from slipway.base.errors import FailedPrecondition, InternalError
from slipway.linux import bpf, cgroup_freezer, cgroups
from slipway.runc.plan.cgroup_write import CgroupWrite
from slipway.runc.plan.device_rules import DevicePolicy, device_policy_writes
from slipway.runc.report import words_of

_CREATING = "unable to apply cgroup configuration: "
_MEMORY_LIMIT = "memory.limit_in_bytes"
# For a group with processes of its own; for a real-time policy in the cpu controller; for a user, who is not asked for
# more than their administrator has given: a limit that misses its controller says so when it is written.
_REFUSALS = (errno.EBUSY, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM)


def check_vacant(groups: dict[str, str]) -> None:
    """A new container's limits must not fall on others' processes. Raises FailedPrecondition."""
    found = len(processes_of(groups))
    if found:
        raise FailedPrecondition(f"container's cgroup is not empty: {found} process(es) found")
    if cgroup_freezer.is_frozen(groups):
        raise FailedPrecondition("container's cgroup unexpectedly frozen")


def make_birthplace(groups: dict[str, str], points: dict[str, str]) -> None:
    """Make the group of v2, if there is one, for a fork into it. A crash leaves it empty; `delete` removes it."""
    group = birthplace(groups)
    if group:
        cgroups.make(group)
    if cgroups.UNIFIED in groups:
        _enable_controllers(group, points[cgroups.UNIFIED])


def make_groups(groups: dict[str, str], points: dict[str, str]) -> None:
    """Make every other directory. A crash leaves empty groups, which `delete` removes."""
    for controller, group in groups.items():
        if controller not in (cgroups.UNIFIED, cgroups.HYBRID):
            make_group(controller, group, points[controller])


def make_group(controller: str, group: str, point: str) -> None:
    """One directory, and those above it. `point`: where the hierarchy is mounted."""
    if controller == "cpuset":
        _make_cpuset(group, point)
    else:
        cgroups.make(group)


def _make_cpuset(group: str, point: str) -> None:
    """A new cpuset of v1 is empty and takes no process: each level inherits by hand.

    One that is there may be empty, too: its maker is about to fill it, or died.
    """
    if group == point:
        return
    parent = group.rpartition("/")[0]
    _make_cpuset(parent, point)
    cgroups.make(group)
    for file in ("cpuset.cpus", "cpuset.mems"):
        if not cgroups.read(group, file):
            cgroups.write(group, file, cgroups.read(parent, file))


def _enable_controllers(group: str, point: str) -> None:
    """Hand every available controller down the path to the group; those that cannot be are left out."""
    directory = point
    for name in group[len(point) :].strip("/").split("/"):
        for controller in cgroups.read(directory, "cgroup.controllers").split():
            try:
                cgroups.write(directory, "cgroup.subtree_control", f"+{controller}")
            except OSError as error:
                if error.errno not in _REFUSALS:
                    raise
        directory = f"{directory}/{name}"


def birthplace(groups: dict[str, str]) -> str:
    """The group of v2, in which a process must be born; "" on a machine with v1 alone."""
    return groups.get(cgroups.UNIFIED) or groups.get(cgroups.HYBRID, "")


def join_groups(groups: dict[str, str]) -> None:
    """Move this process into all other groups."""
    born = birthplace(groups)
    for group in dict.fromkeys(groups.values()):
        if group != born:
            cgroups.join(group)


def hand_over(groups: dict[str, str], owner: "int | None", *, lenient: bool = False) -> None:
    """Let a user make groups below the container's (v2); the limits themselves stay ours.

    `lenient`: who may not give them away keeps them.
    """
    if owner and cgroups.UNIFIED in groups:
        try:
            cgroups.hand_over(groups[cgroups.UNIFIED], owner)
        except OSError as error:
            if lenient and isinstance(error, PermissionError):
                return
            raise InternalError(f"unable to hand the cgroup over to user {owner}: {words_of(error)}") from None


def kill_everyone(groups: dict[str, str]) -> bool:
    """Whether the kernel has killed all processes of the group of v2, those being born included."""
    group = birthplace(groups)
    return bool(group) and cgroups.kill(group)


def apply_limits(groups: dict[str, str], writes: list[CgroupWrite], context: str = _CREATING) -> None:
    """Write limits in order. Raises InternalError in the original's words, which begin with `context`."""
    postponed = []
    for write in writes:
        try:
            _apply(groups, write)
        except OSError as error:
            if not write.again or error.errno not in (errno.EINVAL, errno.EBUSY):
                raise _failure(groups, write, error, context) from None
            postponed.append(write)
    for write in postponed:
        try:
            _apply(groups, write)
        except OSError as error:
            raise _failure(groups, write, error, context) from None


def change_limits(groups: dict[str, str], writes: list[CgroupWrite]) -> None:
    """The same for a group that has limits: all of them, or it is as it was. Raises InternalError."""
    before = [_present(groups, write) for write in writes]
    try:
        apply_limits(groups, writes, context="")
    except InternalError:
        for write in (*before, *before):  # one may be refused while another is not back yet
            try:
                if write is not None:
                    _apply(groups, write)
            except OSError:
                continue  # the first error is the one to tell
        raise


def _present(groups: dict[str, str], write: CgroupWrite) -> "CgroupWrite | None":
    """What would put a limit back as it is now; None where the file holds more than one value."""
    try:
        value = cgroups.read(groups[write.controller], write.file)
    except (OSError, KeyError):
        return None
    return None if "\n" in value or not value else CgroupWrite(write.controller, write.file, value)


def _failure(groups: dict[str, str], write: CgroupWrite, error: OSError, context: str) -> InternalError:
    group = groups.get(write.controller)
    if group is None:
        return InternalError(f"{context}cannot set {write.controller} limit: container could not join or create cgroup")
    if error.errno == errno.EBUSY and write.file == _MEMORY_LIMIT:
        usage, peak = (cgroups.read(group, f"memory.{kind}_in_bytes") for kind in ("usage", "max_usage"))
        return InternalError(
            f"{context}unable to set memory limit to {write.value} (current usage: {usage}, peak usage: {peak})"
        )
    reason = (error.strerror or "").lower()
    return InternalError(f'{context}failed to write "{write.value}": write {group}/{write.file}: {reason}')


def _apply(groups: dict[str, str], write: CgroupWrite) -> None:
    group = groups.get(write.controller)
    if group is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), f"cgroup controller {write.controller}")
    try:
        cgroups.write(group, write.file, write.value)
    except FileNotFoundError:
        if write.instead is not None:
            _apply(groups, write.instead)
        elif not write.optional:
            raise


def apply_devices(groups: dict[str, str], policy: DevicePolicy, *, lenient: bool = False) -> None:
    """Allow exactly what the policy says: by control files on v1, by a BPF program on v2.

    `lenient`: who may not do that has no devices but those of the machine that they may open anyway.
    """
    try:
        if cgroups.UNIFIED in groups:
            program = bpf.load_device_program(bpf.device_program(policy.default_allow, policy.entries()))
            try:
                bpf.attach_device_program(groups[cgroups.UNIFIED], program)
            finally:
                os.close(program)
        elif "devices" in groups:
            for file, value in device_policy_writes(policy):
                cgroups.write(groups["devices"], file, value)
    except OSError as error:
        if lenient and isinstance(error, PermissionError):
            return
        raise InternalError(f"unable to apply cgroup configuration: devices: {words_of(error)}") from None


def remove_groups(groups: dict[str, str], timeout: float) -> None:
    """Remove every directory. Raises InternalError if processes still live there after `timeout` seconds."""
    try:
        for group in dict.fromkeys(groups.values()):
            cgroups.remove(group, timeout)
    except OSError as error:
        raise InternalError(f"unable to remove container's cgroup: {words_of(error)}") from None


def processes_of(groups: dict[str, str]) -> list[int]:
    """The container's processes, by the hierarchy that is surest to hold them all."""
    for controller in (cgroups.UNIFIED, "pids", "devices", "memory", *groups):
        if controller in groups:
            return cgroups.processes(groups[controller])
    return []


def out_of_memory(groups: dict[str, str]) -> bool:
    """Whether the kernel has killed a process of the container for want of memory."""
    file = "memory.events" if cgroups.UNIFIED in groups else "memory.oom_control"
    group = groups.get(cgroups.UNIFIED) or groups.get("memory")
    if group is None:
        return False
    try:
        lines = cgroups.read(group, file).splitlines()
    except OSError:
        return False
    return any(line.startswith("oom_kill ") and not line.endswith(" 0") for line in lines)
