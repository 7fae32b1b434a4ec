"""Version, health and introspection."""

from tests.compat.containerd.answers import Api, story


@story()
async def health_is_told(api: Api) -> None:
    await api("health.Check", headers={})
    await api("health.Check", headers={}, service="nonsense")
    await api("health.Check", headers={}, service="containerd.services.images.v1.Images")


@story()
async def plugins_are_chosen_by_filters(api: Api) -> None:
    """Which there are, and what they export, is each containerd's own."""
    for filters in ([], ["type==io.containerd.snapshotter.v1"], ["id==overlayfs"], ["id~=^over", "id==native"]):
        reply = await api("introspection.Plugins", filters=filters)
        api.answers.pop()
        found = {(plugin.type, plugin.id) for plugin in reply.plugins}
        api.say(f"{filters}: {('io.containerd.snapshotter.v1', 'overlayfs') in found} {len(found) > 20}")
    await api("introspection.PluginInfo", type="io.containerd.nonsense.v1", id="x")
    server = await api("introspection.Server", headers={})
    api.answers.pop()
    api.say(f"server: {len(server.uuid)} {server.pid > 0} {server.pidns > 0}")


@story()
async def a_version_is_told(api: Api) -> None:
    reply = await api("version.Version", headers={})
    api.answers.pop()
    api.say(f"{bool(reply.version)} {bool(reply.revision)}")
