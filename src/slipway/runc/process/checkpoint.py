"""Saving a running container to files, by criu."""

import fcntl
import os
import stat

from slipway.base import json_text
from slipway.base.errors import EngineError, InvalidArgument
from slipway.base.files import write_atomically
from slipway.contracts import criu_rpc
from slipway.contracts.oci.runtime import Spec
from slipway.linux import cgroups, processes, resolve
from slipway.runc.bundle import load_bundle
from slipway.runc.options.checkpoint import CriuChoices
from slipway.runc.plan.checkpoint import joined_namespace, outside_mounts
from slipway.runc.process import criu
from slipway.runc.process.images import DESCRIPTORS, Images
from slipway.runc.report import words_of
from slipway.runc.state.model import ContainerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Kind of namespace -> criu's word. Others that were joined by path criu saves as the container's own.
OUTSIDE_NAMESPACES = {"network": "net", "pid": "pid"}


def key_of_namespace(word: str) -> str:
    return f"extRoot{word.capitalize()}NS"


def checkpoint_container(state: ContainerState, choices: CriuChoices, warn: "Callable[[str], None]") -> None:
    """Write the images. Unless told to leave it running, criu has ended the container's processes afterwards.

    Raises EngineError or OSError; then the container goes on as before. `warn` gets criu's errors.
    """
    criu.check_version()
    spec = load_bundle(state.bundle).spec
    if choices.pre_dump:
        criu.check_feature("mem_track", "MemTrack")
    if choices.lazy_pages:
        criu.check_feature("lazy_pages", "LazyPages")
        _check_status_descriptor(choices.status_fd)
    images = Images(choices, "dump.log", state.annotations, make=True)
    try:
        _complete(images.options, state, spec, choices)
        if not choices.pre_dump:
            _keep_descriptors(state, choices.image_path)
        kind = criu_rpc.PRE_DUMP if choices.pre_dump else criu_rpc.DUMP
        _run(criu_rpc.Request(type=kind, opts=images.options), choices)
    except EngineError:
        for line in criu.errors_in_log(images.log):
            warn(line)
        raise
    finally:
        images.close()


def _run(request: criu_rpc.Request, choices: CriuChoices) -> None:
    def attend(notification: criu_rpc.Notification, _: int) -> None:
        if notification.script == "status-ready" and choices.status_fd >= 0:
            os.write(choices.status_fd, b"\0")

    process = criu.Criu()
    try:
        process.ask(request, attend)
    finally:
        process.close()  # after a pre-dump criu waits for the next one, and fails when there is none


def _complete(options: criu_rpc.Options, state: ContainerState, spec: Spec, choices: CriuChoices) -> None:
    options.pid = state.pid
    options.root = state.rootfs
    options.leave_running = choices.leave_running
    options.tcp_skip_in_flight = choices.tcp_skip_in_flight
    options.link_remap = choices.link_remap
    freezer = state.groups.get(cgroups.UNIFIED) or state.groups.get("freezer")
    if freezer:
        options.freeze_cgroup = freezer
    if choices.page_server is not None:
        address, port = choices.page_server
        options.ps = criu_rpc.PageServer(address=address, port=port)
    if choices.parent_path:
        options.parent_img = choices.parent_path
        options.track_mem = True
    options.external = _outside_namespaces(spec)
    if not choices.pre_dump:
        options.ext_mnt = _outside_mounts(state, spec)


def _outside_namespaces(spec: Spec) -> list[str]:
    found = []
    for kind, word in OUTSIDE_NAMESPACES.items():
        path = joined_namespace(spec, kind)
        if path:
            found.append(f"{word}[{os.stat(path).st_ino}]:{key_of_namespace(word)}")
    return found


def _outside_mounts(state: ContainerState, spec: Spec) -> list[criu_rpc.ExternalMount]:
    """Each under the name by which a restore will say where it is: its own place, or the null device for masks."""
    hierarchies = cgroups.discover()
    found = []
    root = os.open(f"/proc/{state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for mount in outside_mounts(spec, state.bundle, hierarchies.points, state.groups):
            found.append(criu_rpc.ExternalMount(key=mount.destination, val=mount.destination))
        for path in spec.linux.masked_paths:
            if _is_masked_file(root, path):
                found.append(criu_rpc.ExternalMount(key=path, val="/dev/null"))
    finally:
        os.close(root)
    return found


def _is_masked_file(root: int, path: str) -> bool:
    try:
        descriptor = resolve.open_in_root(root, path)
    except OSError:
        return False
    try:
        return not stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _keep_descriptors(state: ContainerState, folder: str) -> None:
    """What stdio was at first: a restore puts its caller's in the place of those pipes, wherever they are by now."""
    links: list[json_text.Json] = [*(state.descriptors or processes.read_streams(state.pid))]
    write_atomically(f"{folder}/{DESCRIPTORS}", json_text.dumps(links).encode(), durable=False)


def _check_status_descriptor(descriptor: int) -> None:
    if descriptor < 0:
        return
    try:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except (OSError, OverflowError) as error:
        reason = words_of(error) if isinstance(error, OSError) else "bad file descriptor"
        raise InvalidArgument(f"invalid --status-fd argument {descriptor}: {reason}") from None
    if not flags & os.O_WRONLY:
        raise InvalidArgument(f"invalid --status-fd argument {descriptor}: not writable")
