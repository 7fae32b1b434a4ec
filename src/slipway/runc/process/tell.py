"""What `--debug` tells of a container that is being made."""

from slipway.linux.namespace_flags import FILES
from slipway.runc.plan.cgroup_write import CgroupWrite
from slipway.runc.process.init import InitRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.runc.plan.operations import Operation


def tell_plan(request: InitRequest, debug: "Callable[[str], None]") -> None:
    """Namespaces, and every step of init in its order."""
    plan = request.namespaces
    new = [name for flag, name in FILES.items() if plan.new & flag]
    debug(f"namespaces: new {', '.join(new) or 'none'}; joined {', '.join(path for _, path in plan.joined) or 'none'}")
    for step in request.plan.build:
        debug(f"to do with the host's files in sight: {_said(step)}")
    for step in request.plan.finish:
        debug(f"to do in the root: {_said(step)}")


def _said(step: "Operation") -> str:
    """`MountFileSystem proc proc /proc`: what it is called, and its words. `describe` says what has failed instead."""
    slots: tuple[str, ...] = type(step).__slots__
    values = [getattr(step, name) for name in slots]
    return " ".join([type(step).__name__, *(value for value in values if isinstance(value, str) and value)])


def tell_groups(request: InitRequest, writes: list[CgroupWrite], debug: "Callable[[str], None]") -> None:
    """Where the container is, and its limits."""
    for controller, group in request.groups.items():
        debug(f"cgroup of {controller or 'all controllers'}: {group}")
    for write in writes:
        debug(f"to do in the cgroup: {write.describe()}")
