"""Looks a user up in a container's own files."""

from slipway.contracts.containerd_api.types import Mount
from slipway.dockerd.containers.container import Container
from slipway.dockerd.containers.files.rootfs_files import layer_folders, read_rootfs_file
from slipway.dockerd.containers.files.users import container_user
from slipway.dockerd.containers.spec.model import ContainerUser


def user_of(container: Container, mounts: tuple[Mount, ...], text: str) -> ContainerUser:
    """Whom `text` names. Blocks on the disk; raises InvalidArgument."""
    folders = layer_folders(mounts)
    passwd = read_rootfs_file(folders, "etc/passwd")
    group = read_rootfs_file(folders, "etc/group")
    return container_user(text, container.record.host_config.group_add or (), passwd, group)
