"""Version, health and introspection."""

from tests.compat.containerd.answers import Api, Explained, story

TRANSFER = "containerd.types.transfer"
NO_BLOB = "sha256:" + "0" * 64


@story()
async def health_is_told(api: Api) -> None:
    await api("health.Check", headers={})
    await api("health.Check", headers={}, service="nonsense")
    await api("health.Check", headers={}, service="containerd.services.images.v1.Images")


@story(
    Explained(theirs="not found: plugin", ours="not found: plugin", why="the words are ours", suites=("sid",)),
    Explained(theirs="unknown method", ours="not found: plugin", why="1.7 has no such method", suites=("trixie",)),
    Explained(theirs="plugin: None", ours="plugin: native", why="1.7 has no such method", suites=("trixie",)),
)
async def plugins_are_chosen_by_filters(api: Api) -> None:
    """Which there are, and what they export, is each containerd's own."""
    for filters in ([], ["type==io.containerd.snapshotter.v1"], ["id==overlayfs"], ["id~=^over", "id==native"]):
        reply = await api("introspection.Plugins", filters=filters)
        api.answers.pop()
        found = {(plugin.type, plugin.id) for plugin in reply.plugins}
        api.say(f"{filters}: {('io.containerd.snapshotter.v1', 'overlayfs') in found} {len(found) > 20}")
    await api("introspection.PluginInfo", type="io.containerd.nonsense.v1", id="x")
    reply = await api("introspection.PluginInfo", type="io.containerd.snapshotter.v1", id="native")
    api.answers.pop()
    api.say(f"plugin: {reply and reply.plugin.id}")
    server = await api("introspection.Server", headers={})
    api.answers.pop()
    api.say(f"server: {len(server.uuid)} {server.pid > 0} {server.pidns > 0}")


@story()
async def a_version_is_told(api: Api) -> None:
    reply = await api("version.Version", headers={})
    api.answers.pop()
    api.say(f"{bool(reply.version)}")


@story()
async def a_task_that_is_not_there(api: Api) -> None:
    spec = {"type_url": "types.containerd.io/opencontainers/runtime-spec/1/Spec", "value": b"{}"}
    runtime = {"name": "io.containerd.runc.v2"}
    await api("containers.Create", container={"id": "no-task", "spec": spec, "runtime": runtime})
    for name in ("none", "no-task"):
        for verb in ("Start", "Delete", "DeleteProcess", "Get", "Kill", "ResizePty", "CloseIO", "Pause", "Resume"):
            await api(f"tasks.{verb}", container_id=name)
        await api("tasks.Exec", container_id=name, exec_id="e", spec=spec)
        for exec_id in ("", "a/b"):
            await api("tasks.Exec", container_id=name, exec_id=exec_id, spec=spec)
        await api("tasks.Get", container_id=name, exec_id="e")
        for verb in ("ListPids", "Checkpoint", "Update", "Wait"):
            await api(f"tasks.{verb}", container_id=name)
    await api("tasks.Create", container_id="none")
    await api("tasks.List")
    await api("tasks.Metrics")
    await api("tasks.Metrics", filters=["id==none"])


@story(
    Explained(theirs="invalid: envelope topic", ours="invalid: topic", why="the words are ours"),
    Explained(theirs="invalid: event envelope", ours="invalid: namespace", why="the words are ours"),
)
async def what_is_no_event_is_refused(api: Api) -> None:
    event = {"type_url": "containerd.events.NamespaceDelete", "value": b""}
    for topic in ("/a", "/a/b-c.d_e", "", "a", "/", "/a/", "//a", "/a b", "/ä"):
        await api("events.Publish", topic=topic, event=event)
    stamp = {"seconds": 1}
    for envelope in (
        {"timestamp": stamp, "namespace": "n", "topic": "/a", "event": event},
        {"timestamp": stamp, "topic": "/a", "event": event},
        {"timestamp": stamp, "namespace": "a/b", "topic": "/a", "event": event},
        {"timestamp": stamp, "namespace": "n", "topic": "a", "event": event},
    ):
        await api("events.Forward", envelope=envelope)


@story(
    Explained(theirs="not found: not found", ours="not found: stream", why="ours names the stream"),
    Explained(
        theirs="2: proto:", ours="invalid: decode containerd.types.transfer.", why="ours knows its code"
    ),  # Go puts one of two spaces
)
async def what_cannot_be_transferred_is_refused(api: Api) -> None:
    nonsense, empty = {"type_url": "nonsense"}, {"type_url": "google.protobuf.Empty"}
    registry, store = {"type_url": f"{TRANSFER}.OCIRegistry"}, {"type_url": f"{TRANSFER}.ImageStore"}
    # Field 1 of each is a name: of an image, or of a stream.
    none, half = store | {"value": b"\x0a\x04none"}, store | {"value": b"\x0a"}
    export = {"type_url": f"{TRANSFER}.ImageExportStream", "value": b"\x0a\x01x"}
    pairs = [(nonsense, nonsense), (nonsense, store), (store, nonsense), (empty, nonsense), (nonsense, empty)]
    pairs += [({}, store), (empty, empty), (empty, store), (store, empty), (registry, registry)]
    pairs += [(none, store), (none, none), (none, registry), (none, export), (half, store)]
    for source, destination in pairs:
        await api("transfer.Transfer", source=source, destination=destination)
    stream = {"progress_stream": "none"}
    await api("transfer.Transfer", source=nonsense, destination=nonsense, options=stream)
    await api("images.Create", image={"name": "here", "target": {"media_type": "m", "digest": NO_BLOB, "size": 1}})
    await api("transfer.Transfer", source=store | {"value": b"\x0a\x04here"}, destination=store)


@story(
    Explained(theirs="not found: failed to get reader", ours="not found: ", why="the words are ours"),
    Explained(theirs="unimplemented: unsupported diff media type", ours="unimplemented: ", why="the words are ours"),
)
async def a_layer_that_is_none(api: Api) -> None:
    layer = "application/vnd.oci.image.layer.v1.tar"
    mount = {"type": "bind", "source": "/nonexistent", "options": ["rbind", "rw"]}
    await api("diff.Apply", diff={"media_type": layer, "digest": NO_BLOB, "size": 1}, mounts=[mount])
    await api("diff.Diff", media_type="application/nonsense")
