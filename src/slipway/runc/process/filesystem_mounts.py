"""New file systems in a container: made detached and attached, or by mount(2) where only that will do."""

import os
import stat

from slipway.base.errors import InternalError
from slipway.linux import copy_tree, mounts, resolve
from slipway.linux.mount_flags import MOUNT_ATTR_RDONLY, MS_RDONLY
from slipway.runc.confine import labels
from slipway.runc.plan.mount_options import MountOptions
from slipway.runc.plan.operations import MountFileSystem
from slipway.runc.process.targets import open_plain_directory, open_target
from slipway.runc.process.workspace import Workspace
from slipway.runc.report import words_of

# It takes no option of the kind (mqueue_fs_context_ops in the kernel has none at all).
_LABELLED_AFTERWARDS = "mqueue"


def mount_file_system(workspace: Workspace, step: MountFileSystem) -> None:
    existing = _directory_below(workspace, step)
    if step.kind in ("proc", "sysfs"):
        target = open_plain_directory(workspace, step.destination, step.kind)
    else:
        target = open_target(workspace, step.destination, directory=True)
    try:
        if step.options.needs_mount_call:
            mount = _mount_by_call(workspace, step, target, existing)
        else:
            mount = _mount_detached(step, target, existing)
    finally:
        os.close(target)
        if existing >= 0:
            os.close(existing)
    if step.late_readonly:
        workspace.late_readonly.append(mount)
    else:
        os.close(mount)


def _directory_below(workspace: Workspace, step: MountFileSystem) -> int:
    """What is there already, which a tmpfs over it takes after; -1 if nothing, or for other file systems."""
    if step.kind != "tmpfs":
        return -1
    try:
        return resolve.open_in_root(workspace.root, step.destination)
    except FileNotFoundError:
        return -1


def _mode_of(existing: int) -> str:
    return f"{stat.S_IMODE(os.fstat(existing).st_mode):04o}"


def _mount_detached(step: MountFileSystem, target: int, existing: int) -> int:
    data = list(step.options.data)
    if existing >= 0:
        data.insert(0, ("mode", _mode_of(existing)))  # a later `mode` wins
    attributes = step.options.add
    if step.late_readonly:
        attributes &= ~MOUNT_ATTR_RDONLY
    elif attributes & MOUNT_ATTR_RDONLY:
        data.append(("ro", None))  # mount(2) would set the superblock's flag too
    label = step.options.label
    if step.kind != _LABELLED_AFTERWARDS:
        data += labels.mount_data(label)
    mount = mounts.new_filesystem(step.kind, step.source, data, attributes)
    if label and step.kind == _LABELLED_AFTERWARDS:
        labels.label_file(mount, label)
    if existing >= 0 and step.options.copy_up:
        _copy_up(existing, mount, step)
    finish_mount(mount, step.options)
    mounts.attach(mount, target)
    return mount


def _copy_up(existing: int, mount: int, step: MountFileSystem) -> None:
    """The new tmpfs shows what the directory below shows. Who owns it is the options' matter, if they say so."""
    try:
        copy_tree.copy_contents(existing, mount)
    except OSError as error:
        raise InternalError(f"tmpcopyup: failed to copy {words_of(error)}") from None
    given = {key for key, _ in step.options.data}
    status = os.fstat(existing)
    uid = -1 if "uid" in given else status.st_uid
    gid = -1 if "gid" in given else status.st_gid
    os.chown(".", uid, gid, dir_fd=mount)
    os.utime(".", ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=mount)


def _mount_by_call(workspace: Workspace, step: MountFileSystem, target: int, existing: int) -> int:
    """mount(2) through the target's descriptor, as the original does; then the mount, found again by its path."""
    if step.options.copy_up:
        raise InternalError("tmpcopyup: cannot be combined with remount, iversion or a list of options in one word")
    flags = step.options.mount_call_flags()
    if step.late_readonly:
        flags &= ~MS_RDONLY
    words = list(step.options.own_words)
    if existing >= 0 and not step.options.remount:
        words.insert(0, f"mode={_mode_of(existing)}")
    if step.options.label:
        words.append(f'context="{step.options.label}"')  # it has commas of its own
    mounts.mount_onto(f"/proc/self/fd/{target}", step.source, step.kind, flags, ",".join(words))
    where = workspace.path_of(target)
    mount = resolve.open_in_root(workspace.root, step.destination)
    if workspace.path_of(mount) != where:
        os.close(mount)
        raise InternalError(f'mountpoint "{step.destination}" was moved while re-opening')
    finish_mount(mount, step.options)
    return mount


def finish_mount(mount: int, options: MountOptions) -> None:
    """Recursive attributes and propagation, in the original's order: the last of two wins."""
    if options.recursive_add or options.recursive_clear:
        mounts.set_attributes(mount, add=options.recursive_add, clear=options.recursive_clear, recursive=True)
    for propagation, recursive in options.propagation:
        mounts.set_attributes(mount, propagation=propagation, recursive=recursive)
