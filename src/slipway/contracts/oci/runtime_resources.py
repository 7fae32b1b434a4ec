"""`linux.resources` of the OCI runtime specification: what a cgroup limits. None means "leave it alone".

Source: opencontainers/runtime-spec config-linux.md. Sizes in bytes, times in microseconds.
"""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime_fields import Fields

_MINUS = -(1 << 63)
_SIGNED = (1 << 63) - 1


class DeviceRule:
    """One entry of the device allow-list; `kind` is a, b or c; None as a number means all."""

    __slots__ = ("access", "allow", "kind", "major", "minor")

    def __init__(self, allow: bool, kind: str, major: "int | None", minor: "int | None", access: str) -> None:
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access


class Memory:
    __slots__ = (
        "check_before_update",
        "disable_oom_killer",
        "kernel_tcp",
        "limit",
        "reservation",
        "swap",
        "swappiness",
    )

    def __init__(self, fields: Fields) -> None:
        self.limit = fields.optional_integer("limit", low=_MINUS, high=_SIGNED)
        self.reservation = fields.optional_integer("reservation", low=_MINUS, high=_SIGNED)
        self.swap = fields.optional_integer("swap", low=_MINUS, high=_SIGNED)
        self.kernel_tcp = fields.optional_integer("kernelTCP", low=_MINUS, high=_SIGNED)
        self.swappiness = fields.optional_integer("swappiness")
        self.disable_oom_killer = fields.optional_flag("disableOOMKiller")
        self.check_before_update = fields.flag("checkBeforeUpdate")


class Cpu:
    __slots__ = ("burst", "cpus", "idle", "mems", "period", "quota", "realtime_period", "realtime_runtime", "shares")

    def __init__(self, fields: Fields) -> None:
        self.shares = fields.optional_integer("shares")
        self.quota = fields.optional_integer("quota", low=_MINUS, high=_SIGNED)
        self.burst = fields.optional_integer("burst")
        self.period = fields.optional_integer("period")
        self.realtime_runtime = fields.optional_integer("realtimeRuntime", low=_MINUS, high=_SIGNED)
        self.realtime_period = fields.optional_integer("realtimePeriod")
        self.cpus = fields.text("cpus")
        self.mems = fields.text("mems")
        self.idle = fields.optional_integer("idle", low=_MINUS, high=_SIGNED)


class WeightDevice:
    __slots__ = ("leaf_weight", "major", "minor", "weight")

    def __init__(self, fields: Fields) -> None:
        self.major = fields.integer("major")
        self.minor = fields.integer("minor")
        self.weight = fields.optional_integer("weight")
        self.leaf_weight = fields.optional_integer("leafWeight")


class ThrottleDevice:
    """`rate` in bytes or operations per second."""

    __slots__ = ("major", "minor", "rate")

    def __init__(self, fields: Fields) -> None:
        self.major = fields.integer("major")
        self.minor = fields.integer("minor")
        self.rate = fields.integer("rate")


class BlockIo:
    __slots__ = ("leaf_weight", "read_bps", "read_iops", "weight", "weight_devices", "write_bps", "write_iops")

    def __init__(self, fields: Fields) -> None:
        self.weight = fields.optional_integer("weight", high=1000)
        self.leaf_weight = fields.optional_integer("leafWeight", high=1000)
        self.weight_devices = fields.objects("weightDevice", WeightDevice)
        self.read_bps = fields.objects("throttleReadBpsDevice", ThrottleDevice)
        self.write_bps = fields.objects("throttleWriteBpsDevice", ThrottleDevice)
        self.read_iops = fields.objects("throttleReadIOPSDevice", ThrottleDevice)
        self.write_iops = fields.objects("throttleWriteIOPSDevice", ThrottleDevice)


class HugepageLimit:
    __slots__ = ("limit", "page_size")

    def __init__(self, fields: Fields) -> None:
        self.page_size = fields.text("pageSize")
        self.limit = fields.integer("limit")


class InterfacePriority:
    __slots__ = ("name", "priority")

    def __init__(self, fields: Fields) -> None:
        self.name = fields.text("name")
        self.priority = fields.integer("priority")


class Network:
    __slots__ = ("class_id", "priorities")

    def __init__(self, fields: Fields) -> None:
        self.class_id = fields.optional_integer("classID")
        self.priorities = fields.objects("priorities", InterfacePriority)


class Rdma:
    __slots__ = ("hca_handles", "hca_objects")

    def __init__(self, fields: Fields) -> None:
        self.hca_handles = fields.optional_integer("hcaHandles")
        self.hca_objects = fields.optional_integer("hcaObjects")


class Resources:
    """All limits of one cgroup."""

    __slots__ = ("block_io", "cpu", "devices", "hugepages", "memory", "network", "pids_limit", "rdma", "unified")

    def __init__(self, fields: Fields) -> None:
        self.devices = fields.objects("devices", device_rule_from_json)
        self.memory = fields.object("memory", Memory) or Memory(Fields({}, ""))
        self.cpu = fields.object("cpu", Cpu) or Cpu(Fields({}, ""))
        self.block_io = fields.object("blockIO", BlockIo) or BlockIo(Fields({}, ""))
        self.hugepages = fields.objects("hugepageLimits", HugepageLimit)
        self.network = fields.object("network", Network) or Network(Fields({}, ""))
        self.pids_limit = fields.object("pids", _pids_limit)
        self.rdma = fields.object_map("rdma", Rdma)
        self.unified = fields.text_map("unified")


def no_resources() -> Resources:
    """Limits that change nothing."""
    return Resources(Fields({}, ""))


def _pids_limit(fields: Fields) -> "int | None":
    return fields.optional_integer("limit", low=_MINUS, high=_SIGNED)


def device_rule_from_json(fields: Fields) -> DeviceRule:
    """An empty type means all of them; so does a missing or negative number."""
    allow = fields.flag("allow")
    kind = fields.text("type") or "a"
    major = fields.integer("major", low=-1, high=_SIGNED, default=-1)
    minor = fields.integer("minor", low=-1, high=_SIGNED, default=-1)
    access = fields.text("access")
    if kind not in ("a", "b", "c", "u", "p"):
        raise InvalidArgument(f"{fields.where}.type {kind!r} is not a, b or c")
    if not access or set(access) - set("rwm"):
        raise InvalidArgument(f"{fields.where}.access {access!r} must be of r, w and m")
    return DeviceRule(
        allow,
        "c" if kind == "u" else kind,
        None if major < 0 else major,
        None if minor < 0 else minor,
        access,
    )
