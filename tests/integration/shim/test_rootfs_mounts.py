"""Mounts of a root file system that name a place in it, after an image's own tree."""

from pathlib import Path

import pytest

from slipway.base.errors import EngineError
from slipway.contracts.shim_api.messages import Mount
from slipway.shim.rootfs import mount_rootfs, unmount_rootfs

pytestmark = pytest.mark.root


def bind(source: Path, target: str = "") -> Mount:
    return Mount(type="bind", source=str(source), target=target, options=("bind",))


def test_a_link_of_the_image_leads_no_mount_to_the_host(tmp_path: Path) -> None:
    image, volume, host, bundle = (tmp_path / name for name in ("image", "volume", "host", "bundle"))
    for folder in (image, volume, host, bundle):
        folder.mkdir()
    (volume / "file").touch()
    (image / str(host)[1:]).mkdir(parents=True)
    (image / "data").symlink_to(host)
    rootfs = mount_rootfs(str(bundle), [bind(image), bind(volume, "data")])
    try:
        assert [*host.iterdir()] == []
        assert [path.name for path in Path(rootfs, str(host)[1:]).iterdir()] == ["file"]
    finally:
        unmount_rootfs(rootfs)
    assert [*host.iterdir()] == []
    assert [*(bundle / "rootfs").iterdir()] == []


def test_a_place_that_is_not_there_is_an_error_and_leaves_no_mount(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    with pytest.raises(EngineError, match="failed to mount rootfs component"):
        mount_rootfs(str(tmp_path), [bind(tmp_path / "image"), bind(tmp_path, "nowhere")])
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
