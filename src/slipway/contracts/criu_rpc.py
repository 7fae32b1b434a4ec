"""The messages of `criu swrk`, as far as runc uses them. Source: criu, images/rpc.proto (proto2)."""

from __future__ import annotations

from slipway.wire.protobuf import Field, Message, flag, message, messages, sint, text, texts, uint

DUMP, RESTORE, PRE_DUMP, NOTIFY, FEATURE_CHECK, VERSION = 1, 2, 4, 6, 9, 10

# --manage-cgroups-mode
CGROUP_MODES = {"": 6, "soft": 3, "full": 4, "strict": 5, "ignore": 0}


def _number(number: int) -> int:
    """A number that is sent when it is 0, too: proto2 tells it from an absent one."""
    return Field(number, "sint", None)  # type: ignore[return-value]


class PageServer(Message):
    address = text(1)
    port = sint(2)


class ExternalMount(Message):
    key = text(1)
    val = text(2)


class JoinNamespace(Message):
    ns = text(1)
    ns_file = text(2)


class InheritedDescriptor(Message):
    key = text(1)
    fd = _number(2)


class CgroupRoot(Message):
    ctrl = Field(1, "text", None)
    path = text(2)


class Options(Message):
    images_dir_fd = _number(1)
    pid = sint(2)
    leave_running = flag(3)
    ext_unix_sk = flag(4)
    tcp_established = flag(5)
    evasive_devices = flag(6)
    shell_job = flag(7)
    file_locks = flag(8)
    log_level = sint(9)
    log_file = text(10)
    ps = message(11, PageServer)
    notify_scripts = flag(12)
    root = text(13)
    parent_img = text(14)
    track_mem = flag(15)
    auto_dedup = flag(16)
    work_dir_fd = _number(17)
    link_remap = flag(18)
    ext_mnt = messages(23, ExternalMount)
    manage_cgroups = flag(24)
    cg_root = messages(25, CgroupRoot)
    rst_sibling = flag(26)
    inherit_fd = messages(27, InheritedDescriptor)
    manage_cgroups_mode = _number(34)
    external = texts(37)
    empty_ns = uint(38)
    join_ns = messages(39, JoinNamespace)
    freeze_cgroup = text(44)
    tcp_skip_in_flight = flag(46)
    lazy_pages = flag(48)
    status_fd = _number(49)
    orphan_pts_master = flag(50)
    config_file = text(51)
    lsm_profile = text(53)
    lsm_mount_context = text(63)


class Features(Message):
    mem_track = flag(1)
    lazy_pages = flag(2)


class Request(Message):
    type = uint(1)
    opts = message(2, Options)
    notify_success = flag(3)
    features = message(5, Features)


class Notification(Message):
    script = text(1)
    pid = sint(2)


class Version(Message):
    major_number = sint(1)
    minor_number = sint(2)
    sublevel = sint(4)


class Response(Message):
    type = uint(1)
    success = flag(2)
    notify = message(5, Notification)
    cr_errno = sint(7)
    features = message(8, Features)
    version = message(10, Version)
