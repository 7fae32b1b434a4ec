"""One-line breakages of the engine, each with the system test that must notice it. `./dev sabotage` tries them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Breakage:
    """Replace `old`, which stands exactly once in `file`, by `new`; then `test` (a pytest node) must fail."""

    name: str
    file: str
    old: str
    new: str
    test: str

    def apply(self, checkout: Path) -> None:
        """Break the copy at `checkout`. AssertionError when `old` is not there once: the list is out of date."""
        path = checkout / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.name}: {self.old!r} is {text.count(self.old)} times in {self.file}"
        path.write_text(text.replace(self.old, self.new))


SCENARIO = "tests/system/test_scenarios.py::test_docker_s_client_on_our_engine[{}]"
BRIDGE = "tests/system/test_bridge.py::{}[their-client]"
BECOME = "src/slipway/runc/process/become.py"
RULES = "src/slipway/dockerd/networks/rules.py"

ATTACK = "tests/system/test_attacks_containers.py::{}"
POWER = "tests/contract/snapshots/test_power_cuts.py::{}[overlayfs]"
CLIENTS = "tests/system/test_attacks_clients.py::{}"

ALL: tuple[Breakage, ...] = (
    Breakage(
        name="no seccomp",
        file=BECOME,
        old="if confinement.filter is not None and not process.no_new_privileges:",
        new="if False:",
        test="tests/system/test_seccomp.py::test_every_system_call_answers_as_in_the_original[default-64]",
    ),
    Breakage(
        name="-m ignored",
        file="src/slipway/runc/plan/cgroup_v1.py",
        old="    if memory.limit:\n",
        new="    if False:\n",
        test=SCENARIO.format("memory-limit"),
    ),
    Breakage(
        name="--pids-limit ignored",
        file="src/slipway/runc/plan/cgroup_v1.py",
        old="    if resources.pids_limit:\n",
        new="    if False:\n",
        test=SCENARIO.format("process-limit"),
    ),
    Breakage(
        name="no NAT",
        file=RULES,
        old="    if masquerade:\n",
        new="    if False:\n",
        test=BRIDGE.format("test_what_goes_out_bears_the_host_s_address"),
    ),
    Breakage(
        name="a container cannot reach its own published port",
        file=RULES,
        old='        table.add_rule(chain, hairpin, "a container to a published port"),\n',
        new="",
        test=BRIDGE.format("test_a_published_port_answers_on_every_path"),
    ),
    Breakage(
        name="the host's loopback is open to containers",
        file=RULES,
        old="match.to_network(LOOPBACK), match.drop()]",
        new="match.to_network(LOOPBACK)]",
        test="tests/system/test_attacks_network.py::test_packets_for_the_host_s_loopback_do_not_arrive[their-client]",
    ),
    Breakage(
        name="dots behind what is missing lead out of the root",
        file="src/slipway/linux/resolve.py",
        old='        if ".." in missing:\n',
        new="        if False:\n",
        test="tests/system/test_attacks_images.py::test_a_layer_writes_nothing_outside_by_way_of_what_is_missing",
    ),
    Breakage(
        name="a port that is none breaks the list",
        file="src/slipway/dockerd/containers/describe.py",
        old="if _PORT.fullmatch(number) is None or int(number) > _LAST_PORT:",
        new="if not number.isdigit():",
        test="tests/system/test_attacks_images.py::test_a_port_that_is_none_leaves_everybody_s_list_readable[\\xb2/tcp]",
    ),
    Breakage(
        name="a mask dropped",
        file="src/slipway/contracts/oci/defaults.py",
        old='    "/proc/keys",\n',
        new="",
        test=SCENARIO.format("mounts"),
    ),
    Breakage(
        name="a read-only path dropped",
        file="src/slipway/contracts/oci/defaults.py",
        old='"/proc/irq", "/proc/sys", ',
        new='"/proc/irq", ',
        test=SCENARIO.format("files-that-cannot-be-written"),
    ),
    Breakage(
        name="privileged paths for everyone",
        file="src/slipway/dockerd/containers/request/defaults.py",
        old="    if paths is not None or asked.privileged:\n        return paths\n",
        new="    return ()\n",
        test=SCENARIO.format("mounts"),
    ),
    Breakage(
        name="exit status 0",
        file="src/slipway/shim/shim.py",
        old="exit_status=ended.status",
        new="exit_status=0",
        test=SCENARIO.format("exit-code-of-the-program"),
    ),
    Breakage(
        name="a log line dropped",
        file="src/slipway/dockerd/logs/json_file.py",
        old='data = b"".join(lines)',
        new='data = b"".join(lines[1:])',
        test=SCENARIO.format("logs"),
    ),
    Breakage(
        name="all capabilities kept in the bounding set",
        file=BECOME,
        old="    confinement.masks.limit_bounding()\n",
        new="",
        test=SCENARIO.format("capabilities"),
    ),
    Breakage(
        name="capabilities not applied",
        file=BECOME,
        old="    for warning in confinement.masks.apply():\n",
        new="    for warning in []:\n",  # Docker gives no ambient ones: execve(2) works out the same for root
        test="tests/integration/runc/test_confinement.py::test_an_ordinary_user_holds_only_ambient_capabilities",
    ),
    Breakage(
        name="the user is not taken",
        file=BECOME,
        old="    identity.become(process.user, own_proc, as_user=confinement.as_user)\n",
        new="",
        test=SCENARIO.format("user-by-number"),
    ),
    Breakage(
        name="a working directory outside the root goes unnoticed",
        file=BECOME,
        old="    if changed:\n        _check_working_directory()\n",
        new="",
        test=ATTACK.format("test_no_working_directory_is_a_descriptor_of_the_host[exec]"),
    ),
    Breakage(
        name="numbers of users beyond the range are taken",
        file="src/slipway/dockerd/containers/files/users.py",
        old="if len(text) > 10 or not 0 <= int(text) <= HIGHEST:",
        new="if len(text) > 10:",
        test=ATTACK.format("test_what_user_means"),
    ),
    Breakage(
        name="logs stay open",
        file="src/slipway/dockerd/logs/process_streams.py",
        old="            self._writer.close()\n",
        new="",
        test=CLIENTS.format("test_starts_that_fail_and_containers_that_end_leave_nothing"),
    ),
    Breakage(
        name="a load that broke off waits for ever",
        file="src/slipway/clients/containerd/transfer.py",
        old="if archive.broke_off:",
        new="if False:",
        test=CLIENTS.format("test_an_archive_that_breaks_off_is_answered"),
    ),
    Breakage(
        name="silent clients hold the threads that serve everyone",
        file="src/slipway/containerd/transfer/service.py",
        old="run_in_executor(self._threads, ",
        new="run_in_executor(None, ",
        test=CLIENTS.format("test_clients_that_say_nothing_hold_nobody_up"),
    ),
    Breakage(
        name="a snapshotter that hangs holds the threads that serve everyone",
        file="src/slipway/containerd/services/snapshots.py",
        old="run_in_executor(snapshotter.threads, ",
        new="run_in_executor(None, ",
        test="tests/integration/containerd/test_proxied_snapshotters.py::test_one_that_hangs_delays_no_other",
    ),
    Breakage(
        name="dockerd's event loop sleeps",
        file="src/slipway/dockerd/containers/start.py",
        old="    document = await asyncio.to_thread(_specification,",
        new="    __import__('time').sleep(0.1)\n    document = await asyncio.to_thread(_specification,",
        test="tests/system/test_process_tree.py::test_nothing_of_it_is_left",
    ),
    Breakage(
        name="containerd's event loop waits for a program",
        file="src/slipway/containerd/services/tasks.py",
        old="    async def start(self, call: Call, request: Any) -> Any:\n",
        new="    async def start(self, call: Call, request: Any) -> Any:\n        __import__('os').system('sleep 1')\n",
        test="tests/system/test_process_tree.py::test_nothing_of_it_is_left",
    ),
    Breakage(
        name="diff does not see what was deleted",
        file="src/slipway/archive/tree_difference.py",
        old="                    now = None  # a whiteout\n",
        new="                    continue\n",
        test=SCENARIO.format("a-file-changed"),
    ),
    Breakage(
        name="a layer's end is asked for once only",
        file="src/slipway/archive/stream.py",
        old="        self._ended = not piece\n",
        new="        self._ended = False\n",
        test="tests/system/test_damaged_archives.py::test_an_end_that_is_not_quite_one_will_do[their-client-no end]",
    ),
    Breakage(
        name="--volumes-from NAME:ro may be written",
        file="src/slipway/dockerd/containers/files/volumes_from.py",
        old="rw=point.rw and writable",
        new="rw=point.rw",
        test=SCENARIO.format("volumes-of-another-container"),
    ),
    Breakage(
        name="nobody is asked for its health",
        file="src/slipway/dockerd/containers/health/checks.py",
        old="    if plan is not None:\n",
        new="    if False:\n",
        test="tests/system/test_health.py::test_a_container_becomes_unhealthy_and_healthy[their-client]",
    ),
    Breakage(
        name="volumes are mounted in silence",
        file="src/slipway/dockerd/containers/start.py",
        old="    announce_mounts(environment, container)\n",
        new="",
        test="tests/system/test_events.py::test_a_container_is_created_before_it_starts_and_dies_after",
    ),
    Breakage(
        name="what a power cut tore is shown",
        file="src/slipway/containerd/snapshots/restore.py",
        old="if self._torn.isdisjoint(chain):",
        new="if True:",
        test=POWER.format("test_what_was_not_on_disk_is_made_again_at_its_first_use"),
    ),
    Breakage(
        name="a commit counts as on disk because it was while it was active",
        file="src/slipway/containerd/snapshots/rows.py",
        old="WHERE id = ? AND kind = ? AND state = ?",
        new="WHERE id = ? AND (kind = ? OR 1) AND state = ?",
        test=POWER.format("test_what_is_committed_while_the_disk_is_waited_for_is_not_taken_for_waited_for"),
    ),
    Breakage(
        name="directories go before their rows are synced",
        file="src/slipway/containerd/snapshots/snapshotter.py",
        old="rows.ids(connection, self.name)), durable=True",
        new="rows.ids(connection, self.name)), durable=False",
        test=POWER.format("test_no_directory_goes_before_the_disk_has_it_that_its_row_went"),
    ),
    Breakage(
        name="who finds a snapshot there takes no lease on it",
        file="src/slipway/containerd/snapshots/snapshotter.py",
        old='{self.name}", name)\n            return row.info.kind',
        new='{self.name}", "other")\n            return row.info.kind',
        test=POWER.format("test_what_it_is_to_become_is_there_and_held"),
    ),
    Breakage(
        name="a layer is committed before the one below",
        file="src/slipway/containerd/transfer/unpack.py",
        old="        below.result()\n        self._stores.differ.complete(",
        new="        self._stores.differ.complete(",
        test="tests/integration/images/test_side_by_side.py::"
        "test_upper_layers_do_not_wait_for_lower_ones_and_are_committed_after_them",
    ),
)
