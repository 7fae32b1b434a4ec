"""Launching any maker's shim as the shim protocol says: exec it with `start` and read where it answers.

Source: containerd core/runtime/v2/README.md, pkg/shim/util.go.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping

from slipway.base.errors import Unavailable
from slipway.clients.shim.interface import Bootstrap, DeadShim, ShimRequest
from slipway.clients.shim.names import DEFAULT_RUNTIME, find_shim, is_our_shim
from slipway.contracts.shim_api.messages import DeleteResponse
from slipway.linux.descriptor_limit import DescriptorLimit
from slipway.wire.protobuf import DecodeError, decode
from slipway.wire.protobuf_known import nanoseconds_from_timestamp

_TIMEOUT = 60.0
_NEWEST_VERSION = 3


class ExecLauncher:
    """See interface.ShimLauncher. `default_shim` is a path to use for our own shim instead of looking on PATH.

    Shims get the limit of descriptors that `limit` remembers, and `environment` beside this process's own.
    """

    def __init__(
        self,
        publish_binary: str,
        default_shim: str = "",
        *,
        limit: DescriptorLimit | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._publish_binary = publish_binary
        self._default_shim = default_shim
        self._limit = limit or DescriptorLimit()
        self._environment = environment or {}

    async def launch(self, request: ShimRequest) -> Bootstrap:
        printed = await self._call(request, ["start"], request.options)
        return bootstrap_from_text(printed.decode("utf-8", "replace").strip())

    async def delete(self, request: ShimRequest) -> DeadShim:
        printed = await self._call(request, ["-bundle", request.bundle, "delete"], b"")
        try:
            response = decode(DeleteResponse, printed)
        except DecodeError as error:
            raise Unavailable(f"delete shim {request.id}: it printed no response: {error}") from error
        return DeadShim(
            pid=response.pid,
            exit_status=response.exit_status,
            exited_at=nanoseconds_from_timestamp(response.exited_at),
        )

    async def info(self, runtime: str, options: bytes) -> bytes:
        """What the shim of a runtime says of itself, an encoded RuntimeInfo; `options` is an encoded Any, or empty.
        Raises InvalidArgument (no such runtime), Unavailable with its words when it fails."""
        command = [self._program(runtime), "-info"]
        try:
            done = await asyncio.to_thread(self._run, command, options, "/", dict(os.environ))
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{command[0]} -info: no answer within {_TIMEOUT:g} s") from None
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise Unavailable(f"{command[0]} -info: {words or 'exited'} ({done.returncode})")
        return done.stdout

    async def close(self) -> None:
        return

    async def _call(self, request: ShimRequest, action: list[str], stdin: bytes) -> bytes:
        """What the shim's program printed. Raises Unavailable with its words when it fails."""
        program = self._program(request.runtime)
        command = [program, *self._arguments(request), *action]
        try:
            done = await asyncio.to_thread(self._run, command, stdin, request.bundle, self._variables(request))
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{program} {action[-1]} for {request.id}: no answer within {_TIMEOUT:g} s") from None
        if done.returncode:
            words = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise Unavailable(f"{program} {action[-1]} for {request.id}: {words or 'exited'} ({done.returncode})")
        return done.stdout

    def _run(
        self, command: list[str], stdin: bytes, folder: str, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Not asyncio's: uvloop leaves its ends of the pipes open in the child, and so in the shim that stays."""
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=folder,
            env=environment,
            start_new_session=True,
            timeout=_TIMEOUT,
            preexec_fn=self._limit.give_back,
            check=False,
        )

    def _program(self, runtime: str) -> str:
        if self._default_shim and is_our_shim(runtime):
            return self._default_shim
        return find_shim(runtime or DEFAULT_RUNTIME)

    def _arguments(self, request: ShimRequest) -> list[str]:
        arguments = ["-namespace", request.namespace, "-address", request.address]
        arguments += ["-publish-binary", self._publish_binary, "-id", request.id]
        return [*arguments, "-debug"] if request.debug else arguments

    def _variables(self, request: ShimRequest) -> dict[str, str]:
        return {
            **os.environ,
            "GOMAXPROCS": "2",
            **self._environment,
            "MAX_SHIM_VERSION": "2",
            "TTRPC_ADDRESS": request.ttrpc_address,
            "GRPC_ADDRESS": request.address,
            "NAMESPACE": request.namespace,
        }


def bootstrap_from_text(text: str) -> Bootstrap:
    """JSON with a version, or the plain address of a version 2 shim. Raises Unavailable."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        if "://" not in text:
            raise Unavailable(f"start shim: it printed no address but {text[:200]!r}")
        return Bootstrap(address=text)
    version = fields.get("version", 2)
    if not isinstance(version, int) or version > _NEWEST_VERSION:
        raise Unavailable(f"start shim: its task API has version {version}, the newest known is {_NEWEST_VERSION}")
    return Bootstrap(
        address=str(fields.get("address", "")), version=version, protocol=str(fields.get("protocol") or "ttrpc")
    )
