"""containerd.services.namespaces.v1. Names begin with the story's namespace: all namespaces are in one list."""

from typing import Any

from tests.compat.containerd.answers import Api, Explained, story
from tests.compat.containerd.stories.containers import container
from tests.compat.containerd.stories.images import target


async def _list(api: Api, *names: str) -> None:
    """Of all namespaces, those of these names."""
    reply = await api("namespaces.List")
    api.answers.pop()
    api.say(str([found for found in reply.namespaces if found.name in names]))


@story()
async def namespaces_come_and_go(api: Api) -> None:
    name = f"{api.namespace}-n"
    await api("namespaces.Get", name=name)
    await api("namespaces.Delete", name=name)
    await api("namespaces.Create", namespace={"name": name, "labels": {"a": "b"}})
    await api("namespaces.Create", namespace={"name": name})
    await api("namespaces.Get", name=name)
    await _list(api, name)
    await api("namespaces.Delete", name=name)
    await _list(api, name)
    await api("namespaces.Get", name="")
    await api("namespaces.Delete", name="")


@story()
async def what_is_no_namespace_is_refused(api: Api) -> None:
    for name in ("", "a/b", "..", "a b", "-a", "x" * 77):
        await api("namespaces.Create", namespace={"name": name})
    await api("namespaces.Create", namespace={"name": f"{api.namespace}-n", "labels": {"k": "v" * 4096}})
    await _list(api, f"{api.namespace}-n")


@story(
    Explained(theirs="(empty)", ours="namespace {", why="ours tells what the namespace is now, as the API has it"),
    Explained(theirs="2: namespace.Labels:", ours="invalid: namespace.Labels:", why="the original forgets its kind"),
)
async def labels_of_a_namespace_change_by_their_masks(api: Api) -> None:
    name = f"{api.namespace}-n"
    await api("namespaces.Create", namespace={"name": name, "labels": {"a": "1", "b": "2"}})

    async def update(labels: dict[str, str], *paths: str) -> None:
        await api("namespaces.Update", namespace={"name": name, "labels": labels}, update_mask={"paths": paths})
        await api("namespaces.Get", name=name)

    await update({"a": "3", "c": "4"}, "labels.a")
    await update({"a": "3", "c": "4"}, "labels.b", "labels.c")
    await update({"d": "5"}, "labels")
    await update({"d": "5"}, "name")
    await update({"d": "5"}, "nonsense")
    await update({"k": "v" * 4096}, "labels.k")
    await update({"d": "5", "gone": ""})
    await update({})
    fresh = f"{api.namespace}-fresh"
    await api("namespaces.Update", namespace={"name": fresh, "labels": {"a": "b"}})
    await api("namespaces.Get", name=fresh)


@story()
async def a_namespace_with_something_in_it_stays(api: Api) -> None:
    name = f"{api.namespace}-n"
    await api.enter(name)
    await api("leases.Create", id="l")
    await api("containers.Create", container=container("c"))
    await api("namespaces.Delete", name=name)
    await api("images.Create", image={"name": "i", "target": target()})
    await api("snapshots.Prepare", snapshotter="overlayfs", key="k")
    await api("snapshots.Prepare", snapshotter="native", key="k")
    data, digest = api.blob("in a namespace")
    await api.has(data)
    await api("namespaces.Delete", name=name)
    await api("content.Delete", digest=digest)
    await api("images.Delete", name="i")
    await api("containers.Delete", id="c")
    await api("namespaces.Delete", name=name)
    await api("snapshots.Remove", snapshotter="overlayfs", key="k")
    await api("snapshots.Remove", snapshotter="native", key="k")
    await api("namespaces.Delete", name=name)
    await _list(api, name)
    await api("leases.List")


@story()
async def a_namespace_is_there_with_its_first_object(api: Api) -> None:
    names = [f"{api.namespace}-{kind}" for kind in ("container", "image", "lease", "snapshot", "nothing")]
    where: list[dict[str, Any]] = [{"headers": {"containerd-namespace": name}} for name in names]
    await api("containers.Create", container=container("c"), **where[0])
    await api("images.Create", image={"name": "i", "target": target()}, **where[1])
    await api("leases.Create", id="l", **where[2])
    await api("snapshots.Prepare", snapshotter="overlayfs", key="k", **where[3])
    await api("containers.List", **where[4])
    await _list(api, *names)
