"""Resource limits as writes to control files, of whichever version of cgroups. Pure."""

from slipway.contracts.oci.runtime_resources import Resources
from slipway.runc.plan.cgroup_v1 import plan_limits_v1
from slipway.runc.plan.cgroup_v2 import plan_limits_v2
from slipway.runc.plan.cgroup_write import CgroupWrite


def plan_limits(resources: Resources, *, unified: bool) -> list[CgroupWrite]:
    """In the order in which the kernel takes them. Raises InvalidArgument."""
    return plan_limits_v2(resources) if unified else plan_limits_v1(resources)
