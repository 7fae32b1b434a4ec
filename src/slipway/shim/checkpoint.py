"""Checkpoint: have the runtime save a container's processes, by criu."""

from __future__ import annotations

import os

from slipway.base.errors import EngineError
from slipway.contracts.shim_api.messages import CheckpointTaskRequest
from slipway.contracts.shim_api.options import CheckpointOptions
from slipway.shim.bundle import checkpoint_options_from_any, disk_folder
from slipway.shim.model import Container

_FLAGS = {
    "open_tcp": "--tcp-established",
    "external_unix_sockets": "--ext-unix-sk",
    "terminal": "--shell-job",
    "file_locks": "--file-locks",
}


async def checkpoint(container: Container, request: CheckpointTaskRequest) -> None:
    """Images of all processes in `request.path`. Raises FailedPrecondition, or EngineError with the place of the log
    that criu has left on disk, beside the bundle."""
    container.init.check("checkpoint")
    options = checkpoint_options_from_any(request.options)
    place = disk_folder(container.bundle)
    work = options.work_path or f"{place}/criu-work"
    try:
        await container.runtime.checkpoint(container.id, _flags(request.path, work, options))
    except EngineError as error:
        log = f"{work}/dump.log"
        if not options.work_path:
            log = f"{place}/criu-dump.log"
            _keep(f"{work}/dump.log", log)
        raise type(error)(f"{error.message} path= {log}", error.hint) from error
    finally:
        if not options.work_path:
            _remove(work)


def _flags(path: str, work: str, options: CheckpointOptions) -> list[str]:
    flags = ["--image-path", path, "--work-path", work]
    flags += [flag for name, flag in _FLAGS.items() if getattr(options, name)]
    for kind in options.empty_namespaces:
        flags += ["--empty-ns", kind]
    if options.cgroups_mode:
        flags += ["--manage-cgroups-mode", options.cgroups_mode]
    if options.parent_path:
        flags += ["--parent-path", options.parent_path]
    if not options.exit:
        flags.append("--leave-running")
    return flags


def _keep(log: str, place: str) -> None:
    try:
        os.replace(log, place)
    except FileNotFoundError:  # criu did not get that far
        return


def _remove(work: str) -> None:
    """Only criu writes here: a log, statistics, no folders."""
    try:
        names = os.listdir(work)
    except FileNotFoundError:
        return
    for name in names:
        os.unlink(f"{work}/{name}")
    os.rmdir(work)
