"""What is measured: families of samples, as Prometheus counts them."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Sample(NamedTuple):
    """One value. `suffix` is added to the family's name (a histogram has _bucket, _sum and _count)."""

    labels: tuple[tuple[str, str], ...]
    value: int | float
    suffix: str = ""


@dataclass(kw_only=True)
class Family:
    """All samples of one name. `kind` is counter, gauge or histogram."""

    name: str
    help: str
    kind: str = "gauge"
    samples: list[Sample] = field(default_factory=list)
