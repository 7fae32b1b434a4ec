"""A container as a unit of systemd: planned, started with its init in it, changed, ended.

Only what was started with --systemd-cgroup imports this. On v2 systemd makes the group and moves init there; on v1 it
does so for its own controllers, and the others are made by file, at the same place. What systemd has no property for is
written to the files afterwards.
"""

from slipway.base.errors import EngineError, InternalError, Unavailable
from slipway.contracts.oci.runtime_resources import Resources
from slipway.linux import cgroup_freezer, cgroups
from slipway.linux.readiness import is_readable
from slipway.runc.confine import cgroups as confine_cgroups
from slipway.runc.confine import systemd
from slipway.runc.plan.device_rules import device_policy
from slipway.runc.plan.unit_limits import rounded_quota, unit_limits
from slipway.runc.plan.unit_place import UnitPlace, plan_unit, plan_unit_groups
from slipway.runc.plan.unit_properties import annotated_properties, device_properties, scope_properties
from slipway.runc.process import handshake
from slipway.runc.process.handshake import Channel
from slipway.runc.report import words_of
from slipway.wire.dbus_values import EncodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.contracts.oci.runtime import Spec
    from slipway.runc.plan.unit_limits import Property
    from slipway.runc.process.init import InitRequest
    from slipway.runc.state.model import ContainerState

_FREEZE_TIMEOUT = 2.0
_REMOVAL_TIMEOUT = 10.0


class Unit:
    """One container's unit; `user`: the user's systemd keeps it. `start` may be called once."""

    __slots__ = ("annotated", "is_started", "place", "user")

    def __init__(self, place: UnitPlace, annotated: "list[Property]", *, user: bool) -> None:
        self.place = place
        self.annotated = annotated
        self.user = user
        self.is_started = False

    def start_with_init(self, request: "InitRequest", pid: int, channel: Channel) -> None:
        """As `start`, with an init that waits at `channel`: if it has ended meanwhile, what it has to say is raised."""
        try:
            self.start(request, pid)
        except EngineError:
            _raise_words_of(channel)
            raise

    def start(self, request: "InitRequest", pid: int) -> None:
        """With the process `pid` in it. The groups that systemd does not make are the caller's. Raises EngineError."""
        resources = request.spec.linux.resources
        unified = cgroups.UNIFIED in request.points
        try:
            with systemd.Manager(user=self.user) as manager:
                properties = scope_properties(self.place, pid, unified=unified)
                properties += self._limits(request.spec, resources, manager.version(), unified=unified)
                manager.start(self.place.unit, properties + self.annotated)
        except (EngineError, EncodeError) as error:
            raise InternalError(
                f'unable to apply cgroup configuration: unable to start unit "{self.place.unit}": {error}'
            ) from None
        self.is_started = True
        _check_place(request.groups, request.points, pid)
        resources.cpu.quota = rounded_quota(resources.cpu.quota or 0, resources.cpu.period or 0) or None

    def _limits(self, spec: "Spec", resources: Resources, version: int, *, unified: bool) -> "list[Property]":
        policy = device_policy(spec.linux.resources.devices)
        return device_properties(policy, unified=unified, version=version) + unit_limits(
            resources, version, unified=unified
        )

    def record(self, state: "ContainerState", groups: dict[str, str]) -> None:
        """From now on the state says where the container is."""
        state.groups = groups
        state.systemd_unit = self.place.unit
        state.systemd_user = self.user

    def remove(self, groups: dict[str, str]) -> None:
        """What `start` has made, if it has made anything."""
        if self.is_started:
            end_unit(self.place.unit, user=self.user)
            confine_cgroups.remove_groups(groups, _REMOVAL_TIMEOUT)


def plan_container_unit(request: "InitRequest", points: dict[str, str]) -> None:
    """Fill in the unit and the groups of a new container. Raises FailedPrecondition, InvalidArgument, Unavailable."""
    systemd.check_is_running()
    user = systemd.is_for_user()
    place = plan_unit(request.spec.linux.cgroups_path, request.id, user=user)
    request.groups = plan_unit_groups(place, points, systemd.manager_roots(user=user))
    request.unit = Unit(place, annotated_properties(request.spec.annotations), user=user)


def update_unit(state: "ContainerState", resources: Resources) -> None:
    """New limits for a running container's unit. The files are the caller's; a quota is rounded for them here."""
    unified = cgroups.UNIFIED in state.groups
    try:
        with systemd.Manager(user=state.systemd_user) as manager:
            properties = unit_limits(resources, manager.version(), unified=unified)
            if properties:
                _set_properties(manager, state, properties, freeze=not unified)
    except (EngineError, OSError, EncodeError) as error:
        raise InternalError(f"unable to set unit properties: {words_of(error)}") from None
    resources.cpu.quota = rounded_quota(resources.cpu.quota or 0, resources.cpu.period or 0) or None


def _set_properties(
    manager: systemd.Manager, state: "ContainerState", properties: "list[Property]", *, freeze: bool
) -> None:
    """On v1 systemd may write all of a unit's settings again, devices too: deny all, then allow. Nobody may see it."""
    freeze = freeze and "freezer" in state.groups and not cgroup_freezer.is_frozen(state.groups)
    if freeze:
        cgroup_freezer.set_frozen(state.groups, True, _FREEZE_TIMEOUT)
    try:
        manager.set_properties(state.systemd_unit, properties)
    finally:
        if freeze:
            cgroup_freezer.set_frozen(state.groups, False, _FREEZE_TIMEOUT)


def end_unit(name: str, *, user: bool) -> None:
    """Stop a unit and have systemd forget it. Without a systemd that answers there is nothing to be forgotten."""
    try:
        manager = systemd.Manager(user=user)
    except Unavailable:
        return
    with manager:
        manager.stop(name)


def _check_place(groups: dict[str, str], points: dict[str, str], pid: int) -> None:
    """Limits must fall on the group that systemd really made. Raises InternalError."""
    controller = next(name for name in (cgroups.UNIFIED, cgroups.HYBRID, "name=systemd") if name in groups)
    own = cgroups.own_groups(pid).get(controller, "/")
    place = f"{points[controller].rstrip('/')}{own}"
    if place != groups[controller]:
        raise InternalError(f"systemd has put the container into {place}, not into {groups[controller]}")


def _raise_words_of(channel: Channel) -> None:
    """A process that failed at once has said why; systemd could only say that it is gone."""
    if is_readable(channel.descriptor, 0):
        kind, payload = channel.receive()
        if kind == handshake.FAILED:
            raise InternalError(f"error during container init: {payload.decode('utf-8', 'replace')}")
