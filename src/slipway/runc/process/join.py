"""The child that joins a running container: `exec`'s side of what `init` does for the first process."""

import os

from slipway.base.errors import EngineError
from slipway.linux import namespaces
from slipway.linux.memory_policy import set_memory_policy
from slipway.linux.namespace_flags import CLONE_NEWPID, CLONE_NEWUSER
from slipway.runc.confine import cgroups, limits
from slipway.runc.confine.identity import become_its_root, drop_groups
from slipway.runc.process import handshake
from slipway.runc.process.become import Confinement, become, execute, set_process_attributes
from slipway.runc.process.console import set_up_console
from slipway.runc.process.enter_namespaces import fork_inside
from slipway.runc.process.guard import shut_interpreter
from slipway.runc.process.handshake import Channel
from slipway.runc.process.keyring import join_keyring
from slipway.runc.process.workspace import open_host_proc
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class JoinRequest:
    """Made by the parent. `target` is a pidfd of the container's init; `flags` the namespaces to take from it.

    `root`: the container's root directory if it has no mount namespace, else -1. `memory_policy`: see InitRequest.
    `forks_inside`: only in the container's user namespace may this process join its PID namespace. `cpus`: where the
    process may run in the end, None for everywhere that its groups allow; empty to leave it as it is.
    """

    __slots__ = (
        "confinement",
        "console",
        "cpus",
        "flags",
        "forks_inside",
        "groups",
        "id",
        "keyring",
        "memory_policy",
        "root",
        "target",
    )

    def __init__(
        self, container: str, target: int, flags: int, groups: dict[str, str], confinement: Confinement
    ) -> None:
        self.id = container
        self.target = target
        self.flags = flags
        self.groups = groups
        self.confinement = confinement
        self.console = -1
        self.forks_inside = False
        self.cpus: frozenset[int] | None = None
        self.keyring = True
        self.root = -1
        self.memory_policy: tuple[int, int] | None = None


def run_join(request: JoinRequest, channel: Channel) -> "NoReturn":
    """Never returns: the process becomes the program, or reports why not and exits."""
    try:
        channel.wait_go()
        cgroups.join_groups(request.groups)
        if request.cpus is None or request.cpus:
            limits.set_cpus(request.cpus, "error setting final CPU affinity")
        _join(request, channel)
    except (OSError, EngineError) as error:
        handshake.fail(channel, words_of(error))
    except BaseException as error:  # noqa: BLE001 - the edge of this process
        handshake.fail(channel, f"internal error: {words_of(error)}")
    os._exit(255)


def _join(request: JoinRequest, channel: Channel) -> "NoReturn":
    process = request.confinement.process
    if process.oom_score_adj is not None:
        limits.set_oom_score(process.oom_score_adj)
    proc = open_host_proc()
    shut_interpreter(channel)
    if request.flags & CLONE_NEWUSER:
        drop_groups()
    # By pidfd all at once; the mount namespace also sets root and working directory to its own (setns(2)).
    namespaces.join(request.target, request.flags if request.forks_inside else request.flags & ~CLONE_NEWPID)
    if request.forks_inside:
        fork_inside(channel)
    if request.flags & CLONE_NEWUSER:
        become_its_root()
    os.setsid()
    own_proc = os.open("self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    if request.root >= 0:
        os.fchdir(request.root)
        os.chroot(".")
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if request.keyring:
        join_keyring(own_proc, request.id, request.confinement.selinux, searchable=False)
    if request.console >= 0:
        set_up_console(root, request.console, process.console_size, make_device=False)
    os.umask(0o022 if request.confinement.umask is None else request.confinement.umask)
    channel.send(handshake.READY)
    channel.wait_go()
    if request.memory_policy is not None:
        set_memory_policy(*request.memory_policy)
    set_process_attributes(request.confinement)
    program = become(request.confinement, root, own_proc, channel, profile_last=True)
    channel.close()
    execute(program, request.confinement, own_proc)
