"""`./dev demo [--image REFERENCE]`: from nothing to `docker run --name=nginx -d nginx`, and proof that it is."""

import argparse
import http.client
import os
import shlex
import subprocess
import time
from contextlib import suppress
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.support import images, processes
from tools.dev import engine, packages, say
from tools.dev.instance import DevInstance, here
from tools.dev.progress import Progress

REGISTRY = "https://registry-1.docker.io/v2/"
SECONDS_FOR_A_REGISTRY = 4.0
SECONDS_FOR_NGINX = 20.0
LONGEST_COMMAND = 200


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument(
        "--image",
        metavar="REFERENCE",
        help="run this nginx, from a mirror's registry, say: registry.example:5000/nginx",
    )
    image = parser.parse_args(argv[1:]).image
    instance = here()
    started = engine.up(instance)
    try:
        if image is None:
            get_image(instance)
        else:
            get_image_named(instance, image)
        show(instance, image or "nginx")
    except KeyboardInterrupt:
        if started:  # what ran before, with others' containers in it, runs on
            engine.down(instance, purge=False)
        raise
    return 0


def docker(instance: DevInstance, *arguments: str, show_it: bool = False, quiet: bool = False) -> str:
    """Our client on our engine; its output. Failed with what it said when it fails, unless `quiet`: then ""."""
    if show_it:
        print(f"$ docker {shlex.join(arguments)}", flush=True)
    argv = [str(instance.launchers / "docker"), *arguments]
    environment = os.environ | engine.environment(instance)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode and not quiet:
        raise say.Failed(f"docker {shlex.join(arguments)}: {done.stderr.strip()}")
    if show_it:
        print(done.stdout, end="", flush=True)
    return "" if done.returncode else done.stdout


def get_image(instance: DevInstance) -> None:
    """nginx:latest: what is there, else pulled, else made from the distribution's packages."""
    if docker(instance, "image", "inspect", "-f", "{{.Id}}", "nginx", quiet=True):
        return
    say.step(f"asking Docker Hub for nginx, for {SECONDS_FOR_A_REGISTRY:g} seconds at most")
    answered = registry_answers()
    if answered and _pull(instance, "nginx"):
        return
    why = "the pull failed" if answered else "no registry answers"
    say.step(f"{why}: making an nginx image from the distribution's packages (examples/nginx/build)")
    packages.ensure(packages.BUILDING_IMAGES)
    if not packages.lists_are_there():
        packages.update_lists()
    with Progress("examples/nginx/build"):
        archive = images.nginx()
    docker(instance, "load", "-i", str(archive))


def get_image_named(instance: DevInstance, image: str) -> None:
    """What is there, else pulled. Who names an image wants that one: Failed where it is not to be had."""
    if docker(instance, "image", "inspect", "-f", "{{.Id}}", "--", image, quiet=True):
        return
    say.step(f"pulling {image}")
    if not _pull(instance, image):
        raise say.Failed(f"{image} could not be pulled (hint: without --image the demo makes an nginx of its own)")


def _pull(instance: DevInstance, image: str) -> bool:
    argv = [str(instance.launchers / "docker"), "pull", "--", image]
    return subprocess.run(argv, env=os.environ | engine.environment(instance), check=False).returncode == 0


def registry_answers(url: str = REGISTRY, seconds: float = SECONDS_FOR_A_REGISTRY) -> bool:
    """Whether Docker Hub says anything within a few seconds, through the proxy of the environment if there is one.

    A connection alone is no answer: a firewall may take it and say nothing. In a thread: name lookup has no timeout.
    """
    answered: list[bool] = []

    def ask() -> None:
        with suppress(OSError, http.client.HTTPException):
            try:
                urlopen(url, timeout=seconds).close()
            except HTTPError as refusal:  # 401 as a rule: it wants a token
                refusal.close()
            answered.append(True)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answered)


def show(instance: DevInstance, image: str) -> None:
    """Run `image` and show that it is nginx, in a container, below a shim."""
    docker(instance, "rm", "-f", "nginx", quiet=True)
    docker(instance, "run", "--name=nginx", "-d", image, show_it=True)
    docker(instance, "ps", show_it=True)
    address = docker(instance, "inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "nginx").strip()
    pid = int(docker(instance, "inspect", "-f", "{{.State.Pid}}", "nginx"))
    print(f"GET http://{address}/")
    print("\n".join(_answer_of(address)))
    print(f"$ readlink /proc/{pid}/exe\n{os.readlink(f'/proc/{pid}/exe')}")
    print(f"$ ps, from the shim down to nginx\n{_tree(pid)}\n")
    print(f"Go on:    {_way_on()}   then docker ps, docker logs nginx ...")
    print("Stop it:  ./dev down   (images stay below .dev; ./dev down --purge removes them, too)")


def _way_on() -> str:
    """The engine's socket is root's: who came by sudo has no other way in than the shell, which goes by sudo, too."""
    return "./dev shell" if "SUDO_UID" in os.environ else './dev shell, or: eval "$(./dev env)"'


def _answer_of(address: str) -> list[str]:
    """The status line and some headers of a real HTTP request."""
    deadline = time.monotonic() + SECONDS_FOR_NGINX
    while True:
        connection = http.client.HTTPConnection(address, 80, timeout=5)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            size = len(answer.read())
            headers = [f"{name}: {value}" for name, value in answer.getheaders() if name in ("Server", "Content-Type")]
            return [f"HTTP/1.1 {answer.status} {answer.reason}", *headers, f"({size} bytes of body)"]
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                raise say.Failed(f"nginx at {address} does not answer: {error}") from error
            time.sleep(0.05)
        finally:
            connection.close()


def _tree(pid: int) -> str:
    """The shim, nginx, its workers: one line each, indented."""
    init = processes.read(pid)
    if init is None:
        raise say.Failed("nginx has ended (hint: ./dev shell, then docker logs nginx)")
    shim = processes.read(init.parent)
    lines = [(0, shim), (1, init), *((2, worker) for worker in processes.descendants(pid))]
    return "\n".join(f"{p.pid:>8} {'   ' * depth}{_short(p.command)}" for depth, p in lines if p is not None)


def _short(command: str) -> str:
    return command if len(command) <= LONGEST_COMMAND else f"{command[:LONGEST_COMMAND]}…"
