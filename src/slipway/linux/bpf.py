"""The device filter of cgroup v2: a small BPF program made from rules, loaded and attached.

Source: linux/bpf.h, kernel Documentation/admin-guide/cgroup-v2.rst (Device controller).
"""

import ctypes
import os
import struct

from slipway.linux import syscalls
from slipway.linux.libc import system_call

_BPF_PROG_LOAD = 5
_BPF_PROG_ATTACH = 8
_BPF_PROG_TYPE_CGROUP_DEVICE = 15
_BPF_CGROUP_DEVICE = 6
_BPF_F_ALLOW_MULTI = 2
_LOG_SIZE = 1 << 16
_DEVICE_TYPES = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}

# Opcodes: class | source | operation.
_LOAD_WORD = 0x61
_AND_CONSTANT = 0x54
_SHIFT_RIGHT_CONSTANT = 0x74
_MOVE_CONSTANT = 0xB4
_MOVE_REGISTER = 0xBC
_JUMP_NOT_EQUAL_CONSTANT = 0x56
_JUMP_EQUAL_CONSTANT = 0x16
_JUMP_NOT_EQUAL_REGISTER = 0x5E
_EXIT = 0x95


def _instruction(code: int, target: int = 0, source: int = 0, offset: int = 0, constant: int = 0) -> bytes:
    return struct.pack("=BBhI", code, source << 4 | target, offset, constant)


def device_program(default_allow: bool, exceptions: "list[tuple[str, int | None, int | None, str]]") -> bytes:
    """Instructions that answer `default_allow`, and the opposite for the exceptions (type, major, minor, access).

    Under a denying default an exception allows exactly the access it lists, or less; under an allowing default it
    denies whatever touches its access.
    """
    program = [
        _instruction(_LOAD_WORD, 2, 1, 0),
        _instruction(_AND_CONSTANT, 2, constant=0xFFFF),  # r2: type
        _instruction(_LOAD_WORD, 3, 1, 0),
        _instruction(_SHIFT_RIGHT_CONSTANT, 3, constant=16),  # r3: access
        _instruction(_LOAD_WORD, 4, 1, 4),  # r4: major
        _instruction(_LOAD_WORD, 5, 1, 8),  # r5: minor
    ]
    for kind, major, minor, access in exceptions:
        program.extend(_exception(default_allow, kind, major, minor, access))
    program.append(_instruction(_MOVE_CONSTANT, 0, constant=int(default_allow)))
    program.append(_instruction(_EXIT))
    return b"".join(program)


def _exception(default_allow: bool, kind: str, major: "int | None", minor: "int | None", access: str) -> list[bytes]:
    bits = sum(_ACCESS[letter] for letter in set(access))
    tests: list[tuple[int, int, int, int]] = []  # code, register, other register, constant
    if kind in _DEVICE_TYPES:
        tests.append((_JUMP_NOT_EQUAL_CONSTANT, 2, 0, _DEVICE_TYPES[kind]))
    if bits != 7:
        tests.append((_MOVE_REGISTER, 1, 3, 0))
        tests.append((_AND_CONSTANT, 1, 0, bits))
        tests.append((_JUMP_EQUAL_CONSTANT, 1, 0, 0) if default_allow else (_JUMP_NOT_EQUAL_REGISTER, 1, 3, 0))
    if major is not None:
        tests.append((_JUMP_NOT_EQUAL_CONSTANT, 4, 0, major))
    if minor is not None:
        tests.append((_JUMP_NOT_EQUAL_CONSTANT, 5, 0, minor))
    jumps = (_JUMP_NOT_EQUAL_CONSTANT, _JUMP_EQUAL_CONSTANT, _JUMP_NOT_EQUAL_REGISTER)
    block = []
    for index, (code, register, other, constant) in enumerate(tests):
        skip = len(tests) - index + 1 if code in jumps else 0  # to behind the block's two last instructions
        block.append(_instruction(code, register, other, skip, constant))
    block.append(_instruction(_MOVE_CONSTANT, 0, constant=int(not default_allow)))
    block.append(_instruction(_EXIT))
    return block


def load_device_program(program: bytes) -> int:
    """Have the kernel verify a program; a descriptor of it. Raises OSError with the verifier's last words."""
    try:
        return _load(program)
    except OSError as refusal:
        raise OSError(refusal.errno, refusal.strerror, f"load device filter{_complaint(program)}") from None


def _load(program: bytes, log: "ctypes.Array[ctypes.c_char] | None" = None) -> int:
    """A log is for a refusal only: before Linux 6.4 one that does not fit it (ENOSPC) refuses a correct program."""
    license_name = ctypes.create_string_buffer(b"Apache")
    code = ctypes.create_string_buffer(program, len(program))
    attributes = struct.pack(
        "=IIQQIIQII",
        _BPF_PROG_TYPE_CGROUP_DEVICE,
        len(program) // 8,
        ctypes.addressof(code),
        ctypes.addressof(license_name),
        1 if log else 0,
        len(log) if log else 0,
        ctypes.addressof(log) if log else 0,
        0,
        0,
    )
    return system_call(syscalls.BPF, _BPF_PROG_LOAD, attributes, len(attributes), what="load device filter")


def _complaint(program: bytes) -> str:
    """What the verifier says of a program that it has refused, or nothing."""
    log = ctypes.create_string_buffer(_LOG_SIZE)
    try:
        os.close(_load(program, log))
    except OSError:
        last_lines = log.value.decode("utf-8", "replace").strip().splitlines()[-3:]
        return f" ({'; '.join(last_lines)})" if last_lines else ""
    return ""


def attach_device_program(group: str, program: int) -> None:
    """Attach to a cgroup v2 directory, beside the programs that are there: all must allow."""
    directory = os.open(group, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        attributes = struct.pack("=IIII", directory, program, _BPF_CGROUP_DEVICE, _BPF_F_ALLOW_MULTI)
        what = f"attach device filter to {group}"
        system_call(syscalls.BPF, _BPF_PROG_ATTACH, attributes, len(attributes), what=what)
    finally:
        os.close(directory)
