"""What we ask systemd for: to start, change and stop one unit. Nothing of it is imported without --systemd-cgroup.

Over the system bus, as for everybody; where no bus runs, root also reaches systemd by its own socket. The user's
systemd, for containers without root, over the user's bus, or its own socket.
"""

import os

from slipway.base.errors import EngineError, FailedPrecondition, InternalError, InvalidArgument, Unavailable
from slipway.linux import cgroups
from slipway.linux.user_namespace import is_initial_user_namespace
from slipway.runc.plan.unit_place import root_of_manager
from slipway.transport.plain.dbus import CallFailed, Connection
from slipway.wire.dbus import Call, unix_addresses
from slipway.wire.dbus_values import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.runc.plan.unit_limits import Property
    from slipway.wire.dbus_values import Value

_SERVICE = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = "org.freedesktop.systemd1.Manager"
_ANSWER_TIMEOUT = 25.0
_JOB_TIMEOUT = 30.0
_DONE = "done"
_BOOTED = "/run/systemd/system"


def check_is_running() -> None:
    """As sd_booted(3) finds out. Raises FailedPrecondition in the original's words."""
    if not os.path.isdir(_BOOTED) or os.path.islink(_BOOTED):
        raise FailedPrecondition("systemd not running on this host, cannot use systemd cgroups manager")


def is_for_user() -> bool:
    """Whether this process has to ask its user's systemd: it is not root, or so only in a user namespace."""
    if os.geteuid() != 0:
        return True
    return not is_initial_user_namespace() and bool(_bus_of_user())


def _bus_of_user() -> list[str]:
    if "DBUS_SESSION_BUS_ADDRESS" in os.environ:
        return unix_addresses(os.environ["DBUS_SESSION_BUS_ADDRESS"])
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return [f"{runtime}/bus"] if runtime and os.path.exists(f"{runtime}/bus") else []


def _ways(user: bool) -> list[tuple[str, bool]]:
    """(socket, whether it is a bus's), the best first."""
    if not user:
        given = unix_addresses(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", ""))
        buses = given or ["/run/dbus/system_bus_socket"]
        return [*((path, True) for path in buses), ("/run/systemd/private", False)]
    ways = [(path, True) for path in _bus_of_user()]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return [*ways, (f"{runtime}/systemd/private", False)] if runtime else ways


class Manager:
    """A connection to one systemd. Raises Unavailable when it cannot be reached, or is lost."""

    __slots__ = ("_connection",)

    def __init__(self, *, user: bool) -> None:
        refusals = []
        for path, is_bus in _ways(user):
            try:
                self._connection = Connection(path, _ANSWER_TIMEOUT, is_bus=is_bus)
                return
            except Unavailable as error:
                refusals.append(error.message)
        hint = "for a rootless container the user needs a systemd of their own and $XDG_RUNTIME_DIR" if user else ""
        refusal = "; ".join(refusals) or "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR names it"
        raise Unavailable(f"failed to connect to dbus: {refusal}", hint)

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def version(self) -> int:
        """252 for "252.39-1~deb12u2"; 0 if it is no number."""
        return version_from_text(self.property("Version"))

    def property(self, name: str) -> str:
        """A property of the manager that is text."""
        body = self._call("Get", "ss", [_MANAGER, name], interface="org.freedesktop.DBus.Properties")
        variant = body[0] if body else None
        if not isinstance(variant, Variant) or not isinstance(variant.value, str):
            raise InternalError(f"systemd's property {name} is not text")
        return variant.value

    def start(self, unit: str, properties: "list[Property]") -> None:
        """Make and start a transient unit, and wait until it has started. Raises AlreadyExists through CallFailed.

        A unit of the name that is there only because it failed is forgotten first, and so is this one if it fails.
        """
        try:
            self._start(unit, properties)
        except CallFailed as error:
            if not error.name.endswith(".UnitExists"):
                raise
            self.reset_failed(unit)
            self._start(unit, properties)

    def _start(self, unit: str, properties: "list[Property]") -> None:
        result = self._job("StartTransientUnit", "ssa(sv)a(sa(sv))", [unit, "replace", properties, []], unit)
        if result != _DONE:
            self.reset_failed(unit)
            raise InternalError(f"error creating systemd unit `{unit}`: got `{result}`")

    def set_properties(self, unit: str, properties: "list[Property]") -> None:
        """Until the unit ends."""
        self._call("SetUnitProperties", "sba(sv)", [unit, True, properties])

    def stop(self, unit: str) -> None:
        """End a unit and forget it, also one that is gone or has failed. Raises Unavailable if it takes too long."""
        try:
            self._job("StopUnit", "ss", [unit, "replace"], unit)
        except CallFailed as error:
            if not error.name.endswith(".NoSuchUnit"):
                raise
        self.reset_failed(unit)

    def reset_failed(self, unit: str) -> None:
        """Have systemd forget a failed unit; others, and none, are fine."""
        try:
            self._call("ResetFailedUnit", "s", [unit])
        except CallFailed:
            return

    def _job(self, member: str, signature: str, body: "list[Value]", unit: str) -> str:
        """Call what queues a job, and wait for the job's end: done, failed, canceled, timeout, dependency, skipped."""
        self._connection.watch(
            f"type='signal',sender='{_SERVICE}',path='{_PATH}',interface='{_MANAGER}',member='JobRemoved',arg2='{unit}'",
            _ANSWER_TIMEOUT,
        )
        answer = self._call(member, signature, body)
        if len(answer) != 1 or not isinstance(answer[0], str):
            raise InternalError(f"systemd's answer to {member} is not a job")
        try:
            signal = self._connection.wait_signal("JobRemoved", answer[0], _JOB_TIMEOUT)
        except Unavailable as error:
            self._forget(unit)
            raise Unavailable(f"wait for systemd to end {member} of {unit}: {error.message}") from None
        return signal.texts()[-1]

    def _forget(self, unit: str) -> None:
        try:
            self.reset_failed(unit)
        except EngineError:
            return

    def _call(self, member: str, signature: str, body: "list[Value]", *, interface: str = _MANAGER) -> "list[Value]":
        destination = _SERVICE if self._connection.is_bus else ""
        call = Call(_PATH, interface, member, signature, body, destination=destination)
        return self._connection.call(call, _ANSWER_TIMEOUT)


def version_from_text(text: str) -> int:
    """The number in front: 252.39-1, v245.4, 249 (some say more behind it)."""
    digits = ""
    for letter in text.removeprefix("v"):
        if letter not in "0123456789":
            break
        digits += letter
    return int(digits) if digits else 0


def manager_roots(*, user: bool) -> dict[str, str]:
    """Controller -> the group that a systemd has for everything, "/" on most machines.

    The system's is found by PID 1, as systemd itself does; a user's is asked for.
    """
    if not user:
        return {controller: root_of_manager(group) for controller, group in cgroups.own_groups(1).items()}
    if not cgroups.is_unified():
        raise InvalidArgument("cannot use rootless systemd cgroups manager on cgroup v1")
    with Manager(user=True) as manager:
        return {cgroups.UNIFIED: root_of_manager(manager.property("ControlGroup"))}
