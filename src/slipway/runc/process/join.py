"""The child that joins a running container: `exec`'s side of what `init` does for the first process."""

import errno
import os

from slipway.base.errors import EngineError
from slipway.linux import namespaces, prctl
from slipway.linux.namespace_flags import CLONE_NEWPID
from slipway.runc.confine import cgroups, limits
from slipway.runc.process import handshake
from slipway.runc.process.become import Confinement, become, execute, set_process_attributes
from slipway.runc.process.console import set_up_console
from slipway.runc.process.guard import shut_interpreter
from slipway.runc.process.handshake import Channel
from slipway.runc.process.workspace import open_host_proc
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class JoinRequest:
    """Made by the parent. `target` is a pidfd of the container's init; `flags` the namespaces to take from it."""

    __slots__ = ("confinement", "console", "flags", "groups", "id", "keyring", "target")

    def __init__(
        self, container: str, target: int, flags: int, groups: dict[str, str], confinement: Confinement
    ) -> None:
        self.id = container
        self.target = target
        self.flags = flags
        self.groups = groups
        self.confinement = confinement
        self.console = -1
        self.keyring = True


def run_join(request: JoinRequest, channel: Channel) -> "NoReturn":
    """Never returns: the process becomes the program, or reports why not and exits."""
    try:
        channel.wait_go()
        cgroups.join_groups(request.groups)
        _join(request, channel)
    except (OSError, EngineError) as error:
        handshake.fail(channel, words_of(error))
    except BaseException as error:  # noqa: BLE001 - the edge of this process
        handshake.fail(channel, f"internal error: {words_of(error)}")
    os._exit(255)


def _join(request: JoinRequest, channel: Channel) -> "NoReturn":
    process = request.confinement.process
    os.setsid()
    if process.oom_score_adj is not None:
        limits.set_oom_score(process.oom_score_adj)
    own_proc = os.open("self", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=open_host_proc())
    shut_interpreter(channel)
    # By pidfd all at once; the mount namespace also sets root and working directory to its own (setns(2)).
    namespaces.join(request.target, request.flags & ~CLONE_NEWPID)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if request.keyring:
        _join_keyring(request.id)
    if request.console >= 0:
        set_up_console(root, request.console, process.console_size, make_device=False)
    set_process_attributes(process)
    os.umask(0o022 if process.user.umask is None else process.user.umask)
    channel.send(handshake.READY)
    channel.wait_go()
    program = become(request.confinement, root, own_proc, profile_last=True)
    channel.close()
    execute(program, request.confinement)


def _join_keyring(container: str) -> None:
    try:
        prctl.join_session_keyring(f"_ses.{container}")
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
