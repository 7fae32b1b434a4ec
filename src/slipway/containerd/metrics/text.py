"""Prometheus' text form, version 0.0.4. Pure.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator
from typing import Final

from slipway.containerd.metrics.model import Family, Sample

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_IN_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_VALUE: Final = _IN_HELP | str.maketrans({'"': r"\""})


def text_of(families: Iterable[Family]) -> str:
    """Families by name, those without samples left out; samples in the order in which they come."""
    return "".join(line for family in sorted(families, key=lambda one: one.name) for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    if not family.samples:
        return
    yield f"# HELP {family.name} {family.help.translate(_IN_HELP)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        yield f"{family.name}{sample.suffix}{_labels(sample)} {_number(sample.value)}\n"


def _labels(sample: Sample) -> str:
    if not sample.labels:
        return ""
    shown = ",".join(f'{name}="{value.translate(_IN_VALUE)}"' for name, value in sample.labels)
    return f"{{{shown}}}"


def _number(value: int | float) -> str:
    return "+Inf" if value == float("inf") else repr(value)
