"""What is decided without a disk, a clock or another process."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.base.errors import EngineError, FailedPrecondition, InvalidArgument, NotFound
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import HostConfig, RestartPolicy
from slipway.contracts.engine_api.versions import ApiVersion, negotiated
from slipway.dockerd.containers.files.mount_points import mount_from_bind, wanted_mounts
from slipway.dockerd.containers.human import elapsed_words
from slipway.dockerd.containers.lifecycle import TRANSITIONS, Event, Status, next_status
from slipway.dockerd.containers.request.merge import merged_config
from slipway.dockerd.containers.request.names import ADJECTIVES, SURNAMES, random_name
from slipway.dockerd.containers.request.signals import signal_number
from slipway.dockerd.containers.request.validation import check_config, check_host_config, cpu_set
from slipway.dockerd.containers.restart_policy import Ended, decide
from slipway.dockerd.containers.start_errors import start_failure
from slipway.dockerd.containers.streams.detach_keys import DetachFilter, key_bytes
from slipway.dockerd.images.names import complete_name, familiar_name

SECOND = 10**9


def test_only_the_table_changes_a_status() -> None:
    for status, event in itertools.product(Status, Event):
        if (status, event) in TRANSITIONS:
            assert next_status(status, event) == TRANSITIONS[status, event]
        else:
            with pytest.raises(FailedPrecondition):
                next_status(status, event)


def ended(code: int = 1, **changes: object) -> Ended:
    values = {"exit_code": code, "stopped_by_user": False, "ran_seconds": 1.0, "restarts": 0, "last_delay": 0.0}
    return Ended(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "how", "restarts"),
    [
        ("no", ended(), False),
        ("", ended(), False),
        ("always", ended(0), True),
        ("always", ended(0, stopped_by_user=True), False),
        ("unless-stopped", ended(0), True),
        ("on-failure", ended(0), False),
        ("on-failure", ended(1), True),
    ],
)
def test_who_is_started_again(policy: str, how: Ended, restarts: bool) -> None:
    assert decide(RestartPolicy(name=policy), how).restart is restarts


def test_retries_are_counted_and_waits_grow() -> None:
    policy = RestartPolicy(name="on-failure", maximum_retry_count=2)
    assert [decide(policy, ended(restarts=count)).restart for count in range(4)] == [True, True, False, False]
    always = RestartPolicy(name="always")
    assert decide(always, ended(last_delay=0.4)).delay == 0.8
    assert decide(always, ended(last_delay=40.0)).delay == 60.0
    assert decide(always, ended(last_delay=40.0, ran_seconds=10.0)).delay == 0.1


def test_detach_keys_are_found_and_nothing_else_is_lost() -> None:
    keys = DetachFilter(key_bytes(""))
    assert keys.feed(b"ab\x10") == (b"ab", False)
    assert keys.feed(b"x") == (b"\x10x", False)
    assert keys.feed(b"\x10\x11rest") == (b"", True)
    assert key_bytes("ctrl-a,x,ctrl-[") == b"\x01x\x1b"
    with pytest.raises(InvalidArgument):
        key_bytes("ctrl-1")


@given(st.lists(st.binary(max_size=5)))
def test_input_without_the_keys_passes_whole(pieces: list[bytes]) -> None:
    pieces = [piece.replace(b"\x11", b"") for piece in pieces]
    keys = DetachFilter(key_bytes(""))
    passed = b"".join(keys.feed(piece)[0] for piece in pieces)
    sent = b"".join(pieces)
    assert sent.startswith(passed)
    assert sent[len(passed) :] in (b"", b"\x10")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (300, "5 minutes"),
        (3600, "About an hour"),
        (7200, "2 hours"),
        (86400 * 3, "3 days"),
        (86400 * 20, "2 weeks"),
        (86400 * 100, "3 months"),
        (86400 * 800, "2 years"),
    ],
)
def test_durations_read_as_dockers(seconds: int, words: str) -> None:
    assert elapsed_words(seconds * SECOND) == words


def test_names_are_ours_and_free() -> None:
    assert len(set(ADJECTIVES)) == len(ADJECTIVES)
    assert len(set(SURNAMES)) == len(SURNAMES)
    taken = {"calm_nansen"}
    assert random_name(lambda name: name not in taken) not in taken


@pytest.mark.parametrize(
    ("asked", "image", "command"),
    [
        (ContainerConfig(), ContainerConfig(cmd=("a",)), (None, ("a",))),
        (ContainerConfig(cmd=("b",)), ContainerConfig(entrypoint=("e",), cmd=("a",)), (("e",), ("b",))),
        (ContainerConfig(entrypoint=("x",)), ContainerConfig(entrypoint=("e",), cmd=("a",)), (("x",), None)),
        (ContainerConfig(entrypoint=("",)), ContainerConfig(entrypoint=("e",), cmd=("a",)), (None, None)),
    ],
)
def test_commands_merge_as_dockers(
    asked: ContainerConfig, image: ContainerConfig, command: tuple[object, object]
) -> None:
    if command == (None, None):
        with pytest.raises(InvalidArgument, match="no command specified"):
            merged_config(asked, image)
        return
    merged = merged_config(asked, image)
    assert (merged.entrypoint, merged.cmd) == command


def test_ones_own_variables_win() -> None:
    asked = ContainerConfig(cmd=("a",), env=("A=1",))
    merged = merged_config(asked, ContainerConfig(env=("A=2", "B=3")))
    assert merged.env == ("A=1", "B=3")


def test_binds_are_read_as_dockers() -> None:
    bind = mount_from_bind("/a//b/:/c/:ro,rshared")
    assert (bind.source, bind.destination, bind.writable, bind.propagation) == ("/a/b", "/c", False, "rshared")
    volume = mount_from_bind("data:/d")
    assert (volume.volume, volume.is_volume, volume.mode) == ("data", True, "z")
    assert mount_from_bind("/only").is_volume
    for text in ("", "a:b:c:d", "/a:b", "/a:/b:bogus", ":/a", "/a:/"):
        with pytest.raises(InvalidArgument):
            mount_from_bind(text)


def test_an_images_volume_gives_way() -> None:
    config = ContainerConfig(volumes={"/data": {}, "/other": {}})
    found = wanted_mounts(config, HostConfig(binds=("/host:/data",)))
    assert [(mount.destination, mount.is_volume) for mount in found] == [("/data", False), ("/other", True)]
    with pytest.raises(InvalidArgument, match="Duplicate mount point: /a"):
        wanted_mounts(ContainerConfig(), HostConfig(binds=("/x:/a", "/y:/a/")))


@pytest.mark.parametrize(("text", "number"), [("9", 9), ("KILL", 9), ("sigterm", 15), ("RTMIN+3", 37)])
def test_signals_have_names_and_numbers(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "NOSUCH", "1_0", "١", "RTMIN+99"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        signal_number(text)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ('exec: "x": executable file not found in $PATH', 127),
        ("/etc: is a directory", 126),
        ("exec /x: permission denied", 126),
        ("mount /a: not a directory", 127),
        ("something else", 128),
    ],
)
def test_the_runtimes_words_become_exit_codes(words: str, code: int) -> None:
    failure = start_failure(EngineError(words), "failed to create task for container")
    assert failure.exit_code == code
    assert failure.error.message.startswith("failed to create task for container: ")


def test_a_huge_cpu_range_is_refused_at_once() -> None:
    assert cpu_set("0-2,4") == {0, 1, 2, 4}
    for text in ("0-4294967295", "a", "2-1", "0,", " 1", "1_0"):
        with pytest.raises(InvalidArgument):
            cpu_set(text)


@pytest.mark.parametrize(
    "host",
    [
        HostConfig(memory=1024),
        HostConfig(memory=1 << 30, memory_swap=1 << 29),
        HostConfig(nano_cpus=10**13),
        HostConfig(cpuset_cpus="99"),
        HostConfig(oom_score_adj=2000),
        HostConfig(ipc_mode="bogus"),
        HostConfig(runtime="nosuch"),
        HostConfig(auto_remove=True, restart_policy=RestartPolicy(name="always")),
        HostConfig(restart_policy=RestartPolicy(name="bogus")),
        HostConfig(port_bindings={"80/bogus": None}),
        HostConfig(port_bindings={"99999/tcp": None}),
        HostConfig(tmpfs={"relative": ""}),
        HostConfig(console_size=(1,)),
    ],
)
def test_impossible_hosts_are_refused(host: HostConfig) -> None:
    with pytest.raises(InvalidArgument):
        check_host_config(host, ("runc",), {0, 1})


@pytest.mark.parametrize(
    "config",
    [
        ContainerConfig(env=("=x",)),
        ContainerConfig(cmd=("a\0b",)),
        ContainerConfig(working_dir="relative"),
        ContainerConfig(hostname="a" * 65),
        ContainerConfig(stop_signal="NOSUCH"),
        ContainerConfig(exposed_ports={"x": {}}),
        ContainerConfig(volumes={"/": {}}),
    ],
)
def test_impossible_configurations_are_refused(config: ContainerConfig) -> None:
    with pytest.raises(InvalidArgument):
        check_config(config)


@pytest.mark.parametrize(
    ("short", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("a/b:c", "docker.io/a/b:c"),
        ("localhost/x", "localhost/x:latest"),
        ("host:5000/a/b", "host:5000/a/b:latest"),
        ("nginx@sha256:" + "a" * 64, "docker.io/library/nginx@sha256:" + "a" * 64),
    ],
)
def test_names_are_completed_and_shortened(short: str, complete: str) -> None:
    assert complete_name(short) == complete
    assert complete_name(familiar_name(complete)) == complete


@pytest.mark.parametrize("text", ["", "UPPER", "a:", "a@sha256:1", "-a", "a//b", "../a", "a b", "a:b:c", "x" * 300])
def test_what_is_no_image_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        complete_name(text)


def test_versions_are_negotiated() -> None:
    assert negotiated("") == ApiVersion(1, 51)
    assert negotiated("1.24") == ApiVersion(1, 24)
    for text in ("1.23", "1.52", "9.9", "1.x", "1.1_0"):
        with pytest.raises((InvalidArgument, NotFound)):
            negotiated(text)
