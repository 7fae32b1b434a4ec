"""containerd.services.images.v1: names for descriptors."""

from typing import Any

from tests.compat.containerd.answers import FILTER, Api, Explained, story

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DIGEST = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def target(digest: str = DIGEST, **fields: Any) -> dict[str, Any]:
    return {"media_type": MANIFEST, "digest": digest, "size": 7, **fields}


ANY_TARGET = Explained(theirs="", ours="", why="1.7 deletes whatever the name names", suites=("trixie",))


@story(ANY_TARGET)
async def an_image_is_kept_as_it_was_given(api: Api) -> None:
    labels, annotations = {"a": "b", "gone": ""}, {"org.example": "yes"}
    await api("images.Create", image={"name": "i", "target": target(annotations=annotations), "labels": labels})
    await api("images.Create", image={"name": "a name / of any: kind", "target": target()})
    await api("images.Get", name="i")
    await api("images.List")
    await api("images.Delete", name="i", target=target(OTHER))
    await api("images.Delete", name="i", target={"media_type": MANIFEST})
    await api("images.Get", name="i")
    await api("images.Delete", name="a name / of any: kind", target=target(), sync=True)
    await api("images.List")


@story()
async def what_is_no_image_is_refused(api: Api) -> None:
    await api("images.Create", image={"name": "taken", "target": target()})
    await api("images.Create", image={"name": "taken", "target": target()})
    await api("images.Create", image={"name": "", "target": target()})
    for wrong in ("", "x", "sha256:1", "md5:" + "1" * 32, "sha256:" + "G" * 64, "sha512:" + "1" * 64):
        await api("images.Create", image={"name": "d", "target": target(wrong)})
    await api("images.Create", image={"name": "s", "target": target(size=0)})
    await api("images.Create", image={"name": "s", "target": target(size=-1)})
    await api("images.Create", image={"name": "m", "target": target(media_type="")})
    await api("images.Create", image={"name": "l", "target": target(), "labels": {"k": "v" * 4096}})
    for verb in ("Get", "Delete"):
        for name in ("", "none"):
            await api(f"images.{verb}", name=name)
    await api("images.Delete", name="none", target=target())
    await api("images.Update", image={"name": ""})
    await api("images.Update", image={"name": "none", "target": target()})


@story()
async def fields_of_an_image_change_by_their_masks(api: Api) -> None:
    first = {"name": "i", "target": target(annotations={"x": "1", "y": "2"}), "labels": {"a": "1", "b": "2"}}
    await api("images.Create", image=first)
    given = {"name": "i", "target": target(OTHER, annotations={"x": "3", "z": "4"}), "labels": {"a": "3", "c": "4"}}
    masks = (
        ["labels.a"],
        ["labels.b"],
        ["annotations.x"],
        ["annotations.y", "labels.c"],
        ["annotations"],
        ["labels"],
        ["target"],
        [],
    )
    for paths in masks:
        await api("images.Update", image=given, update_mask={"paths": paths})
    for path in ("name", "created_at", "target.digest", "", "nonsense"):
        await api("images.Update", image=given, update_mask={"paths": [path]})
    await api("images.Update", image={"name": "i", "target": target(size=0)}, update_mask={"paths": ["target"]})
    await api("images.Update", image={"name": "i", "target": {}})
    await api("images.Update", image={"name": "i", "target": target()})
    await api("images.Get", name="i")


@story()
async def filters_choose_images(api: Api) -> None:
    one = target(annotations={"org.example": "yes"})
    await api("images.Create", image={"name": "one:1", "target": one, "labels": {"a": "1", "b.c": "2"}})
    await api("images.Create", image={"name": "two:1", "target": target(OTHER)})
    for text in (
        "name==one:1",
        "name~=^t",
        "name",
        f"target.digest=={DIGEST}",
        "target.digest~=/^sha256:2/",
        f"target.mediatype=={MANIFEST}",
        "target.size==7",
        "target",
        "labels.a==1",
        "labels.b.c",
        'labels."b.c"==2',
        "annotations.org.example==yes",
        'annotations."org.example"',
        "size==7",
    ):
        await api("images.List", filters=[text])
    await api("images.List", filters=["name==two:1", "labels.a"])


@story()
async def an_image_may_have_a_time_of_its_own(api: Api) -> None:
    """SOURCE_DATE_EPOCH: the reply's times are compared here, which are masked elsewhere."""
    epoch = {"seconds": 1_000_000_000, "nanos": 5}
    image = {"name": "i", "target": target()}
    made = await api("images.Create", image=image, source_date_epoch=epoch)
    api.say(f"{made.image.created_at.seconds} {made.image.updated_at.nanos}")
    changed = await api("images.Update", image=image, source_date_epoch={"seconds": 2_000_000_000})
    api.say(f"{changed.image.created_at.seconds} {changed.image.updated_at.seconds}")


@story(FILTER)
async def a_malformed_filter_of_images_is_refused(api: Api) -> None:
    await api("images.List", filters=["name=="])
