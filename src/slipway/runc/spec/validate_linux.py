"""Rules of the `linux` section: clocks, network devices, memory nodes, devices. Each raises InvalidArgument."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import Linux, MemoryPolicy
from slipway.linux import memory_policy_flags

_CLOCKS = ("monotonic", "boottime")
_SECOND = 1_000_000_000
# The kernel's limit, with the NUL (IFNAMSIZ in linux/if.h).
_NAME_LIMIT = 16
_DEVICE_KINDS = ("b", "c", "u", "p")
_NO_NODES = ("MPOL_DEFAULT", "MPOL_LOCAL")
_MAYBE_NODES = ("MPOL_PREFERRED",)


def check_linux(linux: Linux, kinds: set[str]) -> None:
    """`kinds` of namespaces that the container has."""
    _check_time(linux, kinds)
    _check_net_devices(linux, kinds)
    for device in linux.devices:
        if device.kind not in _DEVICE_KINDS:
            raise InvalidArgument(f'invalid device type "{device.kind}"')
    if linux.memory_policy is not None:
        memory_policy_from_spec(linux.memory_policy)


def _check_time(linux: Linux, kinds: set[str]) -> None:
    if not linux.time_offsets:
        return
    if "time" not in kinds:
        raise InvalidArgument("time namespace offsets specified, but time namespace isn't enabled in the config")
    if any(namespace.kind == "time" and namespace.path for namespace in linux.namespaces):
        raise InvalidArgument(
            "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one"
        )
    for clock, offset in linux.time_offsets.items():
        if clock not in _CLOCKS:
            raise InvalidArgument(f"timeOffsets: {clock!r} has no offset: only {' and '.join(_CLOCKS)} have")
        if offset.nanoseconds >= _SECOND:
            raise InvalidArgument(f"timeOffsets.{clock}.nanosecs must be less than a second: {offset.nanoseconds}")


def _check_net_devices(linux: Linux, kinds: set[str]) -> None:
    if not linux.net_devices:
        return
    if "network" not in kinds:
        raise InvalidArgument("unable to move network devices without a NET namespace")
    for name, device in linux.net_devices.items():
        for wanted in (name, device.name or name):
            if not is_device_name(wanted):
                raise InvalidArgument(f'invalid network device name "{wanted}"')


def is_device_name(name: str) -> bool:
    """As the kernel's dev_valid_name."""
    if not 0 < len(name.encode("utf-8", "replace")) < _NAME_LIMIT or name in (".", ".."):
        return False
    return not any(character in "/:" or character.isspace() for character in name)


def memory_policy_from_spec(policy: MemoryPolicy) -> tuple[int, int]:
    """(mode with flags, mask of nodes), for set_mempolicy(2)."""
    if policy.mode not in memory_policy_flags.MODES:
        raise InvalidArgument(f'invalid memory policy mode "{policy.mode}"')
    mode = memory_policy_flags.MODES[policy.mode]
    nodes = _nodes_from_text(policy.nodes)
    for flag in policy.flags:
        if flag not in memory_policy_flags.FLAGS:
            raise InvalidArgument(f'invalid memory policy flag "{flag}"')
        mode |= memory_policy_flags.FLAGS[flag]
    count = nodes.bit_count()
    if policy.mode in _NO_NODES and count:
        raise InvalidArgument(f"memory policy mode requires 0 nodes but got {count}")
    if policy.mode not in (*_NO_NODES, *_MAYBE_NODES) and not count:
        raise InvalidArgument("memory policy mode requires at least one node but got 0")
    return mode, nodes


def _nodes_from_text(text: str) -> int:
    """`0-3,7` as a mask."""
    mask = 0
    for part in text.split(",") if text else ():
        first, dash, last = part.strip().partition("-")
        low = _node(first, text)
        high = _node(last, text) if dash else low
        if high < low:
            raise InvalidArgument(f'invalid memory policy nodes "{text}"')
        mask |= (1 << (high + 1)) - (1 << low)
    return mask


def _node(digits: str, text: str) -> int:
    if not digits.isascii() or not digits.isdigit() or len(digits) > 4 or int(digits) >= memory_policy_flags.MOST_NODES:
        raise InvalidArgument(
            f'invalid memory policy nodes "{text}": a node is a number below {memory_policy_flags.MOST_NODES}'
        )
    return int(digits)
