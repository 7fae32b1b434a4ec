"""What the parent of a new container does for it with the host's privileges, when the child asks."""

import os

from slipway.base.errors import InternalError, InvalidArgument
from slipway.contracts.oci.runtime import NetDevice, TimeOffset
from slipway.linux import mounts, namespaces, network_devices
from slipway.linux.namespace_flags import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER
from slipway.runc.plan.mount_options import IDMAP_ALL, IDMAP_NONE
from slipway.runc.plan.operations import BindMount, Operation
from slipway.runc.process import handshake
from slipway.runc.process.guard import shut_interpreter
from slipway.runc.process.handshake import Channel
from slipway.runc.process.mappings import map_lines
from slipway.runc.report import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def write_time_offsets(pid: int, offsets: dict[str, TimeOffset]) -> None:
    """Of the time namespace that a process made for its children."""
    lines = "".join(f"{clock} {offset.seconds} {offset.nanoseconds}\n" for clock, offset in offsets.items())
    try:
        namespaces.write_process_file(pid, "timens_offsets", lines)
    except OSError as error:
        raise InvalidArgument(f"failed to update {words_of(error)} (linux.timeOffsets)") from None


def move_devices(pid: int, devices: dict[str, NetDevice]) -> None:
    """Network interfaces of ours into the namespace of a process. Raises InternalError naming the one that failed."""
    namespace = os.open(namespaces.path_of(pid, CLONE_NEWNET), os.O_RDONLY | os.O_CLOEXEC)
    try:
        for name, device in devices.items():
            try:
                network_devices.move_device(name, device.name or name, namespace)
            except OSError as error:
                raise InternalError(f"move netDevice {name} to the container: {words_of(error)}") from None
    finally:
        os.close(namespace)


def send_source(channel: Channel, pid: int, step: Operation) -> None:
    """The tree of a bind mount, as the host's root sees it in the container's mount namespace, mapped if wanted.

    Raises InternalError when there is none.
    """
    assert isinstance(step, BindMount)
    mapping = -1
    try:
        if step.options.idmap != IDMAP_NONE:
            mapping = _mapping(pid, step)
        words = _send_from_within(channel, pid, step, mapping)
    finally:
        if mapping >= 0:
            os.close(mapping)
    if words:
        raise InternalError(f"failed to fulfil mount request: {words}")


def _mapping(pid: int, step: BindMount) -> int:
    """A user namespace with the mount's mappings, or the container's own if it has none."""
    if not step.uid_mappings:
        return os.open(namespaces.path_of(pid, CLONE_NEWUSER), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return namespaces.new_user_namespace(map_lines(step.uid_mappings), map_lines(step.gid_mappings))
    except OSError as error:
        raise InvalidArgument(f"failed to create userns for {step.source} id-mapping: {words_of(error)}") from None


def _send_from_within(channel: Channel, pid: int, step: BindMount, mapping: int) -> str:
    """A child of ours goes into the mount namespace and sends the tree to init. Returns what went wrong."""
    report, words = os.pipe2(os.O_CLOEXEC)
    helper = os.fork()
    if helper == 0:
        os.close(report)
        _help(channel, pid, step, mapping, words)
    os.close(words)
    try:
        with open(report, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    finally:
        _, status = os.waitpid(helper, 0)
    return text or (f"its helper ended with {status}" if status else "")


def _help(channel: Channel, pid: int, step: BindMount, mapping: int, words: int) -> "NoReturn":
    shut_interpreter(channel)
    try:
        namespaces.join_path(namespaces.path_of(pid, CLONE_NEWNS), CLONE_NEWNS)
        mount = mounts.clone_path(step.source, recursive=step.options.recursive)
        if mapping >= 0:
            _map(mount, mapping, step)
        channel.send_descriptor(handshake.GO, mount)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - the edge of this process
        text = words_of(error)
        if isinstance(error, FileNotFoundError):
            text = f"open {text}"
        os.write(words, text.encode("utf-8", "replace"))
    os._exit(1)


def _map(mount: int, mapping: int, step: BindMount) -> None:
    try:
        mounts.map_ids(mount, mapping, recursive=step.options.idmap == IDMAP_ALL)
    except OSError as error:
        hint = " (maybe the filesystem used doesn't support idmap mounts on this kernel?)" if error.errno == 22 else ""
        reason = (error.strerror or "").lower()
        raise InternalError(f"failed to set MOUNT_ATTR_IDMAP on {step.source}: {reason}{hint}") from None
