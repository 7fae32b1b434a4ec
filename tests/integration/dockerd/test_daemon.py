"""The daemon as an administrator meets it: refusals are one sentence, and what is broken on disk stays alone."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support import docker, processes
from tests.support.engine import OurEngine
from tests.support.waiting import wait_until


def refused(engine: OurEngine, *flags: str, before: tuple[str, ...] = ()) -> str:
    """The one line with which a second dockerd refuses to start beside `engine`."""
    done = subprocess.run(
        [*before, str(engine.launchers / "dockerd"), *flags], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1, done
    assert done.stdout == ""
    line, newline, rest = done.stderr.partition("\n")
    assert (newline, rest) == ("\n", ""), f"more than one line: {done.stderr}"
    return line


@pytest.fixture
def elsewhere(short_folder: Path) -> list[str]:
    """Flags of a daemon that shares no file with the running one."""
    folder = short_folder / "second"
    return [f"--data-root={folder}/data", f"--exec-root={folder}/run", f"--pidfile={folder}/pid"]


def test_a_socket_in_use_is_left_to_its_owner(our_engine: OurEngine, elsewhere: list[str]) -> None:
    assert our_engine.host.removeprefix("unix://") in refused(our_engine, *elsewhere, f"--host={our_engine.host}")
    docker.theirs(our_engine.host)("version")


def test_a_data_folder_in_use_is_left_to_its_owner(our_engine: OurEngine, short_folder: Path) -> None:
    flags = [f"--data-root={our_engine.folder}/data", f"--host=unix://{short_folder}/second.sock"]
    assert f"{our_engine.folder}/data" in refused(our_engine, *flags, f"--pidfile={short_folder}/second.pid")


def test_only_root_may_start_it(our_engine: OurEngine, elsewhere: list[str]) -> None:
    may_read = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # a checkout below /root, too
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *may_read, "--")
    assert "root" in refused(our_engine, *elsewhere, before=nobody)


def test_an_unknown_flag_is_named(our_engine: OurEngine) -> None:
    assert "--nosuch" in refused(our_engine, "--nosuch")


@pytest.mark.parametrize("text", ['{"data-root": ', "[]", '{"nosuch-key": 1}', '{"hosts": 7}', '{"debug": "x"}'])
def test_a_malformed_configuration_is_refused(our_engine: OurEngine, tmp_path: Path, text: str) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(text)
    assert refused(our_engine, f"--config-file={file}")


def test_a_missing_configuration_is_named(our_engine: OurEngine, tmp_path: Path) -> None:
    assert f"{tmp_path}/no.json" in refused(our_engine, f"--config-file={tmp_path}/no.json")


WORDS_OF_THE_ORIGINAL = {
    '{"nosuch-key": 1}': "the following directives don't match any configuration option: nosuch-key",
    '{"log-level": "debug"}': "the following directives are specified both as a flag and in the configuration file: "
    "log-level: (from flag: warn, from file: debug)",
}


@pytest.mark.parametrize("text", WORDS_OF_THE_ORIGINAL)
def test_a_refused_configuration_is_named_with_the_original_s_words(
    our_engine: OurEngine, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(text)
    said = refused(our_engine, f"--config-file={file}", "--log-level=warn")
    assert f"unable to configure the Docker daemon with file {file}: {WORDS_OF_THE_ORIGINAL[text]}" in said


def test_a_stray_word_is_not_called_a_flag(our_engine: OurEngine) -> None:
    assert '"dockerd" accepts no arguments' in refused(our_engine, "start")


def test_a_configuration_can_be_tried_without_starting(our_engine: OurEngine, tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    file.write_text('{"debug": true}')
    command = [str(our_engine.launchers / "dockerd"), f"--config-file={file}", "--validate"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "configuration OK\n")


def test_a_storage_driver_that_containerd_does_not_know_is_named(
    elsewhere: list[str], our_engine: OurEngine, short_folder: Path
) -> None:
    command = [str(our_engine.launchers / "dockerd"), f"--config-file={os.devnull}", *elsewhere]
    command += [f"--host=unix://{short_folder}/second.sock", f"--containerd={our_engine.containerd_address}"]
    done = subprocess.run([*command, "-s", "nosuch"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "storage driver: snapshotter not loaded: nosuch" in done.stderr.splitlines()[-1]


def test_what_asks_it_to_stop_is_heard_while_it_starts(elsewhere: list[str], our_engine: OurEngine) -> None:
    """It waits for a containerd that is not there, as long as the original does."""
    socket = f"{Path(elsewhere[0].partition('=')[2]).parent}/second.sock"
    command = [str(our_engine.launchers / "dockerd"), f"--config-file={os.devnull}", *elsewhere]
    command += [f"--host=unix://{socket}", "--containerd=/nonexistent.sock"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "waiting for containerd" in process.stderr.readline()
        process.terminate()
        assert process.wait(10) == 0
    assert not os.path.exists(socket)


def test_an_orderly_end_takes_the_socket_along(fresh_engine: OurEngine) -> None:
    path = fresh_engine.host.removeprefix("unix://")
    assert os.path.exists(path)
    fresh_engine.stop()
    assert not os.path.exists(path)


def test_containerd_inherits_nothing_of_dockerd(our_engine: OurEngine) -> None:
    """uvloop's own way to start programs leaves ends of its socket pairs open in them."""
    assert not _channels(our_engine.pid) & _channels(our_engine.containerd_pid)


def _channels(pid: int) -> set[str]:
    """The sockets and pipes of a process, by inode."""
    return {link for link in processes.open_files(pid) if link.startswith(("socket:", "pipe:"))}


def test_broken_files_of_one_container_leave_the_others_alone(fresh_engine: OurEngine, busybox_archive: Path) -> None:
    client = docker.theirs(fresh_engine.host)
    client("load", "-i", str(busybox_archive))
    whole, stateless, broken = (client("create", "--name", f"box{n}", "busybox", "true") for n in range(3))
    fresh_engine.stop()
    containers = fresh_engine.folder / "data/containers"
    (containers / stateless / "state.json").write_text('{"status": "run')
    (containers / broken / "config.json").write_text('{"ID": 7}')
    fresh_engine.start()
    listed = client("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}").splitlines()
    assert sorted(listed) == sorted([f"{whole} created", f"{stateless} exited"])
    assert broken in fresh_engine.log()
    client("start", "box1")
    wait_until(lambda: client("inspect", "-f", "{{.State.ExitCode}}", "box1") == "0", "the stateless container to run")
    assert json.loads((containers / broken / "config.json").read_text()) == {"ID": 7}
