"""What several clients type for one process."""

import asyncio
import os
from pathlib import Path

from slipway.dockerd.logs.stdin_fifo import StdinFifo

MORE_THAN_A_PIPE = 100_000


def test_all_writers_of_a_slow_process_come_through_each_in_one_piece(tmp_path: Path) -> None:
    path = str(tmp_path / "stdin")
    os.mkfifo(path)

    async def test() -> bytes:
        stdin = StdinFifo(path)
        writing = asyncio.gather(*(stdin.write(letter * MORE_THAN_A_PIPE) for letter in (b"a", b"b", b"c")))
        await asyncio.sleep(0)
        reader, read = os.open(path, os.O_RDONLY | os.O_NONBLOCK), bytearray()
        while not writing.done() or len(read) < 3 * MORE_THAN_A_PIPE:
            try:
                read += os.read(reader, 4096)
            except BlockingIOError:
                await asyncio.sleep(0)
        os.close(reader)
        stdin.close()
        return bytes(read)

    async def in_time() -> bytes:
        async with asyncio.timeout(10):
            return await test()

    assert asyncio.run(in_time()) == b"".join(letter * MORE_THAN_A_PIPE for letter in (b"a", b"b", b"c"))
