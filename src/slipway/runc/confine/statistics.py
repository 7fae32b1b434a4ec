"""What a container's groups say about its usage, in the shape that `runc events` prints and its readers know.

Times in nanoseconds, sizes in bytes. As in the original, a number that is 0 is left out where the reader takes 0 for
an absent one. Sources: kernel Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
"""

import os

from slipway.linux import cgroups
from slipway.runc.confine import statistics_v1, statistics_v2
from slipway.runc.confine.statistics_model import Statistics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_HUGEPAGES = "/sys/kernel/mm/hugepages"


def statistics_of(groups: dict[str, str]) -> "Json":
    """The document's `data`. Raises OSError, ValueError for a file that is not as the kernel writes it."""
    statistics = Statistics()
    sizes = _hugepage_sizes()
    if cgroups.UNIFIED in groups:
        statistics_v2.read(statistics, groups[cgroups.UNIFIED], sizes)
    else:
        statistics_v1.read(statistics, groups, sizes)
    return statistics.document()


def _hugepage_sizes() -> list[str]:
    """As control files have them in their names: 2MB, 1GB."""
    try:
        names = os.listdir(_HUGEPAGES)
    except FileNotFoundError:
        return []
    return [_size_text(int(name.removeprefix("hugepages-").removesuffix("kB"))) for name in names]


def _size_text(kilobytes: int) -> str:
    for shift, unit in ((20, "GB"), (10, "MB")):
        if kilobytes >= 1 << shift:
            return f"{kilobytes >> shift}{unit}"
    return f"{kilobytes}KB"
