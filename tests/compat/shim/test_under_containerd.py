"""The original containerd, 1.7 and 2.1, runs containers with our shim: over the original runc and over ours."""

import subprocess

import pytest

from tests.support import images, processes
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.peers]


def shims_of(name):
    return [process for process in processes.mentioning(f"-id {name} ") if "shim" in process.command]


def shim_of(name):
    """The one that is nobody's child among them: what it forks to run runc has its name for a moment."""
    found = shims_of(name)
    [shim] = [process for process in found if process.parent not in {other.pid for other in found}]
    return shim


@pytest.fixture
def sleeper(containerd, runtime, rootfs, name):
    """A container that sleeps."""
    started = containerd.ctr("run", "-d", "--rootfs", *runtime, str(rootfs), name, "/bin/sleep", "1000")
    assert started.returncode == 0, started.stderr
    yield name
    containerd.ctr("task", "kill", "-s", "KILL", name)
    wait_until(lambda: containerd.ctr("task", "rm", "-f", name).returncode or True, "the task's end")
    containerd.ctr("container", "rm", name)
    wait_until(lambda: not shims_of(name), "the end of the shim")


def status_of(containerd, name):
    rows = [line.split() for line in containerd.ctr("task", "ls").stdout.splitlines()]
    return next((row[2] for row in rows if row[0] == name), None)


def test_output_and_exit_status(containerd, runtime, rootfs, name):
    script = "echo out; echo err >&2; exit 42"
    done = containerd.ctr("run", "--rm", "--rootfs", *runtime, str(rootfs), name, "/bin/sh", "-c", script)
    assert (done.stdout, done.returncode) == ("out\n", 42)
    assert "err" in done.stderr
    wait_until(lambda: not shims_of(name), "the end of the shim")


def test_every_line_of_a_chatty_program_arrives(containerd, runtime, rootfs, name):
    """It ends when all has been read: `ctr` itself leaves some of the last 160 KB unread in one of 40 runs on a busy
    machine, with the original shim, too."""
    numbers = "".join(f"{number}\n" for number in range(1, 100_001))
    with subprocess.Popen(
        containerd.ctr_argv(
            "run",
            "--rm",
            "--rootfs",
            *runtime,
            str(rootfs),
            name,
            "/bin/sh",
            "-c",
            "seq 100000; read -t 60 line; exit 3",
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout.read(len(numbers)) == numbers
        assert running.communicate("\n", timeout=60) == ("", None)
    assert running.returncode == 3


def test_input_arrives(containerd, runtime, rootfs, name):
    done = subprocess.run(
        containerd.ctr_argv("run", "--rm", "--rootfs", *runtime, str(rootfs), name, "/bin/head", "-n", "1"),
        input="first\nsecond\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("first\n", 0)


def test_a_program_that_is_not_there(containerd, runtime, rootfs, name):
    done = containerd.ctr("run", "--rm", "--rootfs", *runtime, str(rootfs), name, "/nowhere")
    assert done.returncode == 1
    assert "OCI runtime create failed" in done.stderr
    assert "no such file or directory" in done.stderr
    wait_until(lambda: not shims_of(name), "the end of the shim")


def test_the_shim_is_the_containers_parent_and_tells_its_name(containerd, sleeper):
    shim = shim_of(sleeper)
    words = shim.command.split()
    assert words[0] == "containerd-shim-runc-v2"
    assert words[1:] == ["-namespace", containerd.namespace, "-id", sleeper, "-address", containerd.address]
    wait_until(
        lambda: any("sleep 1000" in child.command for child in processes.descendants(shim.pid)),
        "the shim's child to be the container's program",
    )


def test_exec(containerd, sleeper):
    done = containerd.ctr("task", "exec", "--exec-id", "e1", sleeper, "/bin/sh", "-c", "echo inside; exit 7")
    assert (done.stdout, done.returncode) == ("inside\n", 7)
    assert status_of(containerd, sleeper) == "RUNNING"


def test_exec_of_a_program_that_is_not_there(containerd, sleeper):
    done = containerd.ctr("task", "exec", "--exec-id", "e1", sleeper, "/nowhere")
    assert done.returncode == 1
    assert "OCI runtime exec failed" in done.stderr
    again = containerd.ctr("task", "exec", "--exec-id", "e1", sleeper, "/bin/echo", "again")
    assert again.stdout == "again\n"


def test_pause_and_resume(containerd, sleeper):
    assert containerd.ctr("task", "pause", sleeper).returncode == 0
    assert status_of(containerd, sleeper) == "PAUSED"
    assert containerd.ctr("task", "resume", sleeper).returncode == 0
    assert status_of(containerd, sleeper) == "RUNNING"


def test_processes_and_metrics(containerd, sleeper):
    [header, row, *_] = containerd.ctr("task", "ps", sleeper).stdout.splitlines()
    assert header.split() == ["PID", "INFO"]
    assert row.split()[0].isdigit()
    metrics = containerd.ctr("task", "metrics", sleeper).stdout
    assert "memory" in metrics
    assert "pids.current" in metrics


def test_kill_and_delete(containerd, sleeper):
    assert containerd.ctr("task", "kill", "-s", "KILL", sleeper).returncode == 0
    wait_until(lambda: status_of(containerd, sleeper) == "STOPPED", "the end of the task")
    removed = containerd.ctr("task", "rm", sleeper)
    assert "137" in removed.stderr
    assert status_of(containerd, sleeper) is None
    wait_until(lambda: not shims_of(sleeper), "the end of the shim")


def test_a_terminal(containerd, runtime, rootfs, name):
    """ctr reads no more once the program has ended: it has to be read first."""
    ctr = f"ctr --address {containerd.address} --namespace {containerd.namespace}"
    script = f"{ctr} run --rm -t --rootfs {' '.join(runtime)} {rootfs} {name} /bin/sh -c 'tty; read x; exit 3'"
    argv = containerd.command("script", "-qec", script, "/dev/null")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().strip() == "/dev/pts/0"
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.wait(60) == 3


def test_the_bundle_has_the_originals_files(containerd, sleeper):
    bundle = f"{containerd.folder}/state/io.containerd.runtime.v2.task/{containerd.namespace}/{sleeper}"
    listed = subprocess.run(containerd.command("ls", bundle), capture_output=True, text=True, check=True).stdout.split()
    assert {"address", "config.json", "init.pid", "log", "options.json", "rootfs", "runtime", "work"} <= set(listed)


def test_no_socket_is_abstract_and_its_folder_is_closed(containerd, sleeper):
    shim = shim_of(sleeper)
    sockets = subprocess.run(containerd.command("cat", "/proc/net/unix"), capture_output=True, text=True).stdout
    assert not [line for line in sockets.splitlines() if "@" in line and "shim" in line]
    mode = subprocess.run(
        containerd.command("stat", "-c", "%a %u", f"{containerd.folder}/s"), capture_output=True, text=True
    ).stdout
    assert mode == "700 0\n"
    assert shim.is_alive()


IMAGE = "docker.io/library/busybox:latest"
COUNT = "i=0; while [ ! -e /go ]; do i=$((i+1)); echo $i >/count; sleep 0.05; done; exit 7"


def count(containerd, name):
    said = containerd.ctr("task", "exec", "--exec-id", "count", name, "cat", "/count").stdout
    return int(said or 0)


def test_a_task_is_saved_and_goes_on_in_another_container(containerd, runtime, name):
    again, saved = f"{name}-again", f"{name}-saved"
    for words in (
        ["images", "import", str(images.busybox())],
        ["run", "-d", "--null-io", *runtime, IMAGE, name, "sh", "-c", COUNT],
    ):
        assert (done := containerd.ctr(*words)).returncode == 0, done.stderr
    wait_until(lambda: count(containerd, name) > 3, "the container to count")
    done = containerd.ctr("container", "checkpoint", "--task", "--rw", "--image", name, saved)
    assert done.returncode == 0, done.stderr
    assert status_of(containerd, name) == "RUNNING"
    reached = count(containerd, name)
    containerd.ctr("task", "rm", "-f", name)
    containerd.ctr("container", "rm", name)
    done = containerd.ctr("container", "restore", "--rw", "--live", again, saved)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: count(containerd, again) > reached, "the container to go on")
    assert count(containerd, again) < reached + 1000
    containerd.ctr("task", "exec", "--exec-id", "go", again, "touch", "/go")
    wait_until(lambda: status_of(containerd, again) == "STOPPED", "the container to end")
    assert "7" in containerd.ctr("task", "rm", again).stderr
    containerd.ctr("container", "rm", again)
    containerd.ctr("images", "rm", "--sync", saved)
    wait_until(lambda: not shims_of(again), "the end of the shim")
