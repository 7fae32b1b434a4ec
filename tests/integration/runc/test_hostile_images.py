"""Root file systems made to trick a Python runtime; docs/decisions/interpreter-in-a-container.md says how it holds."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runc.conftest import Machine

INTERPRETER = Path(os.path.realpath(sys.executable))
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Modules that some Python program imports late: codecs, error handlers, tracebacks, user names.
BAIT = (
    "encodings/idna",
    "encodings/latin_1",
    "traceback",
    "linecache",
    "pwd",
    "grp",
    "locale",
    "warnings",
    "signal",
    "json",
    "re",
    "os",
    "stat",
    "posixpath",
)


@pytest.fixture
def poisoned(machine: Machine) -> Path:
    """A bundle full of Python files that leave a marker when they run, wherever Python could look for them."""
    bundle = machine.bundle("sleep", "100")
    places = [Path(entry) for entry in sys.path if entry.startswith("/")]
    places += [Path(f"/usr/lib/{VERSION}"), Path(__file__).parents[3] / "src/slipway", Path("/")]
    for place in places:
        for name in BAIT:
            file = bundle / "rootfs" / place.relative_to("/") / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("open('/marker', 'w').close()\n")
    return bundle


def test_no_file_of_the_image_is_imported(machine: Machine, poisoned: Path) -> None:
    machine.ok_detached("create", "--bundle", str(poisoned), "c1")
    machine.ok("start", "c1")
    machine.ok("exec", "--env", "LANG=de_DE.ISO-8859-1", "c1", "true")
    own = [f"--env={name}" for name in ("PYTHONPATH=/", "PYTHONHOME=/", "PYTHONSTARTUP=/os.py", "PYTHONINSPECT=1")]
    machine.ok("exec", *own, "c1", "true")
    for words in (["nope"], ["/etc"], ["--cwd", "/nope", "c1", "true"]):
        machine.runc("exec", *([] if words[0] == "--cwd" else ["c1"]), *words)
    assert not (poisoned / "rootfs/marker").exists()


HOOK = {"path": "/bin/sh", "args": ["sh", "-c", "true"], "env": ["PATH=/bin"]}
WAYS: dict[str, dict[str, Any]] = {
    "another user without a home": {"process": {"user": {"uid": 1000, "gid": 1000}}},
    "a filter": {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}}},
    "a hook": {"hooks": {"startContainer": [HOOK]}},
    "bytes that are no text": {"process": {"env": ["PATH=/bin", "ODD=\udcff"], "cwd": "/odd\udcff"}},
    "a program that is no text": {"process": {"args": ["/bin/\udcff"]}},
    "a word that cannot be": {"process": {"args": ["sh", "\ud800"]}},
    "a program that is no program": {"process": {"args": ["/etc"]}},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_file_of_the_image_is_imported_in_any_way_to_a_program(machine: Machine, poisoned: Path, way: str) -> None:
    """Also where something fails: codecs, error handlers and tracebacks are what Python imports late."""
    config = json.loads((poisoned / "config.json").read_text())
    for part, values in WAYS[way].items():
        config.setdefault(part, {}).update(values)
    config["process"]["args"] = WAYS[way].get("process", {}).get("args", ["true"])
    (poisoned / "config.json").write_text(json.dumps(config))
    os.mkdir(os.fsencode(poisoned) + b"/rootfs/odd\xff")
    done = machine.runc("run", "--bundle", str(poisoned), "c1", timeout=20)
    assert (done.returncode == 0) == ("args" not in WAYS[way].get("process", {})), done.stderr
    assert "Traceback" not in done.stderr
    assert not (poisoned / "rootfs/marker").exists()
    assert machine.groups() == []


def test_a_failure_inside_opens_no_source_file_of_the_image(machine: Machine) -> None:
    """A FIFO under the name of our source would hold a traceback printer for good."""
    bundle = machine.bundle("nope")
    package = Path(__file__).parents[3] / "src/slipway/runc/process"
    for source in package.glob("*.py"):
        trap = bundle / "rootfs" / source.relative_to("/")
        trap.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(trap)
    done = machine.runc("run", "--bundle", str(bundle), "c1", timeout=20)
    assert "executable file not found" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_interpreter_cannot_be_written_from_a_container(machine: Machine) -> None:
    """CVE-2019-5736. A waiting init is still our interpreter: its program file is on a read-only clone for good."""
    before = hashlib.sha256(INTERPRETER.read_bytes()).digest()
    machine.ok_detached("create", "--bundle", str(machine.bundle("true")), "c1")
    exe = f"/proc/{machine.state('c1')['pid']}/exe"
    handle = os.open(exe, os.O_PATH)
    try:
        assert os.stat(exe).st_ino == INTERPRETER.stat().st_ino
        for path in (exe, f"/proc/self/fd/{handle}"):
            with pytest.raises(OSError, match="Read-only file system"):
                os.open(path, os.O_WRONLY | os.O_TRUNC)  # truncation is refused before "text file busy"
        machine.ok("start", "c1")
        with pytest.raises(OSError, match="Read-only file system"):
            os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_TRUNC)
    finally:
        os.close(handle)
    assert hashlib.sha256(INTERPRETER.read_bytes()).digest() == before


def test_a_script_that_names_our_program_file_as_its_interpreter_gets_nowhere(machine: Machine) -> None:
    bundle = machine.bundle("/script")
    script = bundle / "rootfs/script"
    script.write_text("#!/proc/self/exe\nopen('/marker', 'w').close()\n")
    script.chmod(0o755)
    machine.runc("run", "--bundle", str(bundle), "c1", timeout=20)
    assert not (bundle / "rootfs/marker").exists()


HOST_FOLDERS = {"usr", "var", "home", "run", "boot", "root"}


@pytest.mark.parametrize("where", ["run", "exec"])
def test_no_working_directory_leads_out(machine: Machine, where: str) -> None:
    """CVE-2024-21626."""
    container = machine.started("sleep", "100") if where == "exec" else ""
    for number in range(3, 16):
        cwd = f"/proc/self/fd/{number}"
        if where == "exec":
            done = machine.runc("exec", "--cwd", cwd, container, "sh", "-c", "pwd; ls")
        else:
            done = machine.run("sh", "-c", "pwd; ls", change=lambda spec, cwd=cwd: spec["process"].update(cwd=cwd))
        assert not HOST_FOLDERS & set(done.stdout.split()), done.stdout
        assert done.returncode != 0 or done.stdout.startswith("/\n")  # our descriptor of the container's own root


@pytest.mark.parametrize("name", ["proc", "sys"])
def test_proc_and_sys_must_be_real_directories(machine: Machine, name: str) -> None:
    """CVE-2019-19921."""
    bundle = machine.bundle("true")
    (bundle / "rootfs" / name).symlink_to("/tmp")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert "must be mounted on ordinary directory" in done.stderr
    assert machine.groups() == []


def mount(spec: dict[str, Any], destination: str, source: str) -> None:
    spec["mounts"].append({"destination": destination, "type": "bind", "source": source, "options": ["rbind"]})


@pytest.mark.parametrize("destination", ["/proc", "/proc/self/attr", "/link/self/attr", "/"])
def test_nothing_may_be_mounted_over_proc_or_the_root(machine: Machine, destination: str) -> None:
    bundle = machine.bundle("true", change=lambda spec: mount(spec, destination, str(machine.folder)))
    (bundle / "rootfs/link").symlink_to("/proc")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert "cannot be mounted because it is" in done.stderr or "on the top of rootfs" in done.stderr


def test_links_of_the_image_lead_mounts_nowhere_else(machine: Machine) -> None:
    outside = machine.folder / "outside"
    outside.mkdir()
    (machine.folder / "data").mkdir()
    bundle = machine.bundle("ls", "/", change=lambda spec: mount(spec, "/link/new", str(machine.folder / "data")))
    (bundle / "rootfs/link").symlink_to(outside)
    assert machine.runc("run", "--bundle", str(bundle), "c1").returncode == 0
    assert list(outside.iterdir()) == []
    assert (bundle / f"rootfs{outside}/new").is_dir()


def test_a_null_device_that_is_none_masks_nothing(machine: Machine) -> None:
    """CVE-2025-31133: the image's own /dev, where /dev/null is a link or a file."""

    def own_devices(spec: dict[str, Any]) -> None:
        spec["mounts"] = [item for item in spec["mounts"] if not item["destination"].startswith("/dev")]

    for kind in ("link", "file"):
        bundle = machine.bundle("cat", "/proc/kcore", change=own_devices)
        (bundle / "rootfs/dev").mkdir()
        (bundle / "rootfs/secret").write_text("x")
        null = bundle / "rootfs/dev/null"
        null.symlink_to("/secret") if kind == "link" else null.write_text("x")
        done = machine.runc("run", "--bundle", str(bundle), bundle.name)
        assert "container's /dev/null is invalid" in done.stderr
        assert done.stdout == ""


def test_a_console_that_is_a_link_is_refused(machine: Machine) -> None:
    """CVE-2025-52565."""

    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True
        spec["mounts"] = [item for item in spec["mounts"] if item["destination"] != "/dev"]

    bundle = machine.bundle("true", change=change)
    (bundle / "rootfs/dev").mkdir()
    (bundle / "rootfs/victim").write_text("")
    (bundle / "rootfs/dev/console").symlink_to("/victim")
    done = machine.runc("run", "--bundle", str(bundle), "c1")
    assert done.returncode == 1
    assert "console" in done.stderr


def test_a_passwd_that_is_a_fifo_does_not_hold_the_runtime(machine: Machine) -> None:
    bundle = machine.bundle("sh", "-c", "echo $HOME")
    os.mkfifo(bundle / "rootfs/etc/passwd")
    assert machine.runc("run", "--bundle", str(bundle), "c1", timeout=20).stdout == "/\n"
