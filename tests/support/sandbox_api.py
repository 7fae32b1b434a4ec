"""containerd's sandbox service and what goes with it, called directly: `ctr` has no verb for most of it."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from slipway.clients.containerd.calls import Connection, service_methods
from slipway.contracts.containerd_api.generated import containers_pb2, sandbox_pb2, sandbox_types_pb2

RUNTIME = "io.containerd.runc.v2"
STORE = service_methods(sandbox_pb2.DESCRIPTOR, "Store")
CONTROLLER = service_methods(sandbox_pb2.DESCRIPTOR, "Controller")
CONTAINERS = service_methods(containers_pb2.DESCRIPTOR, "Containers")
SECONDS = 30.0


class SandboxApi:
    """One containerd, in one namespace. `controller` answers with the reply, or raises the EngineError it got."""

    def __init__(self, address: str, namespace: str, sandboxer: str = "shim") -> None:
        self._address = address
        self._namespace = namespace
        self._sandboxer = sandboxer

    def controller(self, verb: str, sandbox_id: str, **fields: Any) -> Any:
        request = CONTROLLER[verb].request_type(**{"sandbox_id": sandbox_id, "sandboxer": self._sandboxer, **fields})
        return self._call(CONTROLLER[verb], request)

    def store(self, verb: str, **fields: Any) -> Any:
        return self._call(STORE[verb], STORE[verb].request_type(**fields))

    def create(self, sandbox_id: str, runtime: str = RUNTIME, **fields: Any) -> None:
        """The record, and the sandbox of it."""
        sandbox = described(sandbox_id, runtime, sandboxer=self._sandboxer)
        self.store("create", sandbox=sandbox)
        self.controller("create", sandbox_id, sandbox=sandbox, **fields)

    def put_into(self, container_id: str, sandbox_id: str) -> None:
        """Make a container, of which there is no more than its record, one of the sandbox's."""
        named = {"id": container_id}
        container = self._call(CONTAINERS["get"], containers_pb2.GetContainerRequest(**named)).container
        container.sandbox = sandbox_id
        self._call(CONTAINERS["delete"], containers_pb2.DeleteContainerRequest(**named))
        self._call(CONTAINERS["create"], containers_pb2.CreateContainerRequest(container=container))

    @contextlib.contextmanager
    def waiting(self, sandbox_id: str) -> Iterator["Wait"]:
        """A Wait under way in a thread of its own, from before the body on."""
        wait = Wait(self._address, self._namespace, self._sandboxer, sandbox_id)
        try:
            yield wait
        finally:
            wait.close()

    def _call(self, method: Any, request: Any) -> Any:
        async def ask() -> Any:
            connection = Connection(self._address, self._namespace)
            try:
                return await connection.call(method, request, timeout=SECONDS)
            finally:
                connection.close()

        return asyncio.run(ask())


class Wait:
    """One call of Wait. `result` is its reply, within `SECONDS`."""

    def __init__(self, address: str, namespace: str, sandboxer: str, sandbox_id: str) -> None:
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(self._open(address, namespace))
        request = sandbox_pb2.ControllerWaitRequest(sandbox_id=sandbox_id, sandboxer=sandboxer)
        loop = self._runner.get_loop()
        self._reply = loop.create_task(self._connection.call(CONTROLLER["wait"], request, timeout=None))
        # The call has arrived when one that was sent after it, on the same connection, is answered.
        status = sandbox_pb2.ControllerStatusRequest(sandbox_id=sandbox_id, sandboxer=sandboxer)
        self._runner.run(self._connection.call(CONTROLLER["status"], status, timeout=SECONDS))

    async def _open(self, address: str, namespace: str) -> Connection:
        return Connection(address, namespace)

    def is_over(self) -> bool:
        self._runner.run(asyncio.sleep(0))
        return self._reply.done()

    def result(self) -> Any:
        return self._runner.run(asyncio.wait_for(self._reply, SECONDS))

    def close(self) -> None:
        self._reply.cancel()
        self._connection.close()
        self._runner.close()


def described(sandbox_id: str, runtime: str = RUNTIME, *, sandboxer: str = "shim") -> sandbox_types_pb2.Sandbox:
    """A record with the least that there can be. The original's shims read a specification at their start."""
    sandbox = sandbox_types_pb2.Sandbox(sandbox_id=sandbox_id, sandboxer=sandboxer)
    sandbox.runtime.name = runtime
    sandbox.spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
    sandbox.spec.value = b'{"ociVersion":"1.0.2"}'
    return sandbox
