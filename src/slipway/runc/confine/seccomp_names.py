"""What a specification calls the parts of a seccomp profile, and what the kernel's vocabulary calls them. Pure.

Source: runtime-spec config-linux.md, Seccomp.
"""

from slipway.linux import seccomp

ACTIONS = {
    "SCMP_ACT_KILL": seccomp.ACT_KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": seccomp.ACT_KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": seccomp.ACT_KILL_PROCESS,
    "SCMP_ACT_TRAP": seccomp.ACT_TRAP,
    "SCMP_ACT_ERRNO": seccomp.ACT_ERRNO,
    "SCMP_ACT_TRACE": seccomp.ACT_TRACE,
    "SCMP_ACT_LOG": seccomp.ACT_LOG,
    "SCMP_ACT_NOTIFY": seccomp.ACT_NOTIFY,
    "SCMP_ACT_ALLOW": seccomp.ACT_ALLOW,
}
OPERATORS = {
    "SCMP_CMP_NE": seccomp.COMPARE_NE,
    "SCMP_CMP_LT": seccomp.COMPARE_LT,
    "SCMP_CMP_LE": seccomp.COMPARE_LE,
    "SCMP_CMP_EQ": seccomp.COMPARE_EQ,
    "SCMP_CMP_GE": seccomp.COMPARE_GE,
    "SCMP_CMP_GT": seccomp.COMPARE_GT,
    "SCMP_CMP_MASKED_EQ": seccomp.COMPARE_MASKED_EQ,
}
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0,  # one thread: nothing to synchronise
    "SECCOMP_FILTER_FLAG_LOG": seccomp.FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": seccomp.FLAG_SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": seccomp.FLAG_WAIT_KILLABLE_RECV,
}

_PREFIX = "SCMP_ARCH_"
# SCMP_ARCH_ before each; libseccomp's own names are the same in small letters. As of libseccomp 2.6.
_ARCHITECTURES = [
    "AARCH64",
    "ARM",
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
    "X32",
    "X86",
    "X86_64",
]
# What the specification calls an architecture -> what libseccomp calls it.
ARCHITECTURES = {_PREFIX + name: name.lower() for name in _ARCHITECTURES}
