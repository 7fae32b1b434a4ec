"""Why ours does not pass an assertion of the OCI validation programs: for the page, and for what a test excuses."""

NO_LEAF_WEIGHT = "blkio.leaf_weight went with the CFQ scheduler (Linux 5.0); a limit that cannot be set is an error."
NO_KERNEL_MEMORY = (
    "memory.kmem.limit_in_bytes cannot be set since Linux 5.16, and the specification advises against the property."
)

# (program, the beginning of the assertion's text) -> why.
WHY = {
    ("delete", "attempting to `delete` a container"): (
        "`delete` removes a container that was created and never started, as with runc and crun; one that runs is "
        "refused."
    ),
    ("hooks", "Hooks MUST be called in the listed order"): (
        "The program can never pass: it compares with lines ('post-start1') that its own hooks do not write "
        "('post-start1 called')."
    ),
    ("linux_cgroups_blkio", "gave up"): NO_LEAF_WEIGHT,
    ("linux_cgroups_relative_blkio", "exit status 1"): NO_LEAF_WEIGHT,
    ("linux_cgroups_memory", "memory kernel is set correctly"): NO_KERNEL_MEMORY,
    ("linux_cgroups_relative_memory", "memory kernel is set correctly"): NO_KERNEL_MEMORY,
    ("linux_mount_label", "gave up"): (
        "The kernel of this machine has no SELinux. A container that asks for a label is refused, as by runc; crun "
        "leaves it out."
    ),
    ("linux_process_apparmor_profile", "gave up"): (
        "The kernel of this machine has no AppArmor. A container that asks for a profile is refused, as by runc; crun "
        "starts it unconfined."
    ),
    ("killsig", "`kill` operation MUST send the specified signal to the container process"): (
        "The program sends the signal once the status is `running`, when its shell may not have set its trap yet; as "
        "process 1 that is then deaf to it. Seen once, on a busy machine. tests/integration/runc has tests of `kill`."
    ),
    ("misc_props", "implementations that are reading/processing this configuration file MUST NOT"): (
        "The program does not put `runtimetest` into the bundle whose configuration executes it, and `create` says "
        "that it is not there."
    ),
    ("mounts", "gave up"): (
        "The program gives a bind mount an option of a file system, which does nothing there. It is refused, as by "
        "runc; crun leaves it out."
    ),
    ("pidfile", "create with '--pid-file' option works"): (
        "The container's program is `true`, which has ended when the validation program sends it SIGKILL; `kill` says "
        "that the container is not running."
    ),
    ("poststart", "The post-start hooks MUST be called after"): (
        "Whose line comes first is a race of two shells: ours calls the hook once the program is executed."
    ),
    ("poststart_fail", "if any poststart hook fails"): (
        "Since its version 1.3 the specification wants an error and the container stopped; the program is older."
    ),
    ("prestart", "Pre-start hooks MUST be called after the `start`"): (
        "Since its version 1.0 the specification has prestart hooks called as part of `create`."
    ),
    ("process_capabilities", "gave up"): (
        "It asks for every capability that the kernel has, and root on this machine lacks CAP_SYS_RESOURCE."
    ),
    ("process_capabilities_fail", "gave up"): (
        "A capability that the kernel does not know is left out with a warning; the program asks for an error."
    ),
    ("process_rlimits", "has expected soft RLIMIT_NOFILE"): (
        "`runtimetest` changes what it compares: the Go runtime raises the soft limit to the hard one at its start."
    ),
    ("start", "exit status 1"): (
        "`create` refuses a configuration without a process, as with runc. crun makes such a container and then says "
        "that it has started it; the program counts that as passed, though the assertion's text says that it must fail."
    ),
}
# What an original passes and ours need not, each explained above.
EXCUSED = {
    ("linux_mount_label", ""),
    ("linux_process_apparmor_profile", ""),
    ("mounts", ""),
    ("killsig", "`kill` operation MUST send the specified signal to the container process"),
    ("poststart", "found nothing to complain about"),
    ("start", "`start` operation MUST generate an error if `process` was not set"),
}


def why(program: str, text: str) -> str:
    """The sentence for an assertion that ours does not pass; it says so when nobody has explained it."""
    found = (reason for (name, beginning), reason in WHY.items() if name == program and text.startswith(beginning))
    return next(found, "Not explained yet.")


def is_excused(program: str, text: str) -> bool:
    return any(name == program and text.startswith(beginning) for name, beginning in EXCUSED)
