"""The five capability sets of a process, as masks."""

from slipway.contracts.oci.runtime import Capabilities
from slipway.linux import capabilities
from slipway.linux.capability_names import NAMES


class CapabilityMasks:
    """`last` is the kernel's highest capability; read where /proc is the host's. `unknown`: names that it lacks."""

    __slots__ = ("ambient", "bounding", "effective", "inheritable", "last", "permitted", "unknown")

    def __init__(self, wanted: "Capabilities | None", last: int) -> None:
        """No capabilities in the specification mean none at all. Names that the kernel lacks are left out."""
        known = (1 << (last + 1)) - 1
        self.unknown = _unknown_names(wanted, last) if wanted else []
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

    def apply(self) -> list[str]:
        """The last change of credentials before the program starts.

        Returns warnings: an ambient capability must be permitted and inheritable, and is left out if it is not, as
        with the original.
        """
        try:
            capabilities.set_sets(self.effective, self.permitted, self.inheritable)
        except OSError as error:
            what = "unable to apply caps: can't apply capabilities"
            raise OSError(error.errno, error.strerror, what) from None
        refused = capabilities.set_ambient(self.ambient)
        return [f"can't raise ambient capability {NAMES[number]}: {reason.lower()}" for number, reason in refused]


def _unknown_names(wanted: Capabilities, last: int) -> list[str]:
    sets = (wanted.bounding, wanted.effective, wanted.permitted, wanted.inheritable, wanted.ambient)
    return sorted({name for names in sets for name in names if capabilities.NUMBERS.get(name, last + 1) > last})
