"""Progress messages of a pull, on a terminal and in a file."""

import pytest

from slipway.base.errors import InternalError
from slipway.docker.output.progress import ProgressDisplay

MESSAGES: list[dict[str, object]] = [
    {"status": "Pulling from library/busybox", "id": "latest"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "abc"},
    {"status": "Downloading", "progressDetail": {"current": 500, "total": 1000}, "id": "abc"},
    {"status": "Pull complete", "progressDetail": {}, "id": "abc"},
    {"status": "Digest: sha256:0"},
]


def test_a_file_gets_steps_without_counted_bytes() -> None:
    display = ProgressDisplay(is_terminal=False, columns=0)
    text = "".join(map(display.text_for, MESSAGES))
    assert text == "latest: Pulling from library/busybox\nabc: Pulling fs layer\nabc: Pull complete\nDigest: sha256:0\n"


def test_a_terminal_gets_one_line_per_layer_that_is_redrawn() -> None:
    display = ProgressDisplay(is_terminal=True, columns=120)
    shown = [display.text_for(message) for message in MESSAGES]
    assert shown[0] == "latest: Pulling from library/busybox\n"
    assert shown[1] == "\n\x1b[1A\x1b[2K\rabc: Pulling fs layer \r\x1b[1B"
    bar = "[" + "=" * 25 + ">" + " " * 25 + "]"
    assert shown[2] == f"\x1b[1A\x1b[2K\rabc: Downloading {bar}     500B/1kB\r\x1b[1B"
    assert shown[4] == "Digest: sha256:0\n"


def test_a_failure_in_the_stream_is_a_failure() -> None:
    display = ProgressDisplay(is_terminal=False, columns=0)
    with pytest.raises(InternalError, match=r"^no such manifest$"):
        display.text_for({"errorDetail": {"message": "no such manifest"}, "error": "no such manifest"})
