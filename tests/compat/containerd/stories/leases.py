"""containerd.services.leases.v1: what is kept from collection, and by whom."""

from tests.compat.containerd.answers import FILTER, Api, Explained, story
from tests.compat.containerd.stories.images import target

ABSENT = "sha256:" + "0" * 64


@story(FILTER)
async def leases_come_and_go(api: Api) -> None:
    await api("leases.Create", id="one", labels={"a": "1", "gone": ""})
    await api("leases.Create", id="two")
    await api("leases.Create", id="one")
    await api("leases.Create", id="any / name")
    for filters in ([], ["id==one"], ["labels.a==1"], ["id~=^t"], ["id==one", "id==two"], ["nonsense"], ["id=="]):
        await api("leases.List", filters=filters)
    await api("leases.Delete", id="one")
    await api("leases.Delete", id="two", sync=True)
    await api("leases.Delete", id="one")
    await api("leases.Delete", id="")


NO_IMAGES = Explained(theirs="", ours='"images"', why="1.7 knows no images in leases", suites=("trixie",))
NO_LEASE = Explained(theirs="image {", ours="lease does not exist", why=NO_IMAGES.why, suites=("trixie",))


@story(
    NO_IMAGES,
    Explained(theirs="resource type images", ours="", why=NO_IMAGES.why, suites=("trixie",)),
    Explained(
        theirs="key required",
        ours="resource id must not be empty",
        why="the original's database says so itself",
    ),
)
async def a_lease_holds_things_of_every_type(api: Api) -> None:
    await api("leases.Create", id="l")
    for resource in (
        {"id": ABSENT, "type": "content"},
        {"id": "ref", "type": "ingests"},
        {"id": "name", "type": "images"},
        {"id": "key", "type": "snapshots/overlayfs"},
        {"id": "key", "type": "snapshots/nonsense"},
        {"id": "key", "type": "snapshots"},
        {"id": "key", "type": "snapshots/a/b"},
        {"id": "x", "type": "content"},
        {"id": ABSENT, "type": "content/x"},
        {"id": "ref", "type": "ingests/x"},
        {"id": "name", "type": "images/x"},
        {"id": "x", "type": ""},
        {"id": "x", "type": "nonsense"},
        {"id": "", "type": "ingests"},
        {"id": ABSENT, "type": "content"},
    ):
        await api("leases.AddResource", id="l", resource=resource)
    await api("leases.ListResources", id="l")
    for resource in (
        {"id": "ref", "type": "ingests"},
        {"id": "ref", "type": "ingests"},
        {"id": "key", "type": "snapshots/none"},
        {"id": "x", "type": "nonsense"},
        {"id": "x", "type": "content"},
    ):
        await api("leases.DeleteResource", id="l", resource=resource)
    await api("leases.ListResources", id="l")
    await api("leases.Delete", id="l", sync=True)


@story(NO_LEASE)
async def a_lease_that_is_not_there_holds_nothing(api: Api) -> None:
    for name in ("", "none"):
        await api("leases.AddResource", id=name, resource={"id": "x", "type": "nonsense"})
        await api("leases.DeleteResource", id=name, resource={"id": "x", "type": "nonsense"})
        await api("leases.ListResources", id=name)
    lost = api.leased("none")
    await api("content.ListStatuses", headers=lost)
    await api("snapshots.Prepare", headers=lost, snapshotter="overlayfs", key="k")
    await api("snapshots.View", headers=lost, snapshotter="overlayfs", key="k")
    image = {"name": "i", "target": target(), "labels": {"containerd.io/gc.expire": "2100-01-01T00:00:00Z"}}
    await api("images.Create", headers=lost, image=image)
    await api("images.Create", headers=lost, image={"name": "plain", "target": target()})


@story(NO_IMAGES)
async def what_is_made_under_a_lease_is_held(api: Api) -> None:
    await api("leases.Create", id="l")
    leased = api.leased("l")
    for key in ("a", "b"):
        await api("snapshots.Prepare", headers=leased, snapshotter="overlayfs", key=key)
    await api("snapshots.Commit", headers=leased, snapshotter="overlayfs", key="a", name="layer")
    await api("snapshots.Remove", headers=leased, snapshotter="overlayfs", key="b")
    image = {"name": "i", "target": target(), "labels": {"containerd.io/gc.expire": "2100-01-01T00:00:00Z"}}
    await api("images.Create", headers=leased, image=image)
    await api("images.Create", headers=leased, image={"name": "plain", "target": target()})
    await api("leases.ListResources", id="l")
    await api("images.Delete", headers=leased, name="i")
    await api("leases.ListResources", id="l")
