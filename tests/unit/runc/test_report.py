"""What a failed command says, and how much of it."""

import os
from pathlib import Path

from slipway.runc.report import Log


def test_a_long_error_neither_fills_a_pipe_nor_loses_its_cause(tmp_path: Path) -> None:
    """With a cpuset of 60 KB the message filled the pipe of standard error, and `create` never ended."""
    reading, writing = os.pipe()
    saved = os.dup(2)
    os.dup2(writing, 2)
    os.set_blocking(2, False)  # a write that would block fails instead
    try:
        Log(f"{tmp_path}/log", True, False).error("write " + "😀" * 100_000 + ": the cause")
    finally:
        os.dup2(saved, 2)
        for descriptor in (saved, writing):
            os.close(descriptor)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    assert said.startswith("write 😀")
    assert said.endswith(": the cause\n")
    assert (tmp_path / "log").stat().st_size < 200_000
