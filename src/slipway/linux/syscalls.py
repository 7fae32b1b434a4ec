"""Numbers of the system calls that libc does not wrap. Source: arch/*/entry/syscalls tables of Linux 6.12."""

import os

_MACHINE = os.uname().machine
# Calls older than 2019 have a number per architecture; newer ones have the same everywhere.
_OLD: dict[str, dict[str, int]] = {
    "x86_64": {"pivot_root": 155, "keyctl": 250, "ioprio_set": 251, "sched_setattr": 314, "seccomp": 317, "bpf": 321},
    "aarch64": {"pivot_root": 41, "keyctl": 219, "ioprio_set": 30, "sched_setattr": 274, "seccomp": 277, "bpf": 280},
    "riscv64": {"pivot_root": 41, "keyctl": 219, "ioprio_set": 30, "sched_setattr": 274, "seccomp": 277, "bpf": 280},
    "ppc64le": {"pivot_root": 203, "keyctl": 271, "ioprio_set": 273, "sched_setattr": 355, "seccomp": 358, "bpf": 361},
    "s390x": {"pivot_root": 217, "keyctl": 280, "ioprio_set": 282, "sched_setattr": 345, "seccomp": 348, "bpf": 351},
}
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237, "riscv64": 237, "ppc64le": 261, "s390x": 270}
_own = _OLD.get(_MACHINE, {})

# -1 is no system call: the kernel answers ENOSYS.
PIVOT_ROOT = _own.get("pivot_root", -1)
KEYCTL = _own.get("keyctl", -1)
IOPRIO_SET = _own.get("ioprio_set", -1)
SCHED_SETATTR = _own.get("sched_setattr", -1)
SECCOMP = _own.get("seccomp", -1)
BPF = _own.get("bpf", -1)
SET_MEMPOLICY = _SET_MEMPOLICY.get(_MACHINE, -1)

OPEN_TREE = 428
MOVE_MOUNT = 429
FSOPEN = 430
FSCONFIG = 431
FSMOUNT = 432
CLONE3 = 435
CLOSE_RANGE = 436
OPENAT2 = 437
PIDFD_GETFD = 438
MOUNT_SETATTR = 442
