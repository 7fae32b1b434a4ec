"""The flags of `checkpoint` and `restore`. Pure."""

import posixpath

from slipway.base.errors import InvalidArgument
from slipway.runc.options.parse import NUMBER, SWITCH, TEXT, TEXTS, Flag, Options, is_whole_number

CHECKPOINT = (
    Flag(TEXT, "image-path"),
    Flag(TEXT, "work-path"),
    Flag(TEXT, "parent-path"),
    Flag(SWITCH, "leave-running"),
    Flag(SWITCH, "tcp-established"),
    Flag(SWITCH, "tcp-skip-in-flight"),
    Flag(SWITCH, "link-remap"),
    Flag(SWITCH, "ext-unix-sk"),
    Flag(SWITCH, "shell-job"),
    Flag(SWITCH, "lazy-pages"),
    Flag(NUMBER, "status-fd"),
    Flag(TEXT, "page-server"),
    Flag(SWITCH, "file-locks"),
    Flag(SWITCH, "pre-dump"),
    Flag(TEXT, "manage-cgroups-mode"),
    Flag(TEXTS, "empty-ns"),
    Flag(SWITCH, "auto-dedup"),
)
RESTORE = (
    Flag(TEXT, "console-socket"),
    Flag(TEXT, "image-path"),
    Flag(TEXT, "work-path"),
    Flag(SWITCH, "tcp-established"),
    Flag(SWITCH, "ext-unix-sk"),
    Flag(SWITCH, "shell-job"),
    Flag(SWITCH, "file-locks"),
    Flag(TEXT, "manage-cgroups-mode"),
    Flag(TEXT, "bundle", "b"),
    Flag(SWITCH, "detach", "d"),
    Flag(TEXT, "pid-file"),
    Flag(SWITCH, "no-subreaper"),
    Flag(SWITCH, "no-pivot"),
    Flag(TEXTS, "empty-ns"),
    Flag(SWITCH, "auto-dedup"),
    Flag(SWITCH, "lazy-pages"),
    Flag(TEXT, "lsm-profile"),
    Flag(TEXT, "lsm-mount-context"),
)


class CriuChoices:
    """What the flags say, checked as far as it can be without criu. `status_fd` is -1 without one."""

    __slots__ = (
        "auto_dedup",
        "cgroups_mode",
        "ext_unix_sk",
        "file_locks",
        "image_path",
        "lazy_pages",
        "leave_running",
        "link_remap",
        "lsm_mount_context",
        "lsm_profile",
        "page_server",
        "parent_path",
        "pre_dump",
        "shell_job",
        "status_fd",
        "tcp_established",
        "tcp_skip_in_flight",
        "work_path",
    )

    def __init__(self, options: Options, directory: str) -> None:
        """`directory` is the current one. Raises InvalidArgument in the original's words."""
        self.image_path = posixpath.join(directory, options.text("image-path") or "checkpoint")
        work_path = options.text("work-path")
        self.work_path = posixpath.join(directory, work_path) if work_path else ""
        self.parent_path = options.text("parent-path")
        if self.parent_path.startswith("/"):
            raise InvalidArgument("--parent-path must be relative")
        self.page_server = _page_server(options.text("page-server"))
        for name in options.texts("empty-ns"):
            if name != "network":
                raise InvalidArgument(f'namespace "{name}" is not supported')
        self.cgroups_mode = options.text("manage-cgroups-mode")
        self.lsm_profile = options.text("lsm-profile")
        self.lsm_mount_context = options.text("lsm-mount-context")
        status = options.number("status-fd")
        self.status_fd = -1 if status is None else status
        self.auto_dedup = options.switch("auto-dedup")
        self.ext_unix_sk = options.switch("ext-unix-sk")
        self.file_locks = options.switch("file-locks")
        self.lazy_pages = options.switch("lazy-pages")
        self.leave_running = options.switch("leave-running")
        self.link_remap = options.switch("link-remap")
        self.pre_dump = options.switch("pre-dump")
        self.shell_job = options.switch("shell-job")
        self.tcp_established = options.switch("tcp-established")
        self.tcp_skip_in_flight = options.switch("tcp-skip-in-flight")


def _page_server(text: str) -> "tuple[str, int] | None":
    if not text:
        return None
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not address or not port:
        raise InvalidArgument("Use --page-server ADDRESS:PORT to specify page server")
    if not is_whole_number(port) or not 0 < int(port) < 1 << 16:
        raise InvalidArgument("Invalid port number")
    return address, int(port)
