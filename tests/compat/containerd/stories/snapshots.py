"""containerd.services.snapshots.v1: layers, and what shows them."""

from typing import Any

from tests.compat.containerd.answers import Api, Explained, story


async def _layers(api: Api, name: str) -> None:
    """A committed `base`, and on it an active `top` and a view `seen`."""
    await api("snapshots.Prepare", snapshotter=name, key="first", labels={"a": "1", "gone": ""})
    await api("snapshots.Commit", snapshotter=name, key="first", name="base", labels={"b": "2"})
    await api("snapshots.Prepare", snapshotter=name, key="top", parent="base", labels={"a": "1", "x.y": "2"})
    await api("snapshots.View", snapshotter=name, key="seen", parent="base")


async def _whole(api: Api, name: str) -> None:
    await _layers(api, name)
    for key in ("first", "base", "top", "seen"):
        await api("snapshots.Stat", snapshotter=name, key=key)
        await api("snapshots.Mounts", snapshotter=name, key=key)
        usage = await api("snapshots.Usage", snapshotter=name, key=key)
        if usage is not None:
            api.answers.pop()
            api.say(f"usage of {key}: {usage.inodes} inodes, something: {usage.size > 0}")
    await api("snapshots.List", snapshotter=name)
    await api("snapshots.Remove", snapshotter=name, key="base")
    for key in ("seen", "top", "base"):
        await api("snapshots.Remove", snapshotter=name, key=key)
    await api("snapshots.List", snapshotter=name)


@story(
    Explained(theirs="failed to get active mount", ours="snapshot base", why="the original names its inner key"),
)
async def overlayfs_through_its_life(api: Api) -> None:
    await _whole(api, "overlayfs")


@story(
    Explained(theirs="failed to get snapshot mount", ours="snapshot base", why="the original names its inner key"),
)
async def native_through_its_life(api: Api) -> None:
    await _whole(api, "native")


@story(
    Explained(
        theirs="is not committed snapshot: invalid argument",
        ours="is not committed snapshot: invalid argument",
        why="the original names its inner key",
    ),
    Explained(theirs="is not active: failed precond", ours="is not active: failed precond", why="here, too"),
    Explained(theirs="key required", ours="key must not be empty", why="the original's database says so itself"),
)
async def what_cannot_be_is_refused(api: Api) -> None:
    name = "overlayfs"
    await _layers(api, name)
    await api("snapshots.Prepare", snapshotter=name, key="top")
    await api("snapshots.Prepare", snapshotter=name, key="base")
    await api("snapshots.View", snapshotter=name, key="top", parent="none")
    for verb in ("Prepare", "View"):
        await api(f"snapshots.{verb}", snapshotter=name, key="new", parent="none")
        await api(f"snapshots.{verb}", snapshotter=name, key="new", parent="top")
        await api(f"snapshots.{verb}", snapshotter=name, key="new", labels={"k": "v" * 4096})
        await api(f"snapshots.{verb}", snapshotter=name, key="")
    await api("snapshots.Commit", snapshotter=name, key="none", name="new")
    await api("snapshots.Commit", snapshotter=name, key="top", name="base")
    await api("snapshots.Commit", snapshotter=name, key="none", name="base")
    await api("snapshots.Commit", snapshotter=name, key="seen", name="new")
    await api("snapshots.Commit", snapshotter=name, key="base", name="new")
    for verb in ("Stat", "Mounts", "Usage", "Remove"):
        await api(f"snapshots.{verb}", snapshotter=name, key="none")
        await api(f"snapshots.{verb}", snapshotter=name, key="")
    await api("snapshots.List", snapshotter=name)


@story()
async def a_target_that_is_there_need_not_be_made(api: Api) -> None:
    """How a client learns that a layer is there already: by the label with the name that it wants to commit."""
    await _layers(api, "overlayfs")
    labels = {"containerd.io/snapshot.ref": "base"}
    await api("leases.Create", id="l")
    await api("snapshots.Prepare", headers=api.leased("l"), snapshotter="overlayfs", key="extract", labels=labels)
    await api("leases.ListResources", id="l")
    await api("snapshots.Prepare", snapshotter="overlayfs", key="e", labels={"containerd.io/snapshot.ref": "none"})
    await api("snapshots.Stat", snapshotter="overlayfs", key="e")


@story()
async def labels_of_snapshots_change_by_their_masks(api: Api) -> None:
    name = "overlayfs"
    await _layers(api, name)
    given = {"name": "top", "labels": {"a": "3", "c": "4"}, "parent": "none"}
    for paths in (["labels.a"], ["labels.x.y"], ["labels.c"], ["labels"], []):
        await api("snapshots.Update", snapshotter=name, info=given, update_mask={"paths": paths})
    for path in ("name", "parent", "kind", "", "nonsense"):
        await api("snapshots.Update", snapshotter=name, info=given, update_mask={"paths": [path]})
    await api("snapshots.Update", snapshotter=name, info={"name": "base"})
    await api("snapshots.Update", snapshotter=name, info={"name": "top", "labels": {"k": "v" * 4096}})
    await api("snapshots.Update", snapshotter=name, info={"name": "none"})
    await api("snapshots.Update", snapshotter=name, info={"name": ""})
    await api("snapshots.Stat", snapshotter=name, key="top")


@story(
    Explained(
        theirs="2: filters: parse error",
        ours="invalid: parse filter",
        why="the original forgets the kind of this error, and our own sentence shows the place, too",
    ),
)
async def filters_choose_snapshots(api: Api) -> None:
    name = "overlayfs"
    await _layers(api, name)
    for text in (
        "kind==active",
        "kind==view",
        "kind==committed",
        "kind==Active",
        "name==top",
        "parent==base",
        "parent",
        "parent!=base",
        "labels.a==1",
        "labels.x.y==2",
        "labels.gone",
        "nonsense",
        "name==",
    ):
        await api("snapshots.List", snapshotter=name, filters=[text])
    await api("snapshots.List", snapshotter=name, filters=["name==top", "name==base"])


@story(
    Explained(theirs="does not implement Cleanup", ours="(empty)", why="the original's metadata passes it on to none"),
)
async def a_snapshotter_has_to_be_named(api: Api) -> None:
    for name in ("", "nonsense"):
        given: dict[str, Any] = {"snapshotter": name}
        for verb in ("Prepare", "View", "Mounts", "Remove", "Stat", "Usage"):
            await api(f"snapshots.{verb}", key="k", **given)
        await api("snapshots.Commit", key="k", name="n", **given)
        await api("snapshots.Update", info={"name": "k"}, **given)
        await api("snapshots.List", **given)
        await api("snapshots.Cleanup", **given)
    await api("snapshots.Cleanup", snapshotter="overlayfs")
