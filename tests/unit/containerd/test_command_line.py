"""containerd's flags and commands, and the hook that it can become."""

from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.containerd.command_line import check_settings, parse_arguments, settings_from_arguments
from slipway.containerd.oci_hook import filled_in


@pytest.mark.parametrize("flag", ["-config", "--config", "-c"])
@pytest.mark.parametrize("joined", [True, False])
def test_flags_are_written_as_go_takes_them(flag: str, joined: bool) -> None:
    words = [f"{flag}=/x.toml"] if joined and flag != "-c" else [flag, "/x.toml"]
    arguments = parse_arguments([*words, "-log-level", "debug", "config", "dump"])
    assert (arguments.configuration, arguments.level, arguments.command) == ("/x.toml", "debug", "config dump")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rooot=/x"], "containerd: unrecognized arguments: --rooot=/x"),
        (["config"], "containerd: the following arguments are required: ACTION"),
        (["config", "show"], "containerd: argument ACTION: invalid choice: 'show'"),
        (["--root"], "containerd: argument --root: expected one argument"),
        (["publish", "--topic", "/x"], "containerd: the following arguments are required: --namespace"),
        (["serve"], "containerd: argument COMMAND: invalid choice: 'serve'"),
    ],
)
def test_what_is_not_understood_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(words)
    assert caught.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(said)
    assert complaint.count("\n") == 1


def test_what_follows_the_hook_is_the_hooks() -> None:
    arguments = parse_arguments(["--root", "/x", "oci-hook", "/bin/tool", "-config", "--root", "{{id}}"])
    assert arguments.command == "oci-hook"
    assert arguments.hook == ("/bin/tool", "-config", "--root", "{{id}}")
    assert arguments.root == "/x"


def test_flags_come_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        "version = 2\nroot = '/file'\n[debug]\nlevel = 'warn'\n[grpc]\naddress = '/a.sock'\n"
    )
    words = ["--config", str(tmp_path / "c.toml"), "--root", "relative", "--log-level", "trace"]
    settings, _ = settings_from_arguments(parse_arguments(words))
    assert settings.root == str(Path.cwd() / "relative")
    assert (settings.debug.level, settings.grpc.address) == ("trace", "/a.sock")


@pytest.mark.parametrize("text", ["root = '/x'\nstate = '/x'\n", "oom_score = 1001\n", "max_download_attempts = 0\n"])
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(f"version = 2\n{text}")
    settings, _ = settings_from_arguments(parse_arguments(["--config", str(tmp_path / "c.toml")]))
    with pytest.raises(InvalidArgument):
        check_settings(settings)


DIFFERS = "[plugins.'io.containerd.service.v1.diff-service']\ndefault = "
UNPACK = "[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]\nplatform = 'linux/s390x'\ndiffer = "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{DIFFERS}['walking', 'erofs', 'walking']", "diff-service: default: needed differ not loaded: erofs"),
        (f"{DIFFERS}['']", "diff-service: default: needed differ not loaded: "),
        (f"{DIFFERS}[]", "diff-service: default: expected at least one differ"),
        (f"{UNPACK}'erofs'", "unpack_config: differ: needed differ not loaded: erofs"),
    ],
)
def test_a_differ_that_there_is_not_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.toml").write_text(f"version = 2\n{text}\n")
    settings, _ = settings_from_arguments(parse_arguments(["--config", str(tmp_path / "c.toml")]))
    with pytest.raises(InvalidArgument) as refused:
        check_settings(settings)
    assert (refused.value.message, refused.value.hint) == (said, "there is walking")


@pytest.mark.parametrize("text", [f"{DIFFERS}['walking', 'walking']", f"{UNPACK}'walking'", f"{UNPACK}''"])
def test_the_differ_that_there_is_may_be_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(f"version = 2\n{text}\n")
    check_settings(settings_from_arguments(parse_arguments(["--config", str(tmp_path / "c.toml")]))[0])


VALUES = {
    "id": "box",
    "bundle": "/b",
    "rootfs": "/b/rootfs",
    "pid": 7,
    "status": "created",
    "annotations": {"a.b": "v"},
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{{id}}:{{ pid }}", "box:7"),
        ("--root={{rootfs}}/{{status}}", "--root=/b/rootfs/created"),
        ('{{annotation "a.b"}}', "v"),
        ("{{annotation `none`}}", ""),
        ("{{- bundle -}}", "/b"),
    ],
)
def test_a_hooks_words_are_filled_in(text: str, filled: str) -> None:
    assert filled_in(text, VALUES) == filled


@pytest.mark.parametrize("text", ["{{annotations}}", "{{if id}}", "{{}}"])
def test_an_action_that_a_hook_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="unknown action"):
        filled_in(text, VALUES)
