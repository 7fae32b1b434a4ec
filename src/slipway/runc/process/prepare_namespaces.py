"""The namespaces of a new container, looked at before the fork: what is joined, who is mapped, whose network it is."""

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import IdMapping, Spec
from slipway.contracts.oci.runtime_fields import Fields
from slipway.linux import namespaces
from slipway.linux.namespace_flags import CLONE_NEWNET, CLONE_NEWUSER
from slipway.runc.process.enter_namespaces import NamespaceFile, is_our_own, open_namespaces
from slipway.runc.process.init import InitRequest
from slipway.runc.report import words_of


def prepare_namespaces(request: InitRequest, spec: Spec) -> None:
    """Open what is joined by path and note the mappings. Raises InvalidArgument for what cannot be or must not."""
    request.namespace_files = open_namespaces(request.namespaces)
    request.uid_mappings, request.gid_mappings = _mappings(request, spec)
    _check_network(request, spec)


def _check_network(request: InitRequest, spec: Spec) -> None:
    """A path can lead to the network that runc is in: nothing can be moved to there."""
    for file in request.namespace_files:
        if spec.linux.net_devices and file.flag == CLONE_NEWNET and is_our_own(file):
            raise InvalidArgument("unable to move network devices without a NET namespace")


def _mappings(request: InitRequest, spec: Spec) -> tuple[list[IdMapping], list[IdMapping]]:
    """Those of the user namespace, new or joined. Root must be mapped: it builds the container."""
    uid_mappings, gid_mappings = spec.linux.uid_mappings, spec.linux.gid_mappings
    if not request.namespaces.has_user:
        return [], []
    for file in request.namespace_files:
        if file.flag == CLONE_NEWUSER:
            joined = _joined_mappings(file)
            for wanted, found in zip((uid_mappings, gid_mappings), joined, strict=True):
                if wanted and _sorted(wanted) != _sorted(found):
                    raise InvalidArgument(
                        "user namespaces enabled, but both namespace path and non-matching mapping specified -- "
                        "you may only provide one"
                    )
            uid_mappings, gid_mappings = joined
    for name, mappings in (("uid", uid_mappings), ("gid", gid_mappings)):
        if not mappings:
            raise InvalidArgument(f"user namespaces enabled, but no {name} mappings found")
        if not any(item.container_id == 0 and item.size for item in mappings):
            raise InvalidArgument(f"user namespaces enabled, but no mapping found for {name} 0")
    return uid_mappings, gid_mappings


def _joined_mappings(file: NamespaceFile) -> tuple[list[IdMapping], list[IdMapping]]:
    try:
        uid_map, gid_map = namespaces.mappings_in(file.descriptor)
    except OSError as error:
        raise InvalidArgument(f"failed to cache mappings for userns: setns {file.path}: {words_of(error)}") from None
    return _mappings_from_lines(uid_map), _mappings_from_lines(gid_map)


def _mappings_from_lines(text: str) -> list[IdMapping]:
    mappings = []
    for line in text.splitlines():
        inside, outside, size = map(int, line.split())
        mappings.append(IdMapping(Fields({"containerID": inside, "hostID": outside, "size": size}, "mapping")))
    return mappings


def _sorted(mappings: list[IdMapping]) -> list[tuple[int, int, int]]:
    return sorted((item.container_id, item.host_id, item.size) for item in mappings)
