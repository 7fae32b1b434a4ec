"""System call filters: compiled by libseccomp through ctypes, exported by memfd, loaded by seccomp(2).

The library is opened by its soname when first asked for; its absence is NotImplementedByEngine, never "no filter".
"""

import ctypes
import errno
import os
import struct

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.linux import syscalls
from slipway.linux.libc import os_error, system_call
from slipway.linux.seccomp_stub import enosys_stub

ACT_KILL_THREAD = 0x00000000
ACT_KILL_PROCESS = 0x80000000
ACT_TRAP = 0x00030000
ACT_ERRNO = 0x00050000
ACT_NOTIFY = 0x7FC00000
ACT_TRACE = 0x7FF00000
ACT_LOG = 0x7FFC0000
ACT_ALLOW = 0x7FFF0000

COMPARE_NE = 1
COMPARE_LT = 2
COMPARE_LE = 3
COMPARE_EQ = 4
COMPARE_GE = 5
COMPARE_GT = 6
COMPARE_MASKED_EQ = 7

FLAG_LOG = 1 << 1
FLAG_SPEC_ALLOW = 1 << 2
FLAG_NEW_LISTENER = 1 << 3
FLAG_WAIT_KILLABLE_RECV = 1 << 5

_SONAME = "libseccomp.so.2"
_UNKNOWN_SYSCALL = -1
_ATTRIBUTE_OPTIMIZE = 8
# libseccomp up to 2.5.4 fails when it is asked for a tree and there are no rules; a tree pays from some rules on.
_TREE_FROM = 32
_SET_MODE_FILTER = 1
_NATIVE = 0
_library: "ctypes.CDLL | None" = None


class Rule:
    """`action` for the system call `name` when all `comparisons` (argument, COMPARE_*, value, second value) hold."""

    __slots__ = ("action", "comparisons", "name")

    def __init__(self, name: str, action: int, comparisons: "list[tuple[int, int, int, int]]") -> None:
        self.name = name
        self.action = action
        self.comparisons = comparisons


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


class _Version(ctypes.Structure):
    _fields_ = (("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint))


def library() -> ctypes.CDLL:
    """libseccomp, opened once. Raises NotImplementedByEngine where it is not installed."""
    global _library
    if _library is None:
        try:
            _library = ctypes.CDLL(_SONAME)
        except OSError as error:
            raise NotImplementedByEngine(
                f"load {_SONAME}: {error}", "install the libseccomp2 package, or run without a seccomp profile"
            ) from None
        _library.seccomp_init.restype = ctypes.c_void_p
        _library.seccomp_version.restype = ctypes.POINTER(_Version)
        _library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    return _library


def library_version() -> str:
    """`2.5.4`: part of the key of any stored filter."""
    version = library().seccomp_version().contents
    return f"{version.major}.{version.minor}.{version.micro}"


def library_version_or_none() -> "str | None":
    """For those who only tell it."""
    try:
        return library_version()
    except NotImplementedByEngine:
        return None


def knows_architecture(name: str) -> bool:
    """Whether this libseccomp can compile for `x86_64`, `riscv64`, ...; False without the library."""
    try:
        return bool(library().seccomp_arch_resolve_name(name.encode()))
    except NotImplementedByEngine:
        return False


def compile_filter(default_action: int, architectures: list[str], rules: list[Rule]) -> bytes:
    """The BPF program of a profile. `architectures` (`x86_64`, `x32`, ...) come on top of the native one.

    Unknown system calls are left out, as the kernel in use cannot have them; those newer than all that the profile
    names answer ENOSYS, so that a C library falls back as on an old kernel instead of failing with EPERM.
    Raises InvalidArgument for an unknown architecture or a rule that libseccomp refuses.
    """
    context = library().seccomp_init(ctypes.c_uint32(default_action))
    if not context:
        raise InvalidArgument(f"seccomp default action {default_action:#x} is not valid")
    handle = ctypes.c_void_p(context)
    try:
        tokens = [_add_architecture(handle, name) for name in architectures]
        if len(rules) > _TREE_FROM:
            library().seccomp_attr_set(handle, _ATTRIBUTE_OPTIMIZE, ctypes.c_uint32(2))
        for rule in rules:
            if rule.action != default_action:  # libseccomp refuses rules that change nothing
                _add_rule(handle, rule)
        program = _export(handle)
    finally:
        library().seccomp_release(handle)
    if default_action in (ACT_ALLOW, ACT_LOG) or default_action & 0xFFFF0000 == ACT_TRACE:
        return program
    return enosys_stub(_newest_calls(tokens, rules)) + program


def _add_architecture(handle: ctypes.c_void_p, name: str) -> int:
    token: int = library().seccomp_arch_resolve_name(name.encode())
    if not token:
        raise InvalidArgument(f"seccomp architecture {name!r} is not known")
    result = library().seccomp_arch_add(handle, ctypes.c_uint32(token))
    if result not in (0, -errno.EEXIST):
        raise InvalidArgument(f"add seccomp architecture {name!r}: {os.strerror(-result)}")
    return token


def _add_rule(handle: ctypes.c_void_p, rule: Rule) -> None:
    number = library().seccomp_syscall_resolve_name(rule.name.encode())
    if number == _UNKNOWN_SYSCALL:
        return
    arguments = [comparison[0] for comparison in rule.comparisons]
    # libseccomp takes one comparison per argument and joins them by "and"; more of one argument have always meant "or".
    groups = (
        [rule.comparisons]
        if len(set(arguments)) == len(arguments)
        else [[comparison] for comparison in rule.comparisons]
    )
    for group in groups:
        array = (_Comparison * len(group))(*(_Comparison(*comparison) for comparison in group))
        result = library().seccomp_rule_add_array(
            handle, ctypes.c_uint32(rule.action), number, ctypes.c_uint(len(group)), array
        )
        if result:
            raise InvalidArgument(f"add seccomp rule for {rule.name}: {os.strerror(-result)}")


def _export(handle: ctypes.c_void_p) -> bytes:
    """Through a memfd: libseccomp 2.5.4 cannot export to memory."""
    descriptor = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    try:
        result = library().seccomp_export_bpf(handle, descriptor)
        if result:
            raise os_error(-result, "export seccomp filter")
        size = os.lseek(descriptor, 0, os.SEEK_END)
        return os.pread(descriptor, size, 0)
    finally:
        os.close(descriptor)


def _newest_calls(tokens: list[int], rules: list[Rule]) -> dict[int, int]:
    """For each architecture the highest system call number that any rule names."""
    native: int = library().seccomp_arch_native()
    names = {rule.name.encode() for rule in rules}
    newest: dict[int, int] = {}
    for token in dict.fromkeys([native & 0xFFFFFFFF, *tokens]):
        resolve = library().seccomp_syscall_resolve_name_arch
        highest = max((resolve(ctypes.c_uint32(token), name) for name in names), default=0)
        if highest > 0:
            newest[token] = highest
    return newest


def load(program: bytes, flags: int) -> int:
    """Confine this process from now on. Needs CAP_SYS_ADMIN, or no_new_privs.

    With FLAG_NEW_LISTENER the result is the descriptor, close-on-exec, on which calls are announced; 0 without.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    return system_call(syscalls.SECCOMP, _SET_MODE_FILTER, flags, header, what="load seccomp filter")


def supports_flags(flags: int) -> bool:
    """Whether the running kernel knows flags of `load`, asked with a filter that it cannot read (seccomp(2))."""
    try:
        system_call(syscalls.SECCOMP, _SET_MODE_FILTER, flags, None, what="ask for seccomp flags")
    except OSError as error:
        return error.errno == errno.EFAULT
    raise AssertionError("no filter lies at address 0")
