"""A specification as the ordered steps of a container's init, before and after it enters its root."""

import posixpath

from slipway.base.errors import InvalidArgument
from slipway.contracts.oci.runtime import Device, Mount, Spec
from slipway.runc.plan import operations
from slipway.runc.plan.mount_options import IDMAP_NONE, IDMAP_TOP, MountOptions, parse_mount_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.plan.operations import Operation

# (path, major, minor): every container has them. Source: runtime-spec config-linux.md, Default Devices.
_DEFAULT_DEVICES = (
    ("/dev/null", 1, 3),
    ("/dev/random", 1, 8),
    ("/dev/full", 1, 7),
    ("/dev/tty", 5, 0),
    ("/dev/zero", 1, 5),
    ("/dev/urandom", 1, 9),
)
# As with the original: what is in these has labels of its own.
_LABELLED_BY_THE_KERNEL = ("proc", "sysfs")
_DEVICE_LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)


class ContainerPlan:
    """`build`: with the host's files in sight; `finish`: inside the new root. `own_devices`: /dev is made by us."""

    __slots__ = ("build", "finish", "own_devices")

    def __init__(self, build: "list[Operation]", finish: "list[Operation]", own_devices: bool) -> None:
        self.build = build
        self.finish = finish
        self.own_devices = own_devices


def plan_container(spec: Spec, bundle: str, *, rootfs: str, has_kcore: bool) -> ContainerPlan:
    """All steps of `spec`. Relative bind sources are the bundle's; `has_kcore` is whether /dev/core can be linked.

    A destination that begins with `rootfs`, the root's real path, means the place in it, as with the original.
    """
    own_devices = not any(_binds_over_devices(mount) for mount in spec.mounts)
    build = [_mount(mount, bundle, rootfs, spec) for mount in spec.mounts]
    if own_devices:
        build.extend(_devices(spec.linux.devices))
        build.append(operations.MakeLink("pts/ptmx", "/dev/ptmx", replace=True))
        links = (*_DEVICE_LINKS, ("/proc/kcore", "/dev/core")) if has_kcore else _DEVICE_LINKS
        build.extend(operations.MakeLink(target, path, replace=False) for target, path in links)
    return ContainerPlan(build, _finish(spec), own_devices)


def _finish(spec: Spec) -> "list[Operation]":
    steps: list[Operation] = []
    if spec.root is not None and spec.root.readonly:
        steps.append(operations.MakeReadonly("/"))
    if spec.hostname or spec.domainname:
        steps.append(operations.SetHostname(spec.hostname, spec.domainname))
    steps.extend(operations.WriteSysctl(_sysctl_path(key), value) for key, value in spec.linux.sysctl.items())
    steps.extend(operations.MakeReadonly(path) for path in spec.linux.readonly_paths)
    masked = {clean_path(path): path for path in spec.linux.masked_paths}
    steps.extend(operations.MaskPath(path, spec.linux.mount_label) for path in masked.values())
    return steps


def _mount(mount: Mount, bundle: str, rootfs: str, spec: Spec) -> "Operation":
    options = parse_mount_options(mount.options)
    if (mount.uid_mappings or mount.gid_mappings) and options.idmap == IDMAP_NONE:
        options.idmap = IDMAP_TOP
    destination = _inside(clean_path(mount.destination), rootfs)
    if options.bind or mount.kind == "bind":
        _check_bind(mount, options, spec)
        return _bind(mount, options, bundle, destination)
    if options.idmap != IDMAP_NONE:
        raise InvalidArgument(f"invalid mount {mount.destination}: id-mapped mounts are only supported for bind-mounts")
    if mount.kind not in _LABELLED_BY_THE_KERNEL and not options.remount:
        options.label = spec.linux.mount_label
    if mount.kind in ("cgroup", "cgroup2"):
        own = any(namespace.kind == "cgroup" for namespace in spec.linux.namespaces)
        return operations.MountCgroups(destination, options, own)
    return operations.MountFileSystem(mount.kind, mount.source, destination, options)


def _check_bind(mount: Mount, options: MountOptions, spec: Spec) -> None:
    beginning = f"invalid mount {mount.destination}:"
    if options.own_words:
        raise InvalidArgument(f"{beginning} bind mounts cannot have any filesystem-specific options applied")
    if options.idmap == IDMAP_NONE:
        return
    own = any(namespace.kind == "user" for namespace in spec.linux.namespaces)
    given = (bool(mount.uid_mappings), bool(mount.gid_mappings))
    if given != (True, True) and not (own and given == (False, False)):
        raise InvalidArgument(f"{beginning} id-mapped mounts must have both uid and gid mappings specified")


def _bind(mount: Mount, options: MountOptions, bundle: str, destination: str) -> operations.BindMount:
    step = operations.BindMount(posixpath.join(bundle, mount.source), destination, options)
    step.uid_mappings = mount.uid_mappings
    step.gid_mappings = mount.gid_mappings
    return step


def _inside(destination: str, rootfs: str) -> str:
    prefix = rootfs.rstrip("/") + "/"
    return f"/{destination[len(prefix) :]}" if destination.startswith(prefix) else destination


def _binds_over_devices(mount: Mount) -> bool:
    is_bind = mount.kind == "bind" or "bind" in mount.options or "rbind" in mount.options
    return is_bind and clean_path(mount.destination) == "/dev"


def _devices(extra: list[Device]) -> "list[Operation]":
    """The defaults, each replaced by one of the specification at the same path; /dev/ptmx is always a link."""
    steps = {
        path: operations.MakeDevice(path, "c", major, minor, 0o666, 0, 0) for path, major, minor in _DEFAULT_DEVICES
    }
    for device in extra:
        path = clean_path(device.path)
        if path != "/dev/ptmx":
            mode = device.mode & 0o7777
            step = operations.MakeDevice(path, device.kind, device.major, device.minor, mode, device.uid, device.gid)
            step.exact = path not in steps
            steps[path] = step
    return list(steps.values())


def _sysctl_path(key: str) -> str:
    """`net.ipv4.ip_forward` -> `net/ipv4/ip_forward`; with a slash first, dots are literal, as in sysctl(8)."""
    dot, slash = key.find("."), key.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return key
    return "/".join(part.replace("/", ".") for part in key.split("."))


def clean_path(path: str) -> str:
    """Absolute, without `.`, `..` and doubled slashes."""
    cleaned = posixpath.normpath("/" + path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned
