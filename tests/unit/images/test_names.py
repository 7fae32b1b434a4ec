"""Under which names the images of an archive are stored."""

import pytest

from slipway.containerd.transfer.model import ExtraReference, ImageStore
from slipway.containerd.transfer.names import NAME_ANNOTATION, REF_ANNOTATION, names_for_member

DESTINATION = ImageStore(
    name="", extra_references=(ExtraReference(name="loaded", is_prefix=True, allow_overwrite=True),)
)


@pytest.mark.parametrize("key", [NAME_ANNOTATION, REF_ANNOTATION])
@pytest.mark.parametrize(("text", "names"), [("r.example/a:1", ["r.example/a:1"]), ("r.example/a:\x1b]0;x\x07", [])])
def test_a_name_that_a_terminal_would_obey_is_none(key: str, text: str, names: list[str]) -> None:
    assert names_for_member(DESTINATION, "sha256:1", {key: text}) == names
