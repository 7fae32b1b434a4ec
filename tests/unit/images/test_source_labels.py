"""What a snapshotter that fetches layers by itself is told of them."""

from slipway.containerd.transfer.source_labels import SOURCE_PREFIXES, source_labels
from slipway.contracts.containerd_api.labels import check_labels
from slipway.contracts.containerd_api.types import Descriptor

LAYERS = [Descriptor(media_type="m", digest=f"sha256:{at:064x}", size=1) for at in range(100)]


def test_the_image_the_layer_and_those_upon_it_are_named() -> None:
    assert source_labels("docker.io/library/a:1", "sha256:m", LAYERS[:2]) == {
        "containerd.io/snapshot/cri.image-ref": "docker.io/library/a:1",
        "containerd.io/snapshot/cri.manifest-digest": "sha256:m",
        "containerd.io/snapshot/cri.layer-digest": LAYERS[0].digest,
        "containerd.io/snapshot/cri.image-layers": f"{LAYERS[0].digest},{LAYERS[1].digest}",
    }


def test_of_many_layers_as_many_as_a_label_takes() -> None:
    labels = source_labels("r", "m", LAYERS)
    check_labels(labels)
    told = labels["containerd.io/snapshot/cri.image-layers"].split(",")
    assert told == [layer.digest for layer in LAYERS[: len(told)]]
    assert len(told) == (4096 - 39 + 1) // 72


def test_what_an_image_says_of_where_to_fetch_is_not_passed_on() -> None:
    names = [*source_labels("r", "m", LAYERS[:1]), "containerd.io/snapshot/remote/urls"]
    assert all(name.startswith(SOURCE_PREFIXES) for name in names)
    assert not "containerd.io/snapshot/stargz/toc.digest".startswith(SOURCE_PREFIXES)
