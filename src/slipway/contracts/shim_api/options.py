"""How containerd's client configures the runtime beneath a shim. Source: containerd api/types/runc/options."""

from __future__ import annotations

from slipway.wire.protobuf import Message, flag, text, texts, uint

OPTIONS_TYPE = "containerd.runc.v1.Options"
CHECKPOINT_OPTIONS_TYPE = "containerd.runc.v1.CheckpointOptions"
DETAILS_TYPE = "containerd.runc.v1.ProcessDetails"


class Options(Message):
    no_pivot_root = flag(1)
    no_new_keyring = flag(2)
    shim_cgroup = text(3)
    io_uid = uint(4)
    io_gid = uint(5)
    binary_name = text(6)
    """The OCI runtime to exec, a path or a name on PATH; empty for the shim's own default."""
    root = text(7)
    """Where the runtime keeps its state; the namespace is appended."""
    systemd_cgroup = flag(9)
    criu_image_path = text(10)
    criu_work_path = text(11)
    task_api_address = text(12)
    task_api_version = uint(13)


class CheckpointOptions(Message):
    exit = flag(1)
    """End the container once it is saved."""
    open_tcp = flag(2)
    external_unix_sockets = flag(3)
    terminal = flag(4)
    file_locks = flag(5)
    empty_namespaces = texts(6)
    cgroups_mode = text(7)
    """soft, full, strict."""
    image_path = text(8)
    """Where the images go; empty: into the content store."""
    work_path = text(9)
    parent_path = text(10)


class ProcessDetails(Message):
    """What Pids says of a process that is an exec."""

    exec_id = text(1)
