"""Bind mounts: a tree of the host, cloned, given its attributes and shown in the container."""

import errno
import os
import stat

from slipway.base.errors import InternalError
from slipway.linux import mounts
from slipway.linux.mount_flags import MOUNT_ATTR_ATIME, MOUNT_ATTR_NODIRATIME
from slipway.runc.plan.mount_options import ACCESS_TIME_ATTRIBUTES, FLAG_ATTRIBUTES, IDMAP_NONE, MountOptions
from slipway.runc.plan.operations import BindMount
from slipway.runc.process.filesystem_mounts import finish_mount
from slipway.runc.process.targets import open_target
from slipway.runc.process.workspace import Workspace

# What the kernel may lock where a mount comes from a namespace of more privilege (mount_namespaces(7)).
_LOCKABLE = (
    ("MS_RDONLY", 0x1),
    ("MS_NOSUID", 0x2),
    ("MS_NODEV", 0x4),
    ("MS_NOEXEC", 0x8),
    ("MS_NOATIME", 0x10),
    ("MS_STRICTATIME", 0x20),
    ("MS_NODIRATIME", MOUNT_ATTR_NODIRATIME),
)


def bind(workspace: Workspace, step: BindMount) -> None:
    if step.options.remount:
        _change_what_is_there(workspace, step)
        return
    mount = _source(workspace, step)
    try:
        is_directory = stat.S_ISDIR(os.fstat(mount).st_mode)
        target = open_target(workspace, step.destination, directory=is_directory, source=mount)
        try:
            if stat.S_ISDIR(os.fstat(target).st_mode) != is_directory:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), step.destination)
            if step.options.has_flags:
                _set_flags(mount, step.options)
            finish_mount(mount, step.options)
            mounts.attach(mount, target)
        finally:
            os.close(target)
    finally:
        os.close(mount)


def _source(workspace: Workspace, step: BindMount) -> int:
    """A detached clone. What only the host's root may see or map is asked of the parent, which is that."""
    if step.options.idmap != IDMAP_NONE:
        return workspace.fetch_source(step)
    try:
        return mounts.clone_path(step.source, recursive=step.options.recursive)
    except PermissionError:
        return workspace.fetch_source(step)
    except FileNotFoundError:
        raise InternalError(f"failed to fulfil mount request: open {step.source}: no such file or directory") from None


def _change_what_is_there(workspace: Workspace, step: BindMount) -> None:
    """`bind,remount`: new flags for the mount at the destination."""
    target = open_target(workspace, step.destination, directory=True)
    try:
        _set_flags(target, step.options)
        finish_mount(target, step.options)
    finally:
        os.close(target)


def _set_flags(mount: int, options: MountOptions) -> None:
    """Exactly those asked for; the rest go, as with the original. Access time modes stay, unless one is asked for.

    In a user namespace flags can be locked: then what is there stays, if nothing asked for contradicts it.
    """
    present = mounts.attributes_of(mount)
    clear = present & FLAG_ATTRIBUTES & ~options.add  # no more than that: an older kernel may not know all of them
    if options.sets_access_times:
        clear |= MOUNT_ATTR_ATIME | MOUNT_ATTR_NODIRATIME & ~options.add
    try:
        mounts.set_attributes(mount, add=options.add, clear=clear)
        return
    except PermissionError as error:
        refusal = error
    _check_locked(present, options, refusal)
    mounts.set_attributes(mount, add=options.add & ~ACCESS_TIME_ATTRIBUTES)


def _check_locked(present: int, options: MountOptions, refusal: OSError) -> None:
    unwanted = present & options.clear & FLAG_ATTRIBUTES
    reason = f"mount_setattr: {os.strerror(refusal.errno or 0).lower()}"
    beginning = "failed to set user-requested vfs flags on bind-mount: cannot"
    if unwanted:
        raise InternalError(f"{beginning} clear locked flags {_names(unwanted)}: {reason}")
    asked = options.add & ACCESS_TIME_ATTRIBUTES
    if options.sets_access_times and asked != present & ACCESS_TIME_ATTRIBUTES:
        raise InternalError(
            f"{beginning} change locked atime flags {_names(present & ACCESS_TIME_ATTRIBUTES)}: {reason}"
        )


def _names(attributes: int) -> str:
    return "|".join(name for name, attribute in _LOCKABLE if attributes & attribute) or "MS_RELATIME"
