"""What a rehearsal puts in the place of the kernel's parts, so that the rest can be played without a container."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from slipway.linux.cgroups import Hierarchies
    from slipway.runc.process.handshake import Channel
    from slipway.runc.process.init import InitRequest
    from slipway.runc.process.join import JoinRequest


class Stage:
    """`init` and `join`: what forked children run instead of becoming programs. `hierarchies`: of control groups."""

    __slots__ = ("hierarchies", "init", "join")

    def __init__(
        self,
        hierarchies: "Hierarchies",
        init: "Callable[[InitRequest, Channel], NoReturn]",
        join: "Callable[[JoinRequest, Channel], NoReturn]",
    ) -> None:
        self.hierarchies = hierarchies
        self.init = init
        self.join = join
