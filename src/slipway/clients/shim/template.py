"""containerd's side of the shim template: it starts the process, asks it for shims, and starts another if it dies."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress

from slipway.archive.remove import remove_name
from slipway.base.errors import KINDS, InternalError, Unavailable
from slipway.clients.shim.interface import Bootstrap, DeadShim, ShimLauncher, ShimRequest
from slipway.clients.shim.names import is_our_shim
from slipway.contracts.shim_api.messages import DeleteResponse
from slipway.contracts.shim_api.template import (
    DELETE,
    LARGEST_PACKET,
    REHEARSAL_FOLDER,
    START,
    TemplateReply,
    TemplateRequest,
)
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.wire.protobuf import decode, encode
from slipway.wire.protobuf_known import nanoseconds_from_timestamp

_CODE = "import sys; sys.path[:] = sys.argv[1].split(':'); from slipway.launch.template import main; main()"
_SPARE = " " * 512
"""The last argument: room for the shims' own arguments, which overwrite these in place."""

_START_TIMEOUT = 30.0
_DELETE_TIMEOUT = 60.0


class _TemplateDied(Exception):
    pass


class TemplateLauncher:
    """Launches our own shim by fork; hands every other runtime to `others`.

    Make it before the daemon starts threads: the template inherits their signal mask and nothing else, but its first
    exec should not compete with them.
    """

    def __init__(self, address: str, others: ShimLauncher, *, limit: DescriptorLimit | None = None) -> None:
        """`address` is containerd's own socket, for the template's name in `ps`. Raises OSError.

        The template gets the limit of descriptors that `limit` remembers: its shims raise their own.
        """
        self._limit = limit or DescriptorLimit()
        self._address = address
        self._others = others
        self._waiting: dict[int, asyncio.Future[TemplateReply]] = {}
        self._unsent: deque[tuple[int, bytes]] = deque()
        self._number = 0
        self._reading = False
        self._closed = False
        self._process, self._channel = _exec_template(address, self._limit)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def launch(self, request: ShimRequest) -> Bootstrap:
        if not is_our_shim(request.runtime):
            return await self._others.launch(request)
        reply = await self._ask(START, request, _START_TIMEOUT)
        return Bootstrap(address=reply.address, version=3, pid=reply.pid)

    async def delete(self, request: ShimRequest) -> DeadShim:
        if not is_our_shim(request.runtime):
            return await self._others.delete(request)
        reply = await self._ask(DELETE, request, _DELETE_TIMEOUT)
        response = decode(DeleteResponse, reply.result)
        return DeadShim(
            pid=response.pid,
            exit_status=response.exit_status,
            exited_at=nanoseconds_from_timestamp(response.exited_at),
        )

    async def close(self) -> None:
        """End the template. Shims live on; what was asked for and is not answered fails with Unavailable.

        One that was never asked for anything may still be at its rehearsal, and is not waited for: a daemon that cannot
        start says so at once.
        """
        self._closed = True
        self._lose_template()
        if not self._number:
            self._process.kill()
        await asyncio.to_thread(self._process.wait)
        if not self._number:
            await asyncio.to_thread(self._remove_rehearsal)
        await self._others.close()

    def _remove_rehearsal(self) -> None:
        """What the template was at when it was killed. If one of its processes, which end with it, is just writing
        there, it is left to the next rehearsal."""
        with suppress(OSError):
            place = os.open(os.path.dirname(self._address), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                remove_name(place, os.fsencode(f"{REHEARSAL_FOLDER}{self._process.pid}"))
            finally:
                os.close(place)

    async def _ask(self, action: int, request: ShimRequest, timeout: float) -> TemplateReply:
        """What the process forked for the request answers; asked once more when the template died before that."""
        try:
            async with asyncio.timeout(timeout):
                try:
                    answer = await self._ask_once(action, request)
                except _TemplateDied:
                    answer = await self._ask_once(action, request)
        except TimeoutError:
            raise Unavailable(f"start shim {request.id}: the template did not answer within {timeout:g} s") from None
        except _TemplateDied:
            raise Unavailable(f"start shim {request.id}: the template died, and the next one too") from None
        if answer.error:
            raise KINDS.get(answer.error_kind, InternalError)(f"start shim {request.id}: {answer.error}")
        return answer

    async def _ask_once(self, action: int, request: ShimRequest) -> TemplateReply:
        if self._closed:
            raise Unavailable(f"start shim {request.id}: its launcher has ended")
        self._ensure_template()
        self._number += 1
        number = self._number
        reply: asyncio.Future[TemplateReply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            self._send(number, _packet(number, action, request))
            return await reply
        except OSError:
            self._lose_template()
            raise _TemplateDied from None
        finally:
            self._waiting.pop(number, None)

    def _send(self, number: int, packet: bytes) -> None:
        """In order, at once or when there is room: the channel holds some 150 packets that nobody has read."""
        self._unsent.append((number, packet))
        if len(self._unsent) == 1 and not self._flush():
            asyncio.get_running_loop().add_writer(self._channel.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            if self._flush():
                asyncio.get_running_loop().remove_writer(self._channel.fileno())
        except OSError:
            self._lose_template()

    def _flush(self) -> bool:
        """Whether all is sent. What nobody waits for any more is not. Raises OSError when the template is gone."""
        while self._unsent:
            number, packet = self._unsent[0]
            try:
                if number in self._waiting:
                    self._channel.send(packet)
            except BlockingIOError:
                return False
            self._unsent.popleft()
        return True

    def _ensure_template(self) -> None:
        if self._channel.fileno() < 0:
            self._process.kill()
            self._process.wait()  # at once: it has closed its descriptors, so it has ended or is just being killed
            self._process, self._channel = _exec_template(self._address, self._limit)
        if not self._reading:
            asyncio.get_running_loop().add_reader(self._channel.fileno(), self._readable)
            self._reading = True

    def _readable(self) -> None:
        try:
            packet = self._channel.recv(LARGEST_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._lose_template()
            return
        reply = decode(TemplateReply, packet)
        waiting = self._waiting.get(reply.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _lose_template(self) -> None:
        """The other end is closed: by the template, and by every fork of it that was at work on a request.

        So what is unanswered now will never be, and asking again cannot start a second shim.
        """
        if self._reading:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            asyncio.get_running_loop().remove_writer(self._channel.fileno())
            self._reading = False
        self._unsent.clear()
        self._channel.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_TemplateDied())


def _packet(number: int, action: int, request: ShimRequest) -> bytes:
    return encode(
        TemplateRequest(
            number=number,
            action=action,
            namespace=request.namespace,
            id=request.id,
            bundle=request.bundle,
            address=request.address,
            ttrpc_address=request.ttrpc_address,
            debug=request.debug,
            options=request.options,
        )
    )


def _exec_template(address: str, limit: DescriptorLimit) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a template on the other end of a new socket pair."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    path = ":".join(entry for entry in sys.path if entry)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CODE, path, address, str(theirs.fileno()), _SPARE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            preexec_fn=limit.give_back,
            cwd="/",
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
