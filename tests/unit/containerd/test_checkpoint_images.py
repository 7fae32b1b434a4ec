"""Checkpoints that somebody else has made: criu reads what is in them as root, by name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.containerd.metadata.model import Scope
from slipway.containerd.tasks.checkpoints import IMAGES_TYPE, Checkpoints
from slipway.contracts.containerd_api.types import Descriptor

IMAGES = Descriptor(media_type=IMAGES_TYPE, digest="sha256:" + "0" * 64, size=1)


class Applies:
    """A differ that unpacks what a test makes."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def apply(self, *_: object) -> None:
        self._make()


@pytest.mark.parametrize("make", ["symlink", "mkfifo", "mkdir"])
def test_nothing_but_files_is_given_to_criu(tmp_path: Path, make: str) -> None:
    made = tmp_path / "pages-1.img"
    how = {"symlink": lambda: os.symlink("/etc/shadow", made), "mkfifo": lambda: os.mkfifo(made), "mkdir": made.mkdir}
    checkpoints = Checkpoints(None, Applies(how[make]))  # type: ignore[arg-type] # all that unpacking uses
    with pytest.raises(InvalidArgument, match=r"'pages-1.img' in it is no regular file"):
        checkpoints.unpack(Scope("ns"), IMAGES, str(tmp_path))


def test_files_are(tmp_path: Path) -> None:
    checkpoints = Checkpoints(None, Applies((tmp_path / "pages-1.img").touch))  # type: ignore[arg-type] # as above
    checkpoints.unpack(Scope("ns"), IMAGES, str(tmp_path))
