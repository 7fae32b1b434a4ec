"""`linux.seccomp` of the OCI runtime specification: a system call filter. Pure.

Source: opencontainers/runtime-spec config-linux.md.
"""

from slipway.contracts.oci.runtime_fields import Fields

_ID = (1 << 32) - 1


class SeccompArgument:
    """Compare argument `index` by `operator` with `value` (and `value_two`, for a masked comparison)."""

    __slots__ = ("index", "operator", "value", "value_two")

    def __init__(self, fields: Fields) -> None:
        self.index = fields.integer("index", high=5)
        self.value = fields.integer("value")
        self.value_two = fields.integer("valueTwo")
        self.operator = fields.text("op")


class SeccompRule:
    __slots__ = ("action", "args", "errno", "names")

    def __init__(self, fields: Fields) -> None:
        self.names = fields.texts("names")
        self.action = fields.text("action")
        self.errno = fields.optional_integer("errnoRet", high=_ID)
        self.args = fields.objects("args", SeccompArgument)


class Seccomp:
    """A system call filter as the specification writes it. `flags` is None when the field is absent."""

    __slots__ = (
        "architectures",
        "default_action",
        "default_errno",
        "flags",
        "listener_metadata",
        "listener_path",
        "rules",
    )

    def __init__(self, fields: Fields) -> None:
        self.default_action = fields.text("defaultAction")
        self.default_errno = fields.optional_integer("defaultErrnoRet", high=_ID)
        self.architectures = fields.texts("architectures")
        self.flags = fields.texts("flags") if fields.has("flags") else None
        self.listener_path = fields.text("listenerPath")
        self.listener_metadata = fields.text("listenerMetadata")
        self.rules = fields.objects("syscalls", SeccompRule)
