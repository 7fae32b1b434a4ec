"""max-concurrent-downloads, max-concurrent-uploads, max-download-attempts: from dockerd's settings to containerd's."""

import json
from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.clients.registry.model import USUAL_PATIENCE
from slipway.containerd.configuration.model import Settings
from slipway.containerd.configuration.read import read_settings
from slipway.dockerd.command_line import settings_from_arguments
from slipway.dockerd.system.model import TransferSettings
from slipway.dockerd.system.supervisor import ContainerdPlan

KEYS = ("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "daemon.json"
    path.write_text("{}")
    return path


def containerd_settings(folder: Path, transfers: TransferSettings) -> Settings:
    """What a containerd reads that a dockerd with these settings starts."""
    plan = ContainerdPlan(command=["containerd"], folder=str(folder), root="/r", state="/s", transfers=transfers)
    (folder / "containerd.toml").write_bytes(plan.text())
    settings, remarks = read_settings(f"{folder}/containerd.toml")
    assert [remark.key for remark in remarks] == []
    return settings


def test_the_settings_come_from_flags_or_the_file(file: Path) -> None:
    by_flags = [f"--{key}={number}" for number, key in enumerate(KEYS, 7)]
    from_flags = settings_from_arguments([*by_flags, "--config-file", str(file)]).transfers
    file.write_text(json.dumps(dict(zip(KEYS, (7, 8, 9), strict=True))))
    assert settings_from_arguments(["--config-file", str(file)]).transfers == from_flags
    assert from_flags == TransferSettings(max_concurrent_downloads=7, max_concurrent_uploads=8, max_download_attempts=9)
    with pytest.raises(InvalidArgument, match="specified both as a flag and in the configuration file"):
        settings_from_arguments([*by_flags, "--config-file", str(file)])


@pytest.mark.parametrize(("key", "said"), [(key, f"invalid {key.replace('-', ' ')}: -1") for key in KEYS])
def test_what_is_less_than_none_is_refused(file: Path, key: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^{said}$"):
        settings_from_arguments([f"--{key}=-1", "--config-file", str(file)])
    file.write_text(json.dumps({key: -1}))
    with pytest.raises(InvalidArgument, match=f"^unable to configure the Docker daemon with file {file}: {said}$"):
        settings_from_arguments(["--config-file", str(file)])


@pytest.mark.parametrize("value", ["3", 3.5, True, None, [3]])
def test_what_is_no_number_is_refused(file: Path, value: object) -> None:
    file.write_text(json.dumps({KEYS[0]: value}))
    with pytest.raises(InvalidArgument, match="configuration key 'max-concurrent-downloads' must be a whole number"):
        settings_from_arguments(["--config-file", str(file)])


@pytest.mark.parametrize("text", ["x", "", "1_0", "3.5"])
def test_a_flag_that_is_no_number_is_refused(file: Path, text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"--max-download-attempts: number '{text}' is not a whole number"):
        settings_from_arguments([f"--max-download-attempts={text}", "--config-file", str(file)])


def test_containerd_reads_what_its_dockerd_was_told(tmp_path: Path) -> None:
    transfers = TransferSettings(max_concurrent_downloads=7, max_concurrent_uploads=8, max_download_attempts=9)
    settings = containerd_settings(tmp_path, transfers)
    transfer = settings.plugins.transfer
    assert (transfer.max_concurrent_downloads, transfer.max_concurrent_uploaded_layers) == (7, 8)
    assert settings.max_download_attempts == 9


def test_what_a_dockerd_was_not_told_is_containerd_s_own(tmp_path: Path) -> None:
    assert containerd_settings(tmp_path, TransferSettings()).plugins == Settings().plugins


def test_as_many_attempts_are_made_as_are_wanted() -> None:
    assert USUAL_PATIENCE.with_attempts(Settings().max_download_attempts) == USUAL_PATIENCE
    assert USUAL_PATIENCE.with_attempts(1).pauses == ()
    assert USUAL_PATIENCE.with_attempts(3).pauses == (0.2, 1.0)
    assert USUAL_PATIENCE.with_attempts(6).pauses == (0.2, 1.0, 4.0, 4.0, 4.0)
