"""The properties with which systemd makes a container's scope, but for its limits. Pure.

Source: org.freedesktop.systemd1(5), systemd.resource-control(5); annotations: runtime-spec, config.md of runc's docs.
"""

from slipway.base.errors import InvalidArgument
from slipway.runc.plan.device_rules import DevicePolicy
from slipway.runc.plan.unit_place import UnitPlace
from slipway.runc.plan.variant_text import variant_from_text
from slipway.wire.dbus_values import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.plan.unit_limits import Property

ANNOTATION_PREFIX = "org.systemd.property."
_SHORTEST_NAME = 3
_SECOND = 1_000_000
# Before, systemd looked for the device's node on the host.
_HAS_DEVICE_NUMBERS = 240


def scope_properties(place: UnitPlace, pid: int, *, unified: bool) -> "list[Property]":
    """For a scope that begins with one process and is ours below its group."""
    accounting = ("MemoryAccounting", "CPUAccounting", "IOAccounting" if unified else "BlockIOAccounting")
    return [
        ("Description", Variant("s", f"libcontainer container {place.name}")),
        ("Slice", Variant("s", place.slice)),
        ("Delegate", Variant("b", True)),
        ("PIDs", Variant("au", [pid])),
        *((name, Variant("b", True)) for name in (*accounting, "TasksAccounting")),
        ("DefaultDependencies", Variant("b", False)),
    ]


def device_properties(policy: DevicePolicy, *, unified: bool, version: int) -> "list[Property]":
    """What systemd can enforce of a policy. All of it is enforced beside systemd, by whoever calls.

    On v2 both must allow: where systemd has no words for the policy it must not filter at all. On v1 the last one who
    wrote decides, and systemd writes again when it reloads: it then allows what it has words for, never more.
    """
    entries = sorted(policy.entries(), key=_order)  # all are allowed, or none is said: any order means the same
    exact = not policy.default_allow and version >= _HAS_DEVICE_NUMBERS and all(map(_can_say, entries))
    if (policy.default_allow and not entries) or (unified and not exact):
        return [("DeviceAllow", Variant("a(ss)", [])), ("DevicePolicy", Variant("s", "auto"))]
    said = policy.default_allow is False and version >= _HAS_DEVICE_NUMBERS
    allowed = [(_device_path(*entry[:3]), entry[3]) for entry in entries if said and _can_say(entry)]
    return [
        ("DeviceAllow", Variant("a(ss)", [])),  # forgets those of before
        ("DevicePolicy", Variant("s", "strict")),
        ("DeviceAllow", Variant("a(ss)", allowed)),
    ]


def _order(entry: "tuple[str, int | None, int | None, str]") -> tuple[str, int, int]:
    kind, major, minor, _ = entry
    return kind, -1 if major is None else major, -1 if minor is None else minor


def _can_say(entry: "tuple[str, int | None, int | None, str]") -> bool:
    """Not one minor number of all major ones."""
    _, major, minor, _ = entry
    return major is not None or minor is None


def _device_path(kind: str, major: "int | None", minor: "int | None") -> str:
    word = "block" if kind == "b" else "char"
    if minor is None:
        return f"{word}-{'*' if major is None else major}"
    return f"/dev/{word}/{major}:{minor}"


def annotated_properties(annotations: dict[str, str]) -> "list[Property]":
    """Those that annotations `org.systemd.property.NAME` ask for. Raises InvalidArgument naming the annotation."""
    properties = []
    for key, text in annotations.items():
        if key.startswith(ANNOTATION_PREFIX):
            name = key.removeprefix(ANNOTATION_PREFIX)
            if len(name) < _SHORTEST_NAME or not (name.isascii() and name.isalpha()):
                raise InvalidArgument(f"annotation {key} name incorrect: at least three letters and nothing else")
            try:
                properties.append(_in_microseconds(name, variant_from_text(text)))
            except InvalidArgument as error:
                raise InvalidArgument(f"annotation {key}={text} value parse error: {error}") from None
    return properties


def _in_microseconds(name: str, value: Variant) -> "Property":
    """`TimeoutStopSec`, as the manual pages call it, is TimeoutStopUSec on D-Bus."""
    stem = name.removesuffix("Sec")
    if stem == name or not stem[-1:].islower():
        return name, value
    if isinstance(value.value, bool) or not isinstance(value.value, (int, float)):
        raise InvalidArgument("not a number")
    microseconds = int(value.value * _SECOND)
    if not 0 <= microseconds < 1 << 64:
        raise InvalidArgument(f"{value.value} seconds are out of range")
    return f"{stem}USec", Variant("t", microseconds)
