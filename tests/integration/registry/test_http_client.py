"""What the HTTP client costs is paid where it is made, in a thread, and not by the event loop at the first request."""

import subprocess
import sys

from tests.support.paths import CHECKOUT

ONE_REQUEST = f"""
import asyncio, sys
sys.path.insert(0, {str(CHECKOUT / "src")!r})
from slipway.clients.web.http_client import make_http_client

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await asyncio.to_thread(make_http_client)
    imported = set(sys.modules)
    async with client, client.stream("GET", f"http://127.0.0.1:{{port}}/") as response:
        assert b"".join([chunk async for chunk in response.aiter_raw()]) == b"ok"
    print(*sorted(set(sys.modules) - imported))

asyncio.run(main())
"""


def test_a_request_imports_nothing() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", ONE_REQUEST], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
