"""What each program may import before it knows what to do, measured on the running process. One table."""

import subprocess
import sys
import sysconfig

import pytest

from tests.architecture.modules import SOURCE

# Each start pays for its imports: asyncio 37 ms, dataclasses 11, logging 10, pathlib 8, argparse 6, json 6 (measured);
# `threading` costs each fork of the template 0.25 ms and 370 kB.
LEAN = frozenset(
    (
        *("asyncio", "threading", "logging", "json", "re", "enum", "dataclasses", "typing", "argparse", "pathlib"),
        *("subprocess", "selectors", "tempfile", "inspect", "shutil", "urllib", "http", "ssl", "multiprocessing"),
        *("concurrent", "sqlite3", "google", "grpclib", "uvloop", "orjson"),
    )
)
BUDGETS: dict[str, frozenset[str]] = {
    "slipway.launch.runc": LEAN,
    "slipway.launch.shim": LEAN,
    "slipway.launch.template": LEAN,
    "slipway.launch.docker": frozenset(
        ("http", "asyncio", "threading", "logging", "ssl", "argparse", "dataclasses", "typing", "json", "subprocess")
    ),
}
MEASURE = "import sys; sys.path[:0] = {paths!r}; import {module}; import _json; print(chr(10).join(sys.modules))"


@pytest.mark.parametrize("module", BUDGETS)
def test_a_program_imports_no_more_than_its_budget(module: str) -> None:
    if not (SOURCE / module.replace(".", "/")).with_suffix(".py").exists():
        pytest.xfail("not written yet")
    loaded = {name.partition(".")[0] for name in modules_after_import(module)}
    assert not loaded & BUDGETS[module], f"{module} imports {sorted(loaded & BUDGETS[module])}"


def modules_after_import(module: str) -> list[str]:
    """sys.modules of a process that started as the launchers do and imported `module`."""
    code = MEASURE.format(paths=[str(SOURCE), sysconfig.get_paths()["platlib"]], module=module)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_measure_sees_what_a_module_imports() -> None:
    assert "json" in modules_after_import("json")
