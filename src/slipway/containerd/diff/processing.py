"""A layer on its way through the programs of the configuration, before it is unpacked.

They are the administrator's and as trusted as this daemon; what goes through them is not. So their memory has a bound,
and nothing of an image is in their arguments or their environment but the media type that chose them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from slipway.base.errors import Cancelled, EngineError, Unavailable
from slipway.base.interruption import Interruption
from slipway.containerd.diff.program import Program
from slipway.containerd.diff.stream_processors import StreamProcessor

# For what has written all of its output; and for what has nobody left to write it for.
_EXIT_SECONDS: Final = 10.0
_GIVEN_UP_SECONDS: Final = 1.0


@contextmanager
def processed(
    chain: Sequence[StreamProcessor],
    media_type: str,
    blob: int,
    payloads: Mapping[str, bytes],
    interruption: Interruption,
) -> Iterator[int]:
    """A descriptor of what the programs make of `blob`, which is one of `media_type`; to be read to its end.

    `payloads` by processor's id. All programs have ended when the block has: by themselves, or else killed, as the
    interruption kills them. Raises Cancelled after that, and Unavailable with a program's standard error when one
    failed, also when that is why the block raised an EngineError.
    """
    if not chain:
        yield blob
        return
    programs: list[Program] = []
    output = blob
    with interruption.ending(lambda: _kill(programs)):
        try:
            for processor in chain:
                program = Program(processor, media_type, output, payloads.get(processor.id))
                programs.append(program)
                _check_wanted(interruption)
                _close(output, blob)  # the program's own remains: it alone keeps the one before from ending
                output, media_type = program.output, processor.returns
            yield output
        except BaseException as error:
            _close(output, blob)
            _end(programs, 0.0 if interruption.happened else _GIVEN_UP_SECONDS)
            _check_wanted(interruption)
            if isinstance(error, EngineError):
                _check(programs, error, quiet=True)
            raise
        _close(output, blob)
        _end(programs, _EXIT_SECONDS)
        _check_wanted(interruption)
        _check(programs, None, quiet=False)


def _close(descriptor: int, blob: int) -> None:
    if descriptor != blob:  # that one is the caller's
        os.close(descriptor)


def _kill(programs: Sequence[Program]) -> None:
    for program in programs:
        program.kill()


def _end(programs: Sequence[Program], seconds: float) -> None:
    for program in programs:
        program.end(seconds)


def _check_wanted(interruption: Interruption) -> None:
    if interruption.happened:
        raise Cancelled("stream processors: the caller has gone")


def _check(programs: Sequence[Program], error: EngineError | None, *, quiet: bool) -> None:
    """The first that failed is why those after it did."""
    for program in programs:
        if failure := program.failure(quiet=quiet):
            raise Unavailable(failure) from error
