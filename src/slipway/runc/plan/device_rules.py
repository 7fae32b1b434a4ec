"""The device allow-list in one normal form, whatever order of rules the specification gave. Pure."""

from slipway.contracts.oci.runtime_resources import DeviceRule

# What every container may use besides the specification's list, as with the original: nodes of any device can be made
# (not opened), the default devices, terminals, and /dev/net/tun.
_ALWAYS = (
    ("c", None, None, "m"),
    ("b", None, None, "m"),
    ("c", 1, 3, "rwm"),
    ("c", 1, 8, "rwm"),
    ("c", 1, 7, "rwm"),
    ("c", 5, 0, "rwm"),
    ("c", 1, 5, "rwm"),
    ("c", 1, 9, "rwm"),
    ("c", 136, None, "rwm"),
    ("c", 5, 2, "rwm"),
    ("c", 10, 200, "rwm"),
)


class DevicePolicy:
    """`default_allow`, and the access that goes the other way, by (type, major, minor); None is all numbers."""

    __slots__ = ("default_allow", "exceptions")

    def __init__(self) -> None:
        self.default_allow = False
        self.exceptions: dict[tuple[str, int | None, int | None], frozenset[str]] = {}

    def add(self, rule: DeviceRule) -> None:
        """A rule for all devices starts anew; any other allows or denies on top of what was said before.

        As in cgroup v1, denying removes only what was allowed in the same words: kernel security/device_cgroup.c.
        """
        if rule.kind == "a":
            self.default_allow = rule.allow
            self.exceptions.clear()
            return
        key = (rule.kind, rule.major, rule.minor)
        before = self.exceptions.get(key, frozenset())
        after = before - set(rule.access) if rule.allow == self.default_allow else before | set(rule.access)
        if after:
            self.exceptions[key] = after
        else:
            self.exceptions.pop(key, None)

    def entries(self) -> list[tuple[str, "int | None", "int | None", str]]:
        """The exceptions as (type, major, minor, access letters), in the order of the rules.

        Source of the order, in which v1 shows them, too: runtime-spec config-linux.md, Allowed Device list.
        """
        return [
            (*key, "".join(letter for letter in "rwm" if letter in access)) for key, access in self.exceptions.items()
        ]


def device_policy(rules: list[DeviceRule]) -> DevicePolicy:
    """The specification's rules, then what every container has."""
    policy = DevicePolicy()
    for rule in rules:
        policy.add(rule)
    for kind, major, minor, access in _ALWAYS:
        policy.add(DeviceRule(True, kind, major, minor, access))
    return policy


def device_policy_writes(policy: DevicePolicy) -> list[tuple[str, str]]:
    """(control file, value) for the devices controller of cgroup v1."""
    writes = [("devices.allow" if policy.default_allow else "devices.deny", "a")]
    file = "devices.deny" if policy.default_allow else "devices.allow"
    for kind, major, minor, access in policy.entries():
        numbers = ":".join("*" if number is None else str(number) for number in (major, minor))
        writes.append((file, f"{kind} {numbers} {access}"))
    return writes
