"""Protocols, contracts, plans, options, lifecycles do no I/O and read no clock; one floor touches the kernel."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.modules import Module, every_module

PURE_FOLDERS = {"wire", "contracts", "spec", "plan", "options", "output"}
PURE_FILES = {"lifecycle.py"}
IMPURE_MODULES = {
    *("asyncio", "socket", "select", "selectors", "subprocess", "threading", "multiprocessing", "signal"),
    *(
        "tempfile",
        "shutil",
        "glob",
        "urllib",
        "http",
        "ssl",
        "sqlite3",
        "random",
        "secrets",
        "logging",
        "fcntl",
        "mmap",
    ),
    *("resource", "pwd", "grp", "posix", "io", "uvloop", "grpclib", "httptools"),
}
# `os` is impure but for these: names and pure path arithmetic.
PURE_OF_OS = {"path", "fsencode", "fsdecode", "fspath", "PathLike", "strerror", "major", "minor", "makedev"}
PURE_OF_OS_PATH = {
    "join",
    "normpath",
    "basename",
    "dirname",
    "isabs",
    "split",
    "splitext",
    "commonpath",
    "commonprefix",
}
IMPURE_CALLS = {"open", "print", "input"}
CLOCKS = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"),
    *("datetime.now", "datetime.utcnow", "date.today", "datetime.datetime.now"),
}
# The kernel's numbers and names are data: these files hold nothing else.
PURE_OF_LINUX = re.compile(r"linux\.\w+_(flags|names)\b")
CONTAINER_WORDS = ("container", "docker", "image", "oci", "bundle")


def is_pure(module: Module) -> bool:
    return bool(PURE_FOLDERS & set(module.parts[1:-1])) or module.path.name in PURE_FILES


def test_pure_places_do_no_io_and_read_no_clock() -> None:
    wrong = [f"{m.relative}:{line}: {what}" for m in every_module() if is_pure(m) for line, what in _impurities(m)]
    assert not wrong, "\n".join(wrong)


def _impurities(module: Module) -> Iterator[tuple[int, str]]:
    for name, line in module.imports(typing_too=False):
        top, _, rest = name.partition(".")
        first = rest.partition(".")[0]
        if top in IMPURE_MODULES or (top == "os" and rest and first not in PURE_OF_OS):
            yield line, f"imports {name}"
        is_numbers_alone = PURE_OF_LINUX.match(rest) is not None
        if top == "slipway" and first in {"transport", "linux", "service", "database"} and not is_numbers_alone:
            yield line, f"imports {name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, f"calls {node.func.id}"
        if isinstance(node, ast.Attribute) and not _is_pure_attribute(node):
            yield node.lineno, f"uses {ast.unparse(node)}"


def _is_pure_attribute(node: ast.Attribute) -> bool:
    text = ast.unparse(node)
    if text.startswith("os.path."):
        return node.attr in PURE_OF_OS_PATH
    if isinstance(node.value, ast.Name) and node.value.id == "os":
        return node.attr in PURE_OF_OS or node.attr.isupper()
    return text not in CLOCKS


def test_ctypes_only_on_the_floor_that_touches_the_kernel() -> None:
    wrong = [
        f"{module.relative}:{line}"
        for module in every_module()
        for name, line in module.imports()
        if name.split(".")[0] in {"ctypes", "_ctypes"} and module.parts[1] != "linux"
    ]
    assert not wrong, "\n".join(wrong)


def test_that_floor_knows_nothing_of_containers() -> None:
    """Names, not prose: a comment may say what a call is good for, an identifier may not."""
    wrong = []
    for module in every_module():
        if module.parts[1:2] != ("linux",):
            continue
        for node in ast.walk(module.tree):
            name = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else getattr(node, "arg", None)
            words = set(str(name or "").lower().split("_"))
            if words & set(CONTAINER_WORDS):
                wrong.append(f"{module.relative}:{getattr(node, 'lineno', 0)}: {name}")
    assert not wrong, "\n".join(wrong)
