"""Files of a tree that its owner replaces by something else at the worst moment."""

import os
from pathlib import Path

import pytest

from slipway.archive.regular_file import open_regular
from slipway.base.errors import Unavailable


def test_only_a_file_is_opened(tmp_path: Path) -> None:
    """A FIFO stands for the device that acts when it is opened, as a watchdog does: it has a reader by then."""
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("file")
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        descriptor = open_regular(directory, b"file")
        assert os.read(descriptor, 9) == b"x"
        os.close(descriptor)
        for name in (b"fifo", b"link"):
            with pytest.raises(Unavailable, match="replaced by what is no file"):
                open_regular(directory, name)
        with pytest.raises(OSError, match="No such device"):
            os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK)  # ENXIO: nobody reads
    finally:
        os.close(directory)
