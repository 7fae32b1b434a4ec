"""What `--help` says. The commands and flags are the original's, the words are ours. Pure."""

from slipway.runc.options.parse import DURATION, NUMBER, NUMBERS, SWITCH, TEXT, TEXTS, Flag

# verb -> (summary, arguments), in the order of the listing
COMMANDS = {
    "checkpoint": ("save a running container to files", "<container-id>"),
    "create": ("make a container whose program waits for `start`", "<container-id>"),
    "delete": ("remove what a stopped container holds", "<container-id>"),
    "events": ("print statistics and out-of-memory events as JSON, one document a line", "<container-id>"),
    "exec": (
        "start a further process in a container",
        "<container-id> <command> [arguments] || -p process.json <container-id>",
    ),
    "kill": ("send a signal (default: SIGTERM) to a container's init process", "<container-id> [signal]"),
    "list": ("list the containers below --root", ""),
    "pause": ("stop all processes of a container until `resume`", "<container-id>"),
    "ps": ("list the processes of a container", "<container-id> [options of ps]"),
    "restore": ("make a container from a checkpoint", "<container-id>"),
    "resume": ("let a paused container go on", "<container-id>"),
    "run": ("create and start a container", "<container-id>"),
    "spec": ("write an example config.json", ""),
    "start": ("let a created container's program run", "<container-id>"),
    "state": ("print the state of a container as JSON", "<container-id>"),
    "update": ("change the resource limits of a container", "<container-id>"),
    "features": ("print what this runtime understands as JSON", ""),
    "help": ("list the commands, or show the help of one", "[command]"),
}

_TEXTS = {
    "additional-gids": "further group ids",
    "apparmor": "AppArmor profile of the process",
    "auto-dedup": "keep one copy of equal memory pages in the images",
    "blkio-weight": "weight of block input and output, 10 to 1000",
    "bundle": "folder with config.json; the current one by default",
    "cap": "capability to add",
    "cgroup": "existing group below the container's to put the process in: [<controller>:]<path>",
    "console-socket": "unix socket that receives the master side of the terminal",
    "cpu-burst": "time that unused quota may be saved up to, in microseconds",
    "cpu-idle": "1: scheduled only when nothing else runs, 0: normally",
    "cpu-period": "period of the CPU quota in microseconds",
    "cpu-quota": "CPU time allowed in each period, in microseconds",
    "cpu-rt-period": "period of the realtime CPU limit in microseconds",
    "cpu-rt-runtime": "realtime CPU time allowed in each period, in microseconds",
    "cpu-share": "CPU weight relative to other containers",
    "cpuset-cpus": "CPUs to run on",
    "cpuset-mems": "memory nodes to use",
    "criu": "",
    "cwd": "working directory in the container",
    "debug": "log details, too",
    "detach": "do not wait for the process to end",
    "empty-ns": "namespace to make anew on restore, without its properties",
    "env": "environment variable to set",
    "ext-unix-sk": "allow sockets that lead out of the container",
    "file-locks": "save and restore file locks",
    "force": "kill the container first if it still runs",
    "format": "table or json",
    "help": "show help",
    "ignore-paused": "also in a paused container",
    "image-path": "folder of the images",
    "interval": "time between two statistics (default: 5s)",
    "keep": "do not delete the container when it has ended",
    "l3-cache-schema": "Intel RDT schema of the L3 cache",
    "lazy-pages": "bring memory pages by userfaultfd when they are used",
    "leave-running": "let the container run on",
    "link-remap": "link files that have no name any more back in",
    "log": "file to log to (default: standard error)",
    "log-format": "text or json",
    "lsm-mount-context": "label of mounts to restore with",
    "lsm-profile": "security profile to restore with, TYPE:NAME",
    "manage-cgroups-mode": "soft, full, strict or ignore",
    "mem-bw-schema": "Intel RDT schema of the memory bandwidth",
    "memory": "memory limit in bytes, or with a unit",
    "memory-reservation": "soft memory limit",
    "memory-swap": "limit of memory and swap together; -1: none",
    "no-new-keyring": "leave the container in the caller's session keyring",
    "no-new-privs": "the process may gain no privileges",
    "no-pivot": "change the root by a moved mount instead of pivot_root, for a root file system on a ramdisk",
    "no-subreaper": "do not adopt orphaned processes",
    "page-server": "ADDRESS:PORT of the page server",
    "parent-path": "folder of an earlier pre-dump, relative to the images",
    "pid-file": "file to write the process id to",
    "pidfd-socket": "unix socket that receives a descriptor of the process",
    "pids-limit": "most processes in the container",
    "pre-dump": "save memory alone and let the container run on",
    "preserve-fds": "how many descriptors behind stdio (and those of $LISTEN_FDS) to hand on",
    "process": "file with the process as JSON",
    "process-label": "SELinux label of the process",
    "quiet": "ids only",
    "resources": "file with limits as JSON, as in config.json under linux.resources; '-' reads standard input",
    "root": "folder of the containers' states",
    "rootless": "ignore errors of permission on control groups: true, false or auto",
    "shell-job": "allow a controlling terminal from outside",
    "stats": "print the statistics once and end",
    "status-fd": "descriptor on which to say that lazy pages are ready",
    "systemd-cgroup": "control groups through systemd; cgroupsPath is then slice:prefix:name",
    "tcp-established": "allow open TCP connections",
    "tcp-skip-in-flight": "skip TCP connections that are being opened",
    "tty": "give the process a terminal",
    "user": "user and group: <uid>[:<gid>]",
    "version": "print the version",
    "work-path": "folder for logs and working files",
}
_HIDDEN = frozenset(("all", "criu", "kernel-memory", "kernel-memory-tcp"))
_VALUED = frozenset((TEXT, TEXTS, NUMBER, NUMBERS, DURATION))
_VERSION = Flag(SWITCH, "version", "v")
_HELP = Flag(SWITCH, "help", "h")


def program_help(flags: tuple[Flag, ...], version: str) -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = "".join(f"   {verb.ljust(width)}{summary}\n" for verb, (summary, _) in COMMANDS.items())
    return f"""NAME:
   runc - Open Container Initiative runtime

USAGE:
   runc [global options] command [command options] [arguments...]

VERSION:
   {version}

COMMANDS:
{lines}
GLOBAL OPTIONS:
{_listing((*flags, _HELP, _VERSION))}"""


def command_help(verb: str, flags: tuple[Flag, ...]) -> str:
    summary, arguments = COMMANDS[verb]
    listing = _listing(flags)
    usage = f"runc {verb} {'[command options] ' if listing else ''}{arguments}".rstrip()
    options = f"\nOPTIONS:\n{listing}" if listing else ""
    return f"NAME:\n   runc {verb} - {summary}\n\nUSAGE:\n   {usage}\n{options}"


def _listing(flags: tuple[Flag, ...]) -> str:
    heads = {flag.names[0]: _head(flag) for flag in flags if flag.names[0] not in _HIDDEN}
    width = max(map(len, heads.values()), default=0) + 2
    return "".join(f"   {head.ljust(width)}{_TEXTS[name]}\n" for name, head in heads.items())


def _head(flag: Flag) -> str:
    value = " value" if flag.kind in _VALUED else ""
    return ", ".join(f"{'--' if len(name) > 1 else '-'}{name}{value}" for name in flag.names)
