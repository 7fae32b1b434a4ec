"""The command table of `./dev`: a command is a module with `main(arguments) -> exit status`, imported when asked."""

import importlib
import os
import shutil
import signal
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(CHECKOUT), str(CHECKOUT / "src")]  # in place of this file's folder, and of any PYTHONPATH

from tools.dev import environment, say  # noqa: E402 - now it can be found

COMMANDS = {
    "demo": ("demo", "make everything, start an engine, run nginx in it, show that it is real [--image REF]"),
    "up": ("engine", "start this checkout's engine"),
    "down": ("engine", "stop it; nothing is left but the images below .dev (--purge: nor those)"),
    "shell": ("engine", "a shell with this checkout's docker on PATH and DOCKER_HOST set"),
    "env": ("engine", 'print the same as exports: eval "$(./dev env)"'),
    "check": ("check", "format, lint, types, layers, unit tests: before every commit, under 60 s"),
    "test": ("suite", "the tests, each folder within its budget [--vm] [--all] [paths]"),
    "bench": ("bench", "the speed table, ours beside the original [--json FILE]"),
    "sabotage": ("sabotage", "break the code line by line: each breakage must turn its test red"),
    "conformance": ("conformance", "write docs/conformance anew from the tests"),
    "validation": (
        "validation",
        "the OCI validation programs on ours, runc and crun: docs/conformance/oci-validation.md",
    ),
    "lock": ("lock", "make the lock files anew from pyproject.toml"),
    "protos": ("protos", "generate the protobuf modules anew"),
}
NEED_ROOT = {"demo", "up", "down", "shell", "test", "bench", "sabotage", "validation"}
NEED_THE_ENGINE_ALONE = {"demo", "up", "down", "shell", "env"}  # the others need the tools of a developer as well


def main(argv: list[str]) -> int:
    if not argv or argv[0] in ("help", "-h", "--help"):
        print("usage: ./dev COMMAND\n")
        print("\n".join(f"  {name:<12} {text}" for name, (_, text) in COMMANDS.items()))
        return 0 if argv else 2
    if argv[0] not in COMMANDS:
        print(f"dev: there is no command {argv[0]} (hint: ./dev help lists them)", file=sys.stderr)
        return 2
    # A closed terminal's, too: all of them clean up as Ctrl-C does, which what a shell starts by `&` would ignore.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return run(argv)
    except say.Failed as failed:
        say.warn(str(failed))
        return 1
    except KeyboardInterrupt:
        print("dev: interrupted", file=sys.stderr)
        return 130


def run(argv: list[str]) -> int:
    """The command's exit status. Starts over in .venv, once that is made, and as root where the command needs it."""
    needs_root = argv[0] in NEED_ROOT and os.geteuid() != 0
    if needs_root and shutil.which("sudo") is None:
        raise say.Failed(f"{argv[0]} needs root, and there is no sudo (hint: run it as root)")
    developing = argv[0] not in NEED_THE_ENGINE_ALONE
    if not environment.is_ready(developing=developing):
        environment.make(developing=developing)  # before sudo: the checkout's owner keeps it
        os.execv(environment.PYTHON, [str(environment.PYTHON), __file__, *argv])
    if needs_root:
        become_root(argv)
    module = importlib.import_module(f"tools.dev.{COMMANDS[argv[0]][0]}")
    return int(module.main(argv))


def become_root(argv: list[str]) -> None:
    """Start over through sudo, which by itself would drop the proxies, too."""
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    kept = ",".join(("CI", "TERM", "SHELL", *proxies, *map(str.lower, proxies)))
    os.execvp("sudo", ["sudo", f"--preserve-env={kept}", str(CHECKOUT / "dev"), *argv])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
