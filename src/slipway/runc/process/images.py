"""The folders of a checkpoint, and what `checkpoint` and `restore` tell criu alike."""

import os

from slipway.base.errors import InvalidArgument
from slipway.contracts import criu_rpc
from slipway.linux.namespace_flags import CLONE_NEWNET
from slipway.runc.options.checkpoint import CriuChoices

DESCRIPTORS = "descriptors.json"

_CONFIGURATION = "/etc/criu/runc.conf"
_CONFIGURATION_ANNOTATION = "org.criu.config"
_LOG_LEVEL = 4


class Images:
    """Open folders, to be closed. criu opens them by our descriptors' numbers. `log` is where it will write."""

    __slots__ = ("descriptors", "log", "options")

    def __init__(self, choices: CriuChoices, log: str, annotations: dict[str, str], *, make: bool) -> None:
        """Makes the folder of criu's work, and with `make` that of the images. Raises OSError, InvalidArgument."""
        if choices.cgroups_mode not in criu_rpc.CGROUP_MODES:
            raise InvalidArgument("invalid manage-cgroups-mode value")
        if make:
            os.makedirs(choices.image_path, 0o700, exist_ok=True)
        if choices.parent_path:
            _check_parent(choices)
        self.descriptors = [_open(choices.image_path)]
        self.log = f"{choices.work_path or choices.image_path}/{log}"
        self.options = criu_rpc.Options(
            images_dir_fd=self.descriptors[0],
            log_level=_LOG_LEVEL,
            log_file=log,
            notify_scripts=True,
            manage_cgroups=True,
            manage_cgroups_mode=criu_rpc.CGROUP_MODES[choices.cgroups_mode],
            shell_job=choices.shell_job,
            ext_unix_sk=choices.ext_unix_sk,
            tcp_established=choices.tcp_established,
            file_locks=choices.file_locks,
            auto_dedup=choices.auto_dedup,
            lazy_pages=choices.lazy_pages,
            empty_ns=CLONE_NEWNET,  # the network is its maker's business
            orphan_pts_master=True,
        )
        configuration = annotations.get(_CONFIGURATION_ANNOTATION, _CONFIGURATION)
        if configuration:
            self.options.config_file = configuration
        if choices.work_path:
            os.makedirs(choices.work_path, 0o700, exist_ok=True)
            self.descriptors.append(_open(choices.work_path))
            self.options.work_dir_fd = self.descriptors[1]

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _check_parent(choices: CriuChoices) -> None:
    parent = os.path.normpath(f"{choices.image_path}/{choices.parent_path}")
    if not os.path.exists(parent):
        raise InvalidArgument(f"invalid --parent-path: stat {parent}: no such file or directory")
    if not os.path.isdir(parent):
        raise InvalidArgument(f"invalid --parent-path: {parent}: not a directory")
