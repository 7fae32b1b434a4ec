"""The head of a seccomp filter that answers ENOSYS for system calls newer than the profile. Pure.

Classic BPF on struct seccomp_data: `nr` at offset 0, `arch` at 4. Source: seccomp(2), linux/audit.h.
"""

import struct

_ENOSYS = 38
_RETURN_ENOSYS = 0x00050000 | _ENOSYS
_X86_64 = 0xC000003E
_X32 = 0x4000003E
_X32_BIT = 1 << 30
_S390 = frozenset((0x00000016, 0x80000016))

_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER = 0x25
_JUMP_SET = 0x45
_RETURN = 0x06


def _instruction(code: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, constant)


def enosys_stub(newest: dict[int, int]) -> bytes:
    """What stands before a filter. `newest`: libseccomp's architecture token -> highest number to let through.

    Falls into the filter for everything else, other architectures included. x32 shares x86_64's number in the kernel
    and is told apart by bit 30 of the call.
    """
    by_kernel_architecture: dict[int, list[bytes]] = {}
    for token, number in newest.items():
        architecture = _X86_64 if token == _X32 else token
        by_kernel_architecture.setdefault(architecture, []).extend(_checks(token, number))
    program: list[bytes] = []
    for architecture, checks in by_kernel_architecture.items():
        program.append(_instruction(_LOAD, 4))
        program.append(_instruction(_JUMP_EQUAL, architecture, 0, len(checks) + 1))
        program.append(_instruction(_LOAD, 0))
        program.extend(checks)
    return b"".join(program)


def _checks(token: int, number: int) -> list[bytes]:
    """With the call's number loaded: return ENOSYS if it is above `number`."""
    refuse = [_instruction(_JUMP_GREATER, number, 0, 1), _instruction(_RETURN, _RETURN_ENOSYS)]
    if token == _X86_64:
        return [_instruction(_JUMP_SET, _X32_BIT, len(refuse), 0), *refuse]
    if token == _X32:
        return [_instruction(_JUMP_SET, _X32_BIT, 0, len(refuse)), *refuse]
    if token in _S390:
        # A number that does not fit the s390 instruction arrives as 0, setup(2), which is long gone.
        return [_instruction(_JUMP_EQUAL, 0, 0, 1), _instruction(_RETURN, _RETURN_ENOSYS), *refuse]
    return refuse
