"""A new container's namespaces: opened and checked by the parent, entered by the child, in the kernel's order."""

import errno
import os

from slipway.base.errors import InvalidArgument
from slipway.linux import interfaces, namespaces, prctl
from slipway.linux.namespace_flags import (
    CLONE_NEWCGROUP,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    FILES,
)
from slipway.runc.confine.identity import become_its_root, drop_groups
from slipway.runc.plan.namespaces import NamespacePlan
from slipway.runc.process import handshake
from slipway.runc.process.handshake import Channel

# Entering them again would fail (user), or make the caller's own file tree the container's (mount).
_NEVER_OUR_OWN = (CLONE_NEWUSER, CLONE_NEWNS)


class NamespaceFile:
    """A namespace to join: an open descriptor of it, and the path by which it was named."""

    __slots__ = ("descriptor", "flag", "path")

    def __init__(self, flag: int, descriptor: int, path: str) -> None:
        self.flag = flag
        self.descriptor = descriptor
        self.path = path


def open_namespaces(plan: NamespacePlan) -> list[NamespaceFile]:
    """Those that are joined by path. Raises InvalidArgument for a file that is no namespace of the kind asked for."""
    files: list[NamespaceFile] = []
    try:
        for flag, path in plan.joined:
            files.append(_open(flag, path))
    except BaseException:
        close_namespaces(files)
        raise
    return files


def close_namespaces(files: list[NamespaceFile]) -> None:
    for file in files:
        os.close(file.descriptor)


def _open(flag: int, path: str) -> NamespaceFile:
    try:
        # No blocking: it may be a FIFO, as it may be anything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InvalidArgument(f"namespace path: open {path}: {reason}") from None
    file = NamespaceFile(flag, descriptor, path)
    try:
        _check(file)
    except BaseException:
        os.close(descriptor)
        raise
    return file


def _check(file: NamespaceFile) -> None:
    flag, path = file.flag, file.path
    kind = namespaces.kind_of(file.descriptor)
    if not kind:
        raise InvalidArgument(f"namespace path: {path} is no namespace")
    if kind != flag:
        found = FILES.get(kind, "unknown")
        raise InvalidArgument(f"namespace path: {path} is a namespace of kind {found}, not {FILES[flag]}")
    if flag in _NEVER_OUR_OWN and is_our_own(file):
        raise InvalidArgument(f"namespace path: {path} is the {FILES[flag]} namespace that runc itself is in")


def is_our_own(file: NamespaceFile) -> bool:
    """Whether this process is in that namespace."""
    ours, other = os.stat(f"/proc/self/ns/{FILES[file.flag]}"), os.fstat(file.descriptor)
    return (ours.st_dev, ours.st_ino) == (other.st_dev, other.st_ino)


def change_namespaces(
    plan: NamespacePlan,
    files: list[NamespaceFile],
    channel: Channel,
    *,
    offsets: bool,
    devices: bool,
    as_user: bool,
    forks_inside: bool,
) -> None:
    """The child's side. A PID namespace of the host's user namespace is the parent's work, before the fork.

    `offsets`: the parent has something to write for the new time namespace; `devices`: to move into the network.
    `as_user`: the parent is no root. `forks_inside`: the PID namespace is entered here. In a user namespace this
    process is its root afterwards, and with `forks_inside` another process: the fork of it.
    """
    if plan.has_user:
        drop_groups()
    _join([file for file in files if file.flag != CLONE_NEWPID])
    if plan.new & CLONE_NEWUSER:
        namespaces.unshare(CLONE_NEWUSER)
        # An ordinary user's parent, and its tools, may only now write our files in /proc. Nobody else can trace us: no
        # other process is in this user namespace, which has all privileges that we have (ptrace(2)).
        _ask(channel, handshake.MAP, as_user=as_user)
    if plan.has_user:
        become_its_root()
    later = CLONE_NEWPID | CLONE_NEWUSER | (0 if plan.has_user else CLONE_NEWCGROUP)
    namespaces.unshare(plan.new & ~later)
    if plan.new & CLONE_NEWTIME:
        _enter_new_time(channel, offsets, as_user=as_user)
    if plan.new & CLONE_NEWNET:
        interfaces.bring_loopback_up()
    if devices:
        channel.send(handshake.DEVICES)
        channel.wait_go()
    if forks_inside:
        for file in files:
            if file.flag == CLONE_NEWPID:
                _enter(file)
        namespaces.unshare(plan.new & CLONE_NEWPID)
        fork_inside(channel)


def _join(files: list[NamespaceFile]) -> None:
    """With our own privileges first; then the user namespace; then what only its root may enter.

    A namespace that is not of the joined user namespace needs the first, one of a user namespace that we do not own
    the last.
    """
    users = [file for file in files if file.flag == CLONE_NEWUSER]
    refused = []
    for file in files:
        if file.flag == CLONE_NEWUSER:
            continue
        try:
            _enter(file)
        except PermissionError:
            if not users:
                raise
            refused.append(file)
    for file in (*users, *refused):
        _enter(file)


def _enter(file: NamespaceFile) -> None:
    try:
        namespaces.join(file.descriptor, file.flag)
    except OSError as error:
        number = error.errno or errno.EIO
        what = f"failed to setns into {FILES[file.flag]} namespace: {file.path}"
        raise OSError(number, os.strerror(number), what) from None


def _ask(channel: Channel, kind: bytes, *, as_user: bool) -> None:
    """For something to be written to this process's files in /proc, which an ordinary user's parent may do only now."""
    if as_user:
        prctl.set_dumpable(True)
    channel.send(kind)
    channel.wait_go()
    if as_user:
        prctl.set_dumpable(False)


def _enter_new_time(channel: Channel, offsets: bool, *, as_user: bool) -> None:
    """unshare(2) moves only children: offsets can be written until the first process is inside, which we are next."""
    if offsets:
        _ask(channel, handshake.TIME, as_user=as_user)
    namespaces.join_path("/proc/self/ns/time_for_children", CLONE_NEWTIME)


def fork_inside(channel: Channel) -> None:
    """Go on as a child of this process, for only that is in the PID namespace which this one has made or joined.

    Where the container's user namespace owns it, and we own nothing else, the parent could not do that before its fork.
    This process ends, and the child becomes that of the next subreaper, which the parent is.
    """
    pid = os.fork()
    if pid:
        channel.send(handshake.INIT, str(pid).encode())
        os._exit(0)
    channel.wait_go()
