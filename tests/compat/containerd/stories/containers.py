"""containerd.services.containers.v1: records of what is to run."""

from typing import Any

from tests.compat.containerd.answers import FILTER, Api, Explained, story

SPEC = {"type_url": "types.containerd.io/opencontainers/runtime-spec/1/Spec", "value": b"{}"}
RUNTIME = {"name": "io.containerd.runc.v2"}


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "runtime": RUNTIME, "spec": SPEC, **fields}


@story()
async def a_container_is_kept_as_it_was_given(api: Api) -> None:
    extensions = {"io.example": {"type_url": "example", "value": b"\x00\xff"}}
    whole = container("whole", labels={"a": "b", "c.d/e": "f"}, image="i", extensions=extensions)
    await api("containers.Create", container=whole | {"snapshotter": "overlayfs", "snapshot_key": "k"})
    await api("containers.Create", container=container("bare"))
    await api("containers.Create", container=container("empty-label", labels={"kept": "x", "gone": ""}))
    for name in ("whole", "bare", "empty-label"):
        await api("containers.Get", id=name)
    await api("containers.List")
    await api("containers.ListStream")
    await api("containers.Delete", id="whole")
    await api("containers.Get", id="whole")
    await api("containers.Delete", id="whole")


@story()
async def what_is_no_container_is_refused(api: Api) -> None:
    await api("containers.Create", container=container("taken"))
    await api("containers.Create", container=container("taken"))
    for name in ("", "a/b", "..", "-a", "a--b", "ä", "x" * 76, "x" * 77):
        await api("containers.Create", container=container(name))
    await api("containers.Create", container={"id": "r", "spec": SPEC})
    await api("containers.Create", container={"id": "s", "runtime": RUNTIME})
    await api("containers.Create", container=container("k", snapshot_key="k"))
    await api("containers.Create", container=container("e", extensions={"": SPEC}))
    await api("containers.Create", container=container("l", labels={"k" * 100: "v" * 4000}))
    for verb in ("Get", "Delete"):
        for name in ("", "none", "a/b"):
            await api(f"containers.{verb}", id=name)
    await api("containers.Update", container={"id": ""})
    await api("containers.Update", container={"id": "none"})


@story(
    Explained(
        theirs='key: "b"',
        ours="extensions",
        why="the original keeps extensions that a replacement has not; in ours they are replaced, as the masks say",
    ),
)
async def fields_of_a_container_change_by_their_masks(api: Api) -> None:
    extensions = {name: {"type_url": "t", "value": name.encode()} for name in "ab"}
    first = container("c", labels={"a": "1", "b": "2"}, image="i", extensions=extensions)
    await api("containers.Create", container=first | {"snapshotter": "native", "snapshot_key": "k"})
    labels = {"a": "3", "c": "4"}
    for masks in (["labels.a"], ["labels.b"], ["labels.c", "image"], ["labels"], ["spec"], ["snapshotkey"]):
        changed = container("c", labels=labels, image="j", snapshot_key="l") | {"spec": {"type_url": "s"}}
        await api("containers.Update", container=changed, update_mask={"paths": masks})
    await api("containers.Update", container={"id": "c"}, update_mask={"paths": ["labels.a.b"]})
    for mask in ("id", "runtime", "snapshotter", "snapshot_key", "sandbox", "created_at", "", "nonsense"):
        await api("containers.Update", container=container("c"), update_mask={"paths": [mask]})
    await api("containers.Update", container=container("c", snapshotter="overlayfs"))
    await api("containers.Update", container={"id": "c", "spec": SPEC, "snapshotter": "native"})
    await api("containers.Update", container={"id": "c", "runtime": RUNTIME, "snapshotter": "native"})
    more = {"extensions": {"a": {"type_url": "u"}}, "snapshotter": "native"}
    await api("containers.Update", container=container("c", labels={"z": ""}, **more))
    await api("containers.Get", id="c")


FILTERS = (
    [],
    [""],
    ["id==one"],
    ["id!=one"],
    ["id~=^t"],
    ["id~=/^t/"],
    ["id~=|^t|"],
    ["id~=wo"],
    ["id"],
    ["image"],
    ["image==docker.io/library/busybox:latest"],
    ['image=="docker.io/library/busybox:latest"'],
    ["runtime.name==io.containerd.runc.v2"],
    ["runtime"],
    ["labels.a"],
    ["labels.a==1"],
    ["labels.a!=1"],
    ['labels."com.example/role"==web'],
    ['labels."com.example/role"~=/^w/'],
    ["labels.x.y==dotted"],
    ['labels."x.y"==dotted'],
    ["labels.none!=x"],
    ["labels.none~=^$"],
    ["labels"],
    ["id==one,labels.a==1"],
    ["id==two,labels.a==1"],
    ["id==one", "id==two"],
    [" id == one, labels.a"],
    ["id==\\x6fne"],
    ['id=="\\x6fne"'],
    ['id=="o\\156e"'],
    ["nonsense"],
    ["nonsense==x"],
    ["nonsense!=x"],
    ["id==1ne"],
    ["labels.1st==digits"],
    ["labels._a"],
)


@story()
async def filters_choose_containers(api: Api) -> None:
    labels = {"a": "1", "com.example/role": "web", "x.y": "dotted", "1st": "digits"}
    await api("containers.Create", container=container("one", labels=labels, image="docker.io/library/busybox:latest"))
    await api("containers.Create", container=container("two", labels={"a": "2"}))
    await api("containers.Create", container=container("three"))
    for filters in FILTERS:
        await api("containers.List", filters=filters)
    await api("containers.ListStream", filters=["id!=two"])


MALFORMED = (
    "==x",
    "id==one ,labels.a",
    "id==one ",
    "id ",
    "id==",
    "id=one",
    "id===one",
    "id!one",
    "id,",
    ",id",
    "id==a b",
    'id=="open',
    'id=="a\\q"',
    "id.",
    ".id",
    "id==a,,id==b",
    "id~=/open",
    "id==/a/",
    "id ~ a",
    "i-d==x",
    "id==a\nb",
)


@story(FILTER)
async def malformed_filters_are_refused(api: Api) -> None:
    for text in MALFORMED:
        await api("containers.List", filters=[text])
    await api("containers.ListStream", filters=["id=="])
    await api("containers.List", filters=["id==one", "id=="])


@story()
async def a_pattern_that_is_none(api: Api) -> None:
    await api("containers.Create", container=container("one"))
    await api("containers.List", filters=["id~=["])


@story(
    Explained(theirs="2: namespace", ours=": namespace", why="the original forgets the kind of this error of List"),
    Explained(theirs="failed publishing event: namespace", ours="namespace", why="our words, without those before"),
)
async def no_call_goes_without_a_namespace(api: Api) -> None:
    for headers in ({}, {"containerd-namespace": ""}, {"containerd-namespace": "a/b"}):
        await api("containers.List", headers=headers)
        await api("containers.Get", headers=headers, id="c")
        await api("images.List", headers=headers)
        await api("leases.List", headers=headers)
        await api("content.List", headers=headers)
        await api("content.ListStatuses", headers=headers)
        await api("snapshots.List", headers=headers, snapshotter="native")
        await api("tasks.List", headers=headers)
        await api("events.Publish", headers=headers, topic="/a", event={"type_url": "t"})
