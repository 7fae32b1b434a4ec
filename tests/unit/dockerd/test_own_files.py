"""What the engine itself puts into a new snapshot, and that nothing of the image is hidden by it."""

import os
from pathlib import Path

from slipway.contracts.containerd_api.types import Mount
from slipway.dockerd.containers.files.own_files import add_own_files


def _overlay(folder: Path, *layers: str) -> tuple[Mount, Path]:
    for name in ("upper", *layers):
        (folder / name).mkdir()
    lower = ":".join(str(folder / name) for name in layers)
    return Mount(
        type="overlay", source="overlay", options=(f"lowerdir={lower}", f"upperdir={folder}/upper")
    ), folder / "upper"


def test_etc_keeps_the_mode_of_the_image(tmp_path: Path) -> None:
    mount, upper = _overlay(tmp_path, "one")
    (tmp_path / "one/etc").mkdir(mode=0o751)
    add_own_files([mount])
    assert (upper / ".dockerenv").stat().st_size == 0
    assert os.readlink(upper / "etc/mtab") == "/proc/mounts"
    assert (upper / "etc").stat().st_mode & 0o7777 == 0o751


def test_an_mtab_of_the_image_stays(tmp_path: Path) -> None:
    mount, upper = _overlay(tmp_path, "two", "one")
    (tmp_path / "two/etc").mkdir()
    (tmp_path / "one/etc").mkdir()
    (tmp_path / "one/etc/mtab").write_text("mine")
    add_own_files([mount])
    assert not (upper / "etc").exists()


def test_a_link_in_place_of_etc_is_not_followed(tmp_path: Path) -> None:
    """A snapshot without overlay holds the image itself, with whatever names it has."""
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "etc").symlink_to(outside)
    (root / ".dockerenv").symlink_to(outside / "made")
    add_own_files([Mount(type="bind", source=str(root))])
    assert not list(outside.iterdir())
