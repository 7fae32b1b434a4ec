"""The supervisor of tasks: has shims started, keeps the list of those that run, and cleans up after those that die."""

import asyncio
import builtins
import contextlib
import logging
import os
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from slipway.base.clock import Clock
from slipway.base.errors import AlreadyExists, EngineError, InvalidArgument, NotFound
from slipway.clients.shim.interface import Bootstrap, ShimLauncher, ShimRequest
from slipway.clients.shim.task_client import connect
from slipway.containerd.containers.interface import ContainerReader
from slipway.containerd.containers.model import Container
from slipway.containerd.events.interface import EventPublisher
from slipway.containerd.metadata.model import Scope
from slipway.containerd.tasks.bundle import (
    Bundle,
    BundleFolders,
    read_bootstrap,
    read_group,
    read_runtime,
    read_sandbox,
    write_bootstrap,
)
from slipway.containerd.tasks.lasting_work import LastingWork
from slipway.containerd.tasks.locks import KeyedLocks
from slipway.containerd.tasks.model import TaskEnd, TaskRequest, TaskTimeouts, any_from_typed
from slipway.containerd.tasks.sandbox_places import SandboxPlaces
from slipway.containerd.tasks.shim import RunningShim
from slipway.containerd.tasks.shim_processes import STATUS_UNKNOWN, ShimProcesses
from slipway.contracts.containerd_api.generated import event_types_pb2 as events
from slipway.contracts.shim_api import messages as task
from slipway.contracts.shim_api.grouping import group_from_specification
from slipway.wire.protobuf_known import nanoseconds_from_timestamp

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 2.0  # for one shim of an earlier daemon; they are asked beside each other
RECOVERIES_AT_ONCE: Final = 8


class TaskSupervisor:
    """Tasks by namespace and container id. Made on the event loop; every coroutine may run beside every other."""

    def __init__(
        self,
        *,
        launcher: ShimLauncher,
        bundles: BundleFolders,
        containers: ContainerReader,
        sandboxes: SandboxPlaces,
        events: EventPublisher,
        clock: Clock,
        address: str,
        timeouts: TaskTimeouts | None = None,
    ) -> None:
        self._timeouts = timeouts or TaskTimeouts()
        self._bundles = bundles
        self._containers = containers
        self._sandboxes = sandboxes
        self._events = events
        self._clock = clock
        self._shims: dict[tuple[str, str], RunningShim] = {}
        self._locks = KeyedLocks()
        self._groups = KeyedLocks()  # a group's shim does not end while one of its containers is made
        self._processes = ShimProcesses(launcher, bundles, address, log, "shim")
        self._work = LastingWork(log, "a task's work")

    def get(self, scope: Scope, container_id: str) -> RunningShim:
        """Raises NotFound when the container has no task."""
        shim = self._shims.get((scope.namespace, container_id))
        if shim is None:
            raise NotFound(f"task {container_id}: not found")
        return shim

    def list(self, scope: Scope) -> list[RunningShim]:
        """The tasks of one namespace, by id."""
        return [shim for (namespace, _), shim in sorted(self._shims.items()) if namespace == scope.namespace]

    def every(self) -> builtins.list[RunningShim]:
        """The tasks of all namespaces."""
        return [shim for _, shim in sorted(self._shims.items())]

    async def create(self, scope: Scope, container_id: str, request: TaskRequest) -> int:
        """Start a shim and have it create the container; returns the PID of the container's first process.

        Raises NotFound (container), AlreadyExists (task), and what launcher and shim raise. After a failure no shim and
        no bundle is left. Once begun it goes on to its end, even when the caller has gone.
        """
        return await asyncio.shield(self._work.begin(self._create(scope, container_id, request)))

    async def delete(self, scope: Scope, container_id: str) -> TaskEnd:
        """Delete a task that has ended, and its shim. Raises NotFound, FailedPrecondition (it still runs)."""
        return await asyncio.shield(self._work.begin(self._delete(scope, container_id)))

    async def recover(self) -> None:
        """Find the shims that an earlier daemon left running; clean up after those that died meanwhile."""
        room = asyncio.Semaphore(RECOVERIES_AT_ONCE)

        async def take_over(bundle: Bundle) -> None:
            async with room:
                await self._recover(bundle)

        bundles = await asyncio.to_thread(lambda: [*self._bundles.list()])
        async with asyncio.TaskGroup() as group:
            for bundle in bundles:
                group.create_task(take_over(bundle))

    async def close(self) -> None:
        """Let go of every shim; they live on."""
        for shim in self._shims.values():
            shim.is_leaving = True
            await shim.client.close()
        await self._work.wait()
        self._processes.close()

    async def _create(self, scope: Scope, container_id: str, request: TaskRequest) -> int:
        async with self._locks.hold(scope.namespace, container_id):
            if (scope.namespace, container_id) in self._shims:
                raise AlreadyExists(f"task {container_id}: already exists")
            container, bundle, checkpoint = await asyncio.to_thread(self._make_bundle, scope, container_id, request)
            message = _create_message(bundle, container, request, checkpoint)
            async with self._hold_group(bundle, _group_of(container)):
                return await self._launch_and_create(scope, container, bundle, request, message)

    async def _launch_and_create(
        self,
        scope: Scope,
        container: Container,
        bundle: Bundle,
        request: TaskRequest,
        message: task.CreateTaskRequest,
    ) -> int:
        """In the shim of the container's sandbox, or else in one that is launched."""
        runtime = request.runtime_path or container.runtime_name
        launch = self._processes.request(bundle, runtime, container.runtime_options)
        self._processes.read_log(bundle, launch)
        async with self._processes.removed_on_failure(bundle):
            place = await self._sandboxes.find(scope, container.sandbox, request.sandbox_address)
            bootstrap = place or await self._processes.launch(launch)
        sandbox, group = container.sandbox if place else "", _group_of(container)
        async with self._processes.cleaned_up_on_failure(bundle, launch):
            await asyncio.to_thread(write_bootstrap, bundle, bootstrap, launch.runtime, sandbox)
            shim = await self._connect(bundle, launch, bootstrap, group, sandbox)
            return await self._create_in(shim, message)

    def _make_bundle(self, scope: Scope, container_id: str, request: TaskRequest) -> tuple[Container, Bundle, str]:
        """With the folder of the checkpoint, if there is one. Blocks on the disk. Raises NotFound (the container),
        AlreadyExists, and what unpacking raises."""
        container = self._containers.get(scope, container_id)
        bundle = self._bundles.create(scope.namespace, container_id, container.spec.value)
        if request.unpack_checkpoint is None:
            return container, bundle, request.checkpoint
        folder = f"{bundle.work}/checkpoint"
        try:
            os.mkdir(folder, 0o700)
            request.unpack_checkpoint(folder)
        except BaseException:
            self._bundles.remove(bundle)
            raise
        return container, bundle, folder

    async def _create_in(self, shim: RunningShim, message: task.CreateTaskRequest) -> int:
        try:
            created = await shim.client.create(message)
        except EngineError as error:
            await self._dismiss(shim)
            raise type(error)(f"failed to create shim task: {error.message}", error.hint) from error
        except BaseException:
            await self._dismiss(shim)
            raise
        self._keep(shim)
        return created.pid

    async def _delete(self, scope: Scope, container_id: str) -> TaskEnd:
        async with self._locks.hold(scope.namespace, container_id):
            shim = self.get(scope, container_id)
            response = await shim.client.delete(task.ProcessRequest(id=container_id))
            shim.is_leaving = True
            self._shims.pop((scope.namespace, container_id), None)
            async with self._hold_group(shim.bundle, shim.group):
                await self._dismiss(shim)
            await self._processes.remove(shim.bundle)
            return TaskEnd(
                pid=response.pid,
                exit_status=response.exit_status,
                exited_at=nanoseconds_from_timestamp(response.exited_at),
            )

    def _hold_group(self, bundle: Bundle, group: str) -> AbstractAsyncContextManager[None]:
        return self._groups.hold(bundle.namespace, group) if group else nullcontext()

    async def _connect(
        self, bundle: Bundle, launch: ShimRequest, bootstrap: Bootstrap, group: str, sandbox: str
    ) -> RunningShim:
        async with asyncio.timeout(self._timeouts.connect):
            client = await connect(bootstrap)
        return RunningShim(bundle, launch, client, pid=bootstrap.pid, group=group, sandbox=sandbox)

    def _has_others(self, shim: RunningShim) -> bool:
        """Whether a shim is that of other containers of its group, too."""
        return bool(shim.group) and any(
            another.group == shim.group
            for another in self._shims.values()
            if another is not shim and another.namespace == shim.namespace
        )

    async def _dismiss(self, shim: RunningShim) -> None:
        """Ask a shim to end, and wait until it has; that of others, too, stays, as does a sandbox's."""
        shim.is_leaving = True
        if shim.sandbox:
            await shim.client.close()
            return
        try:
            async with asyncio.timeout(self._timeouts.shutdown):
                await shim.client.shutdown(task.ShutdownRequest(id=shim.id))
                if not self._has_others(shim):
                    await shim.client.wait_closed()
        except (TimeoutError, EngineError) as error:
            log.warning("the shim did not end when asked", extra={"fields": {"id": shim.id, "error": error}})
        await shim.client.close()

    async def _clean_up(self, bundle: Bundle, launch: ShimRequest) -> TaskEnd:
        """Have the remains of a task removed; returns how it ended, as far as anybody knows."""
        noticed_at = self._clock.now()
        dead = await self._processes.clean_up(bundle, launch)
        if dead is None:
            return TaskEnd(pid=0, exit_status=STATUS_UNKNOWN, exited_at=noticed_at)
        return TaskEnd(pid=dead.pid, exit_status=dead.exit_status, exited_at=dead.exited_at)

    async def _recover(self, bundle: Bundle) -> None:
        launch = self._processes.request(bundle, await asyncio.to_thread(read_runtime, bundle))
        self._processes.read_log(bundle, launch)
        try:
            bootstrap = await asyncio.to_thread(read_bootstrap, bundle)
            group, sandbox = await asyncio.to_thread(lambda: (read_group(bundle), read_sandbox(bundle)))
            shim = await self._connect(bundle, launch, bootstrap, group, sandbox)
            empty = not await self._has_container(shim)
        except (EngineError, TimeoutError) as error:
            log.info("the shim is gone", extra={"fields": {"id": bundle.id, "error": error}})
            self._tell_end(bundle, await self._clean_up(bundle, launch))
            return
        if empty:  # we died while its container was made or deleted
            await self._dismiss(shim)
            await self._processes.clean_up(bundle, launch)
            return
        self._keep(shim)

    async def _has_container(self, shim: RunningShim) -> bool:
        """Whether there is anything in a shim of an earlier daemon; one that is still making it is waited for.

        A shim that lives but does not answer (it is stopped) counts as having one. Raises EngineError when it is gone.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if shim.group:
                    return await self._group_has_container(shim)
                connected = await shim.client.connect(task.TaskRequest(id=shim.id))
                shim.pid = connected.shim_pid
                if connected.task_pid:
                    return True
                if shim.sandbox:
                    return False
                await shim.client.shutdown(task.ShutdownRequest(id=shim.id))
                await shim.client.wait_closed()
            return False
        except TimeoutError:
            shim.is_silent = True
            return True

    async def _group_has_container(self, shim: RunningShim) -> bool:
        """Whether this one is in its group's shim, which serves the others in any case."""
        try:
            await shim.client.state(task.ProcessRequest(id=shim.id))
        except NotFound:
            return False
        return True

    def _keep(self, shim: RunningShim) -> None:
        self._shims[shim.namespace, shim.id] = shim
        self._work.begin(self._watch(shim))
        if not shim.pid:
            self._work.begin(self._learn_pid(shim))

    async def _learn_pid(self, shim: RunningShim) -> None:
        """That of a shim which another daemon started, or which is not ours."""
        with contextlib.suppress(EngineError):
            shim.pid = (await shim.client.connect(task.TaskRequest(id=shim.id))).shim_pid

    async def _watch(self, shim: RunningShim) -> None:
        """When a shim goes that was not told to, find out how its container ended and tell."""
        await shim.client.wait_closed()
        if shim.is_leaving:
            return
        async with self._locks.hold(shim.namespace, shim.id):
            if shim.is_leaving or self._shims.get((shim.namespace, shim.id)) is not shim:
                return
            log.info("cleaning up after shim disconnected", extra={"fields": {"id": shim.id}})
            end = await self._clean_up(shim.bundle, shim.request)
            del self._shims[shim.namespace, shim.id]
        self._tell_end(shim.bundle, end)
        shim.end.set_result(end)

    def _tell_end(self, bundle: Bundle, end: TaskEnd) -> None:
        ended = events.TaskExit(container_id=bundle.id, id=bundle.id, pid=end.pid, exit_status=end.exit_status)
        ended.exited_at.FromNanoseconds(end.exited_at)
        self._events.publish(bundle.namespace, "/tasks/exit", ended)
        deleted = events.TaskDelete(container_id=bundle.id, pid=end.pid, exit_status=end.exit_status)
        deleted.exited_at.FromNanoseconds(end.exited_at)
        self._events.publish(bundle.namespace, "/tasks/delete", deleted)


def _group_of(container: Container) -> str:
    try:
        return group_from_specification(container.spec.value)
    except InvalidArgument:
        return ""  # the runtime will say why


def _create_message(
    bundle: Bundle, container: Container, request: TaskRequest, checkpoint: str
) -> task.CreateTaskRequest:
    options = request.options or container.runtime_options
    return task.CreateTaskRequest(
        id=bundle.id,
        bundle=bundle.path,
        rootfs=tuple(
            task.Mount(type=mount.type, source=mount.source, target=mount.target, options=mount.options)
            for mount in request.rootfs
        ),
        terminal=request.terminal,
        stdin=request.stdin,
        stdout=request.stdout,
        stderr=request.stderr,
        checkpoint=checkpoint,
        options=any_from_typed(options) if options else None,
    )
