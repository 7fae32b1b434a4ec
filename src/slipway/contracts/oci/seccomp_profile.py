"""The default seccomp profile: which system calls a container may make. Data only; seccomp.py resolves it.

A list of what is allowed; all else fails with EPERM. It equals Docker 28.5's for every system call number (a test in
tests/compat/spec compares them), with one refusal more: AF_ALG sockets, whose kernel code let containers write to
files they could only read (CVE-2026-31431).
"""

from typing import Any

EPERM = 1
ENOSYS = 38

# Files, directories, links, attributes, pipes; also mount tables for reading.
FILES = """
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
    fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync
    ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat ioctl lchown lchown32 lgetxattr
    link linkat listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir
    mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename renameat
    renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statmount statx
    symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 unlink unlinkat utime utimensat
    utimensat_time64 utimes vmsplice write writev
"""

# Address space.
MEMORY = """
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
    mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages
"""

# Processes, threads, futexes, limits; confining oneself further is welcome.
PROCESSES = """
    execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake getpgid
    getpgrp getpid getppid getrandom getrlimit get_robust_list getrusage getsid get_thread_area gettid
    landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl prlimit64 riscv_hwprobe rseq seccomp
    setpgid setrlimit set_robust_list setsid set_thread_area set_tid_address sysinfo ugetrlimit uname uretprobe
    vfork wait4 waitid waitpid
"""

# User, groups, capabilities: the kernel checks each against what the process holds.
IDENTITY = """
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
    umask
"""

# Signals, also by process descriptor.
SIGNALS = """
    kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack
    signalfd signalfd4 sigprocmask sigreturn tgkill tkill
"""

# Sockets; creating one is ruled below, by family.
SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""

# System V and POSIX queues, semaphores, shared memory: of the container's own IPC namespace.
MESSAGES = """
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
"""

# Priorities and processors.
SCHEDULING = """
    getcpu getpriority ioprio_get ioprio_set sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
    sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield setpriority
"""

# Waiting for many things at once; asynchronous I/O, but not io_uring.
EVENTS = """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
    eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
    io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6
    pselect6_time64 select
"""

# Reading and waiting for time; setting it needs CAP_SYS_TIME all the same.
TIME = """
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64 times
"""

# With CAP_SYS_ADMIN a container may make namespaces and mounts, and look into the kernel.
ADMINISTRATION = """
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare
"""

# All CLONE_NEW* flags but CLONE_NEWTIME (which clone cannot take): a new process, yes; new namespaces, no.
NAMESPACE_FLAGS = 0x7E020000
AF_ALG, AF_VSOCK = 38, 40
# PER_LINUX, PER_LINUX32, UNAME26 with both, and the question for the present one.
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)


def allow(names: str, *arguments: dict[str, Any], when: dict[str, Any] | None = None, **unless: Any) -> dict[str, Any]:
    """One rule in the form of Docker's profile files. `when` must hold (caps, arches, minKernel); `unless` must not."""
    rule: dict[str, Any] = {"names": names.split(), "action": "SCMP_ACT_ALLOW"}
    if arguments:
        rule["args"] = list(arguments)
    if when:
        rule["includes"] = when
    if unless:
        rule["excludes"] = unless
    return rule


def argument(index: int, operator: str, value: int) -> dict[str, Any]:
    """A comparison of one argument of a system call: LT, EQ, GT."""
    return {"index": index, "value": value, "op": f"SCMP_CMP_{operator}"}


def no_new_namespaces(index: int) -> dict[str, Any]:
    """`argument & NAMESPACE_FLAGS == 0`: "valueTwo", absent, is 0."""
    return {"index": index, "value": NAMESPACE_FLAGS, "op": "SCMP_CMP_MASKED_EQ"}


def _with_capability(capability: str, names: str) -> dict[str, Any]:
    return allow(names, when={"caps": [capability]})


def _on(names: str, *machines: str) -> dict[str, Any]:
    return allow(names, when={"arches": list(machines)})


S390 = ["s390", "s390x"]

DEFAULT_PROFILE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": EPERM,
    "archMap": [
        {"architecture": f"SCMP_ARCH_{native}", "subArchitectures": [f"SCMP_ARCH_{other}" for other in others.split()]}
        for native, others in (
            ("X86_64", "X86 X32"),
            ("AARCH64", "ARM"),
            ("MIPS64", "MIPS MIPS64N32"),
            ("MIPS64N32", "MIPS MIPS64"),
            ("MIPSEL64", "MIPSEL MIPSEL64N32"),
            ("MIPSEL64N32", "MIPSEL MIPSEL64"),
            ("S390X", "S390"),
            ("RISCV64", ""),
            ("LOONGARCH64", ""),
        )
    ],
    "syscalls": [
        allow(
            FILES + MEMORY + PROCESSES + IDENTITY + SIGNALS + SOCKETS + MESSAGES + SCHEDULING + EVENTS + TIME,
        ),
        # Before 4.8 a traced process could leave its filter (CVE-2019-2054 and its kin).
        allow("process_vm_readv process_vm_writev ptrace", when={"minKernel": "4.8"}),
        # Every family but AF_ALG and AF_VSOCK. Three rules, as libseccomp takes one comparison per argument and rule.
        allow("socket", argument(0, "LT", AF_ALG)),
        allow("socket", argument(0, "EQ", AF_ALG + 1)),
        allow("socket", argument(0, "GT", AF_VSOCK)),
        *(allow("personality", argument(0, "EQ", personality)) for personality in PERSONALITIES),
        _on("sync_file_range2 swapcontext", "ppc64le"),
        _on("arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls", "arm", "arm64"),
        _on("arch_prctl", "amd64", "x32"),
        _on("modify_ldt", "amd64", "x32", "x86"),
        _on("s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", *S390),
        _on("riscv_flush_icache", "riscv64"),
        _with_capability("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        _with_capability("CAP_SYS_ADMIN", ADMINISTRATION),
        allow("clone", no_new_namespaces(0), caps=["CAP_SYS_ADMIN"], arches=S390),
        # On s390 clone takes the stack first, the flags second.
        allow("clone", no_new_namespaces(1), when={"arches": S390}, caps=["CAP_SYS_ADMIN"]),
        # clone3's flags are behind a pointer that a filter cannot follow: say that there is no such call, and libc uses
        # clone.
        {
            "names": ["clone3"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": ENOSYS,
            "excludes": {"caps": ["CAP_SYS_ADMIN"]},
        },
        _with_capability("CAP_SYS_BOOT", "reboot"),
        _with_capability("CAP_SYS_CHROOT", "chroot"),
        _with_capability("CAP_SYS_MODULE", "delete_module init_module finit_module"),
        _with_capability("CAP_SYS_PACCT", "acct"),
        _with_capability(
            "CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"
        ),
        _with_capability("CAP_SYS_RAWIO", "iopl ioperm"),
        _with_capability("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
        _with_capability("CAP_SYS_TTY_CONFIG", "vhangup"),
        _with_capability("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        _with_capability("CAP_SYSLOG", "syslog"),
        _with_capability("CAP_BPF", "bpf"),
        _with_capability("CAP_PERFMON", "perf_event_open"),
    ],
}
