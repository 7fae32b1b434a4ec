"""The two clients: ours from this checkout, and Docker's own 28.x, found once, by absolute path."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType

from tests.support import peers
from tests.support.paths import LAUNCHERS, PEERS_HOME

STATIC_PLACES = ("/usr/local/bin/docker", "/usr/bin/docker")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command left: its exit status and both its streams, as bytes of UTF-8 text."""

    command: str
    status: int
    out: str
    err: str

    def ok(self) -> "Result":
        """Itself when the status is 0; otherwise AssertionError with the command and what it said."""
        assert self.status == 0, f"{self.command} ended with {self.status}\nstdout: {self.out}\nstderr: {self.err}"
        return self

    @property
    def line(self) -> str:
        """Standard output without its surrounding space: an id, a name, a formatted value."""
        return self.out.strip()


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A client bound to one engine. `program` may be several words; `enter` is put before it (nsenter ..., say)."""

    name: str
    program: tuple[str, ...]
    host: str
    enter: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, *arguments: str) -> list[str]:
        return [*self.enter, *self.program, *arguments]

    def env(self) -> dict[str, str]:
        """A bare environment: no configuration of the person who runs the tests reaches the client."""
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/nonexistent",
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": "/nonexistent/.docker",
            "LC_ALL": "C.UTF-8",
            **self.environment,
        }

    def run(self, *arguments: str, stdin: str | bytes = b"", timeout: float = 60) -> Result:
        """Run the client to its end. AssertionError when `timeout` seconds pass: an engine that hangs is a failure."""
        command = shlex.join(["docker", *arguments])
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            done = subprocess.run(
                self.argv(*arguments), input=data, capture_output=True, env=self.env(), timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as late:
            said = f"stdout: {late.stdout!r}\nstderr: {late.stderr!r}"
            raise AssertionError(f"{command} ({self.name}) did not end within {timeout:g} s\n{said}") from late
        return Result(
            command=command,
            status=done.returncode,
            out=done.stdout.decode("utf-8", "replace"),
            err=done.stderr.decode("utf-8", "replace"),
        )

    def __call__(self, *arguments: str, stdin: str | bytes = b"", timeout: float = 60) -> str:
        """Standard output of a command that must succeed, without its surrounding space."""
        return self.run(*arguments, stdin=stdin, timeout=timeout).ok().line

    def remove_all_containers(self) -> None:
        """Also those that run, with their volumes."""
        if names := self.run("ps", "-aq", "--no-trunc").out.split():
            self.run("rm", "-f", "-v", *names)

    def popen(self, *arguments: str, **options: object) -> "subprocess.Popen[bytes]":
        """Start the client with pipes for all three streams, unless `options` say otherwise.

        As a context manager it waits for the client's end, and kills it first when the block fails.
        """
        pipes: dict[str, object] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return _Client(self.argv(*arguments), env=self.env(), **{**pipes, **options})  # type: ignore[call-overload, no-any-return]


class _Client(subprocess.Popen[bytes]):
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.kill()
        super().__exit__(kind, error, trace)


def ours(host: str, enter: Sequence[str] = ()) -> Docker:
    """The client of this checkout."""
    return Docker(name="our client", program=(str(LAUNCHERS / "docker"),), host=host, enter=tuple(enter))


def theirs(host: str, enter: Sequence[str] = ()) -> Docker:
    """Docker's own client."""
    return Docker(name="Docker's client", program=their_program(), host=host, enter=tuple(enter))


@cache
def their_program() -> tuple[str, ...]:
    """Docker's client 28.x: the machine's own where there is one, else the sid tree's, run by that tree's loader."""
    for place in (os.environ.get("SLIPWAY_DOCKER_CLIENT", ""), *STATIC_PLACES):
        if place and _is_28((place,)):
            return (place,)
    peers.install("sid")
    tree = PEERS_HOME / "sid"
    loader = (str(tree / "lib64/ld-linux-x86-64.so.2"), "--library-path", str(tree / "usr/lib/x86_64-linux-gnu"))
    program = (*loader, str(tree / "usr/bin/docker"))
    assert _is_28(program), f"{program[-1]} is not Docker's client 28.x"
    return program


def _is_28(program: tuple[str, ...]) -> bool:
    if not Path(program[0]).exists():
        return False
    said = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False).stdout
    return said.startswith("Docker version 28.")
