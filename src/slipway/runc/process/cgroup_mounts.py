"""The cgroup file systems inside a container: the whole of v2, or one directory for each hierarchy of v1."""

import errno
import os

from slipway.linux import mounts, resolve
from slipway.linux.cgroup_names import HYBRID, UNIFIED
from slipway.linux.mount_flags import (
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID,
)
from slipway.runc.confine import labels
from slipway.runc.plan.mount_options import MountOptions
from slipway.runc.plan.operations import MountCgroups
from slipway.runc.process.workspace import Workspace

_SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC


def mount_cgroups(workspace: Workspace, step: MountCgroups, target: int) -> None:
    """On `target`, an O_PATH descriptor. Raises OSError."""
    if UNIFIED in workspace.points:
        _attach(_unified_mount(workspace, step), step.options, target)
        return
    options = [("mode", "755"), *labels.mount_data(step.options.label)]
    tmpfs = mounts.new_filesystem("tmpfs", "tmpfs", options, _SAFE)
    try:
        _fill(workspace, step, tmpfs)
        mounts.attach(tmpfs, target)
        _mount_hierarchies(workspace, step, tmpfs)
    finally:
        os.close(tmpfs)


def _unified_mount(workspace: Workspace, step: MountCgroups) -> int:
    try:
        return mounts.new_filesystem("cgroup2", "cgroup", step.options.data, step.options.add)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EBUSY):
            raise
    # In a user namespace without a cgroup namespace of its own: show the container's own group, or all, as it is.
    source = _group(workspace, UNIFIED) if step.own_namespace else workspace.points[UNIFIED]
    mount = mounts.clone_path(source, recursive=True)
    mounts.set_attributes(mount, add=step.options.add)
    return mount


def _group(workspace: Workspace, controller: str) -> str:
    """The container's own; of a rootless container without one, that of its maker, in which it is."""
    group = workspace.groups.get(controller)
    return group or f"{workspace.points[controller]}{workspace.own_groups.get(controller, '/')}"


def _attach(mount: int, options: MountOptions, target: int) -> None:
    try:
        for propagation, recursive in options.propagation:
            mounts.set_attributes(mount, propagation=propagation, recursive=recursive)
        mounts.attach(mount, target)
    finally:
        os.close(mount)


def _by_mount_point(points: dict[str, str]) -> dict[str, list[str]]:
    """Mount point -> its controllers: v1 often has `cpu,cpuacct` in one. v2 beside v1 is not shown, as ever."""
    grouped: dict[str, list[str]] = {}
    for controller, point in points.items():
        if controller != HYBRID:
            grouped.setdefault(point, []).append(controller)
    return grouped


def _fill(workspace: Workspace, step: MountCgroups, tmpfs: int) -> None:
    """Directories to mount on, and links for controllers that share one."""
    for point, controllers in _by_mount_point(workspace.points).items():
        name = point.rpartition("/")[2]
        os.mkdir(name, 0o755, dir_fd=tmpfs)
        if "," in name:
            for controller in controllers:
                os.symlink(name, controller, dir_fd=tmpfs)


def _mount_hierarchies(workspace: Workspace, step: MountCgroups, tmpfs: int) -> None:
    for point, controllers in _by_mount_point(workspace.points).items():
        name = point.rpartition("/")[2]
        if step.own_namespace:
            options: list[tuple[str, str | None]] = [_option(controller) for controller in controllers]
            source = "systemd" if controllers == ["name=systemd"] else "cgroup"
            mount = mounts.new_filesystem("cgroup", source, options, _SAFE | step.options.add)
        else:
            mount = mounts.clone_path(_group(workspace, controllers[0]), recursive=True)
            mounts.set_attributes(mount, add=step.options.add)
        target = resolve.open_in_root(tmpfs, name)
        try:
            _attach(mount, step.options, target)
        finally:
            os.close(target)


def _option(controller: str) -> "tuple[str, str | None]":
    key, separator, value = controller.partition("=")
    return key, value if separator else None
