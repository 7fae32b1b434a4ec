"""What a transfer tells of its blobs, in the original's words: waiting, downloading or uploading, already exists,
complete."""

from dataclasses import replace
from typing import Final

from slipway.base.clock import Clock
from slipway.containerd.transfer.interface import Report
from slipway.containerd.transfer.model import Progress
from slipway.containerd.transfer.references import ref_of
from slipway.contracts.containerd_api.types import MOUNTED_FROM, Descriptor

_REST_SECONDS: Final = 0.1  # between two steps of one blob


class Steps:
    """Reports for one image; `root` is its name, the parent of what has no other; `moving` says which way bytes go."""

    def __init__(self, root: str, report: Report, clock: Clock, *, moving: str = "downloading") -> None:
        self._root = root
        self._moving = moving
        self._report = report
        self._clock = clock
        self._parents: dict[str, tuple[str, ...]] = {}
        self._told_at: dict[str, float] = {}

    def add(self, target: Descriptor, parent: Descriptor | None) -> None:
        self._parents[target.digest] = (ref_of(parent) if parent is not None else self._root,)
        self._tell("waiting", target, 0)

    def progress(self, target: Descriptor, offset: int) -> None:
        now = self._clock.monotonic()
        if now - self._told_at.get(target.digest, 0.0) >= _REST_SECONDS:
            self._told_at[target.digest] = now
            self._tell(self._moving, target, offset)

    def exists(self, target: Descriptor, *, mounted_from: str = "") -> None:
        """The original has no word for a mount; ours tells it in an annotation, for dockerd."""
        told = {MOUNTED_FROM: mounted_from} if mounted_from else {}
        self._tell("already exists", replace(target, annotations={**target.annotations, **told}), target.size)

    def complete(self, target: Descriptor) -> None:
        self._tell("complete", target, target.size)

    def _tell(self, event: str, target: Descriptor, progress: int) -> None:
        self._report(
            Progress(
                event=event,
                name=ref_of(target),
                parents=self._parents.get(target.digest, ()),
                progress=progress,
                total=target.size,
                descriptor=target,
            )
        )
