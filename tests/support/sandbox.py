"""A mount and a network namespace, held open by a sleeping process: an engine may die in them and come back."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

HOLDER = "mount --make-rprivate / && ip link set lo up && echo ready && exec sleep infinity"


class Sandbox:
    """Private mounts and a private network. `close` ends the holder; the rest goes with the last user."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "-m", "-n", "sh", "-c", HOLDER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError("unshare did not give us a mount and a network namespace; the tests need root")

    @property
    def pid(self) -> int:
        """The holder's pid: /proc/PID/ns and /proc/PID/root lead inside."""
        return self._holder.pid

    def command(self, *argv: str | Path) -> list[str]:
        """`argv`, to be run inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "--", *map(str, argv)]

    def run(self, *argv: str | Path, check: bool = True, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*argv), capture_output=True, text=True, check=check, timeout=timeout)

    def popen(self, argv: Sequence[str | Path], **options: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self.command(*argv), **options)  # type: ignore[call-overload, no-any-return]

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()
