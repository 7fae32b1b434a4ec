"""`./dev up`, `down`, `shell`, `env`: this checkout's engine, an instance of its own."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress

from tests.support import processes
from tools.dev import api, launchers, leftovers, packages, say
from tools.dev.instance import DevInstance, here
from tools.dev.progress import Progress

PATIENCE = 30.0
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # as people write them, in small letters, too


def main(argv: list[str]) -> int:
    command, options = argv[0], argv[1:]
    instance = here()
    if options and (command, options) != ("down", ["--purge"]):
        say.warn(f"{command} does not take {' '.join(options)}")
        return 2
    if command == "up":
        up(instance)
    elif command == "down":
        down(instance, purge="--purge" in options)
    elif command == "env":
        if os.geteuid() != 0:
            say.warn("the engine's socket is root's (hint: ./dev shell is a shell that may use it)")
        print("\n".join(f"export {name}={_quoted(value)}" for name, value in environment(instance).items()))
    else:
        return shell(instance)
    return 0


def environment(instance: DevInstance) -> dict[str, str]:
    """What makes this checkout's docker the one that a shell finds, and this engine the one it asks."""
    launchers.make(instance.checkout)
    return {"PATH": f"{instance.launchers}:{os.environ.get('PATH', '/usr/bin:/bin')}", "DOCKER_HOST": instance.host}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def shell(instance: DevInstance) -> int:
    """An interactive shell; its exit status."""
    if not api.is_serving(instance.socket):
        say.warn("the engine is not running (hint: ./dev up)")
    program = os.environ.get("SHELL") or "/bin/sh"
    say.line(f"docker is {instance.launchers}/docker, DOCKER_HOST is {instance.host}; leave with exit")
    return subprocess.run([program], env=os.environ | environment(instance), check=False).returncode


def up(instance: DevInstance) -> bool:
    """Start the engine, unless it runs (then False), and wait until it answers. Interrupted, it takes all back."""
    if api.is_serving(instance.socket):
        say.step(f"the engine is running: {instance.host}")
        return False
    packages.ensure(packages.RUNNING)
    launchers.make(instance.checkout)
    for folder in (instance.data, instance.run):
        folder.mkdir(parents=True, exist_ok=True, mode=0o710)
    leftovers.remember_settings()
    say.step(f"starting the engine: {instance.host}")
    process = _start(instance)
    try:
        _wait_until_serving(instance, process)
    except BaseException:
        down(instance, purge=False)
        raise
    return True


def _start(instance: DevInstance) -> "subprocess.Popen[bytes]":
    path = f"{instance.launchers}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    keep = {name: value for name, value in os.environ.items() if name.upper() in PROXIES}
    with open(instance.log, "wb") as log:
        return subprocess.Popen(
            instance.argv(),
            env={"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", **keep},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )


def _wait_until_serving(instance: DevInstance, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    with Progress("engine") as progress:
        while not api.is_serving(instance.socket):
            if process.poll() is not None or time.monotonic() > deadline:
                end = "\n".join(instance.log.read_text("utf-8", "replace").splitlines()[-8:])
                raise say.Failed(f"dockerd did not come up; the end of {instance.log}:\n{end}")
            progress.at(round(time.monotonic() - deadline + PATIENCE), "s")
            time.sleep(0.05)


def down(instance: DevInstance, *, purge: bool) -> None:
    """Stop the engine, take away everything it made but the images; with `purge` those too. Works at any time."""
    say.step("stopping the engine")
    if api.is_serving(instance.socket):
        _remove_containers(instance)
    _stop_dockerd(instance)
    leftovers.remove(instance)
    shutil.rmtree(instance.run, ignore_errors=True)
    if purge:
        shutil.rmtree(instance.data, ignore_errors=True)
        shutil.rmtree(instance.folder / "cache", ignore_errors=True)
        instance.log.unlink(missing_ok=True)
    kept = f"images are kept below {instance.data}" if instance.data.exists() else "nothing is kept"
    say.line(f"stopped; {kept}")


def _remove_containers(instance: DevInstance) -> None:
    """Containers and volumes are part of what a demo leaves behind; images are not."""
    with suppress(OSError):
        for container in api.document(instance.socket, "/containers/json?all=1") or []:
            api.ask(instance.socket, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for volume in (api.document(instance.socket, "/volumes") or {}).get("Volumes") or []:
            api.ask(instance.socket, "DELETE", f"/volumes/{volume['Name']}?force=1")


def _stop_dockerd(instance: DevInstance) -> None:
    """Ask it to stop, and wait. A dead one that nobody reaps (process 1 of a sandbox may not) counts as gone."""
    with suppress(OSError, ValueError):
        dockerd = processes.read(int(instance.pid_file.read_text()))
        if dockerd is not None and str(instance.data) in dockerd.command:  # not another process with that number
            os.kill(dockerd.pid, signal.SIGTERM)
            deadline = time.monotonic() + PATIENCE
            while dockerd.is_alive() and time.monotonic() < deadline:
                time.sleep(0.02)
