"""The five capability sets of a process, as masks."""

from slipway.contracts.oci.runtime import Capabilities
from slipway.linux import capabilities


class CapabilityMasks:
    """`last` is the kernel's highest capability; read where /proc is the host's."""

    __slots__ = ("ambient", "bounding", "effective", "inheritable", "last", "permitted")

    def __init__(self, wanted: "Capabilities | None", last: int) -> None:
        """No capabilities in the specification mean none at all. Names that the kernel lacks are left out."""
        known = (1 << (last + 1)) - 1
        mask = capabilities.mask_from_names
        self.last = last
        self.bounding = mask(wanted.bounding) & known if wanted else 0
        self.effective = mask(wanted.effective) & known if wanted else 0
        self.permitted = mask(wanted.permitted) & known if wanted else 0
        self.inheritable = mask(wanted.inheritable) & known if wanted else 0
        self.ambient = mask(wanted.ambient) & known if wanted else 0

    def limit_bounding(self) -> None:
        """To be done while CAP_SETPCAP is there, before the user changes."""
        capabilities.limit_bounding_set(self.bounding, self.last)

    def apply(self) -> None:
        """The last change of credentials before the program starts."""
        capabilities.set_sets(self.effective, self.permitted, self.inheritable)
        capabilities.set_ambient(self.ambient)
