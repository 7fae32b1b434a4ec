"""The same command lines for the original runc 1.3 and for ours: output, errors, log and exit status are equal.

Help texts have our own words, but the same commands and flags. Messages of Go's own parsers are not copied; there the
status is equal, and how the message begins.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compat.runc.beside import SIDES, Done, Pair

pytestmark = [pytest.mark.root, pytest.mark.peers]

VERBS = (
    *("checkpoint", "create", "delete", "events", "exec", "features", "kill", "list", "pause", "ps", "restore"),
    *("resume", "run", "spec", "start", "state", "update"),
)
HEADING = re.compile(r"^(?:[A-Z]+ ?)+\S*:$", re.MULTILINE)


def assert_equal(done: dict[str, Done]) -> None:
    assert done["ours"] == done["orig"]


def without_help(done: dict[str, Done]) -> list[tuple[int, str, str, list[tuple[str, str]]]]:
    """The first line of a help, and everything else; the original's log has a line break at the end of some words."""
    return [
        (one.status, one.out.partition("\n")[0], one.err, [(level, words.rstrip()) for level, words in one.log])
        for one in done.values()
    ]


def listed(text: str, heading: str) -> list[str]:
    """The heads of the lines under a heading: a command or a flag with its other names."""
    _, _, rest = text.partition(f"{heading}:\n")
    lines = re.split(r"\n\n|\n   \n", rest)[0] if "Note:" not in rest else rest
    heads = [re.split(r" {2,}", line.strip())[0] for line in lines.splitlines() if line.startswith("   ")]
    return [head for head in heads if re.fullmatch(r"(?:-{1,2}[a-z0-9-]+(?: value)?(?:, )?)+|[a-z]+(?:, h)?", head)]


def test_the_help_lists_the_same_commands_and_global_flags(pair: Pair) -> None:
    for words in ([], ["--help"], ["help"], ["h"]):
        done = pair.ok(*words)
        commands = [[head.removesuffix(", h") for head in listed(one.out, "COMMANDS")] for one in done.values()]
        assert commands[0] == commands[1] != []
        flags = [listed(one.out, "GLOBAL OPTIONS") for one in done.values()]
        assert flags[0] == flags[1] != []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_command_lists_the_same_flags(pair: Pair, verb: str) -> None:
    done = pair.ok(verb, "--help")
    assert listed(done["ours"].out, "OPTIONS") == listed(done["orig"].out, "OPTIONS")
    assert done["ours"].out.startswith(f"NAME:\n   runc {verb} - ")
    assert pair.run("ours", "help", verb).out == done["ours"].out


WRONG_USAGE: list[list[str]] = [
    *([verb, "--nope"] for verb in VERBS),
    *([verb] for verb in VERBS if verb not in ("spec", "features", "list")),
    *([verb, "a", "b", "c"] for verb in VERBS if verb not in ("exec", "ps")),
    ["nope"],
    ["nope", "x"],
    ["help", "nope"],
    ["-x"],
    ["--nope", "list"],
    ["--log-format", "xml", "list"],
    ["state", "x", "--nope"],
    ["create", "--bundle"],
    ["create", "--preserve-fds", "x", "c"],
    ["create", "--no-pivot=perhaps", "c"],
    ["create", "---bundle", "x", "c"],
    ["events", "--interval", "5", "c"],
    ["events", "--interval", "x", "c"],
    ["update", "--pids-limit", "x", "c"],
    ["update", "--blkio-weight", "x", "c"],
    ["--rootless", "perhaps", "create", "-b", "{side}/b1", "c"],
    ["--criu", "x", "list"],
    ["state", ""],
    ["state", "../x"],
    ["state", "a b"],
    ["create", "-b", "{side}/b1", ""],
    ["create", "-b", "{side}/b1", "a/b"],
    ["create", "-b", "{side}/b1", ".."],
]


@pytest.mark.parametrize("words", WRONG_USAGE, ids=" ".join)
def test_a_wrong_command_line_is_refused_in_the_same_words(pair: Pair, words: list[str]) -> None:
    results = without_help(pair.both(*words))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "words",
    [
        ["--root", "/", "list"],
        ["--root", "", "list"],
        ["--root", "/nonexistent/x", "list"],
        ["--root", "{side}/root", "--log", "/nonexistent/x", "list"],
        ["--root", "{side}/root", "--log-format", "json", "state", "c"],
        ["--root", "{side}/root", "state", "c"],
        ["--root"],
    ],
    ids=" ".join,
)
def test_errors_on_standard_error_look_the_same(pair: Pair, words: list[str]) -> None:
    results = without_help(pair.both(*words, log=False))
    assert results[0] == results[1]


def test_the_log_as_text_looks_the_same(pair: Pair) -> None:
    texts = []
    for side in SIDES:
        pair.run(side, "--log", "{side}/text", "state", "c", log=False)
        texts.append(pair.mask(side, (pair.folder / side / "text").read_text()))
    assert texts[0] == texts[1]


# Each with the statuses in which it changes the container: then the next command gets a new one.
ACTIONS: list[tuple[list[str], str]] = [
    (["state", "c"], ""),
    (["list", "-q"], ""),
    (["list", "-f", "json"], ""),
    (["exec", "c", "true"], ""),
    (["exec", "c"], ""),
    (["update", "--pids-limit", "77", "c"], ""),
    (["create", "-b", "{side}/b1", "c"], "absent"),
    (["run", "-b", "{side}/b1", "c"], ""),
    (["checkpoint", "c"], "unless criu"),
    (["kill", "c", "0"], ""),
    (["kill", "c", "NOPE"], ""),
    (["kill", "c", "99999"], ""),
    (["kill", "c", "-1"], ""),
    (["pause", "c"], "created running"),
    (["resume", "c"], "paused"),
    (["start", "c"], "created"),
    (["delete", "c"], "created stopped"),
    (["kill", "-a", "c", "9"], "created running paused"),
    (["kill", "c", "KILL"], "created running paused"),
    (["delete", "-f", "c"], "created running paused stopped"),
]


@pytest.mark.parametrize(
    "status",
    ["absent", "running", "stopped", *(pytest.param(name, marks=pytest.mark.matrix) for name in ("created", "paused"))],
)
def test_every_command_in_every_state(pair: Pair, status: str) -> None:
    differences = []
    pair.in_state(status, "c")
    for words, changing in ACTIONS:
        if words == ["checkpoint", "c"] and status in ("running", "paused"):
            continue  # with criu: test_checkpoints; without: each says so
        done = pair.both(*words)
        if done["orig"] != done["ours"]:
            differences.append((words, done))
        if status in changing:
            pair.remove_all()
            pair.in_state(status, "c")
    assert not differences


def test_events_of_a_stopped_container_are_refused(pair: Pair) -> None:
    pair.in_state("stopped", "c")
    assert_equal(pair.both("events", "--stats", "c"))
    assert_equal(pair.both("ps", "-f", "json", "c"))
    assert_equal(pair.both("events", "--interval", "0s", "c"))


def write_configuration(pair: Pair, text: str) -> None:
    for side in SIDES:
        (pair.folder / side / "broken").mkdir(exist_ok=True)
        (pair.folder / side / "broken/rootfs").mkdir(exist_ok=True)
        (pair.folder / side / "broken/config.json").write_text(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "nope", '{"process":5}', '{"process":{"args":"x"}}'])
def test_what_is_no_configuration_is_refused(pair: Pair, text: str) -> None:
    write_configuration(pair, text)
    for one in pair.both("create", "-b", "{side}/broken", "c").values():
        assert (one.status, one.out) == (1, "")
        assert one.err.startswith("runc create failed: ")
        assert one.log == [("error", one.err.removesuffix("\n"))]


CHANGES: dict[str, dict[str, Any]] = {
    "no root file system": {"root": {"path": "nope"}},
    "no process": {"process": None},
    "relative directory": {"process.cwd": "x"},
    "no directory": {"process.cwd": ""},
    "no arguments": {"process.args": []},
    "terminal": {"process.terminal": True},
    "missing program": {"process.args": ["/nope"]},
    "program not in PATH": {"process.args": ["nope"]},
    "a folder as program": {"process.args": ["/bin"]},
    "limit": {"process.rlimits": [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]},
    "sysctl": {"linux.sysctl": {"a.b": "1"}},
    "label": {"process.selinuxLabel": "x"},
    "namespace": {"linux.namespaces": [{"type": "x"}]},
    "namespace twice": {"linux.namespaces": [{"type": "pid"}, {"type": "pid"}]},
    "unified": {"linux.resources": {"unified": {"a.b": "1"}}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_contradictory_configuration_is_refused_in_the_same_words(pair: Pair, change: dict[str, Any]) -> None:
    def apply(spec: dict[str, Any]) -> None:
        for path, value in change.items():
            *folders, name = path.split(".")
            place = spec
            for folder in folders:
                place = place[folder]
            place[name] = value

    name = pair.bundle("true", change=apply)
    assert_equal(pair.both("create", "-b", f"{{side}}/{name}", "c"))


@pytest.mark.parametrize(
    "words",
    [
        ["-b", "{side}/nope"],
        ["-b", "/etc/passwd"],
        [],
        ["-b", "{side}/b1", "--pid-file", "/nonexistent/x"],
        ["-b", "{side}/b1", "--console-socket", "/nonexistent/x"],
        ["-b", "{side}/b1", "--pidfd-socket", "/nonexistent/x"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_path_that_leads_nowhere_is_told_in_the_same_words(pair: Pair, verb: str, words: list[str]) -> None:
    assert_equal(pair.both(verb, *words, "c", cwd="{side}/root"))
    assert len(pair.run("ours", "list").out.splitlines()) == 1  # the original leaves a folder for one of these


def test_a_console_socket_must_be_there_for_a_terminal(pair: Pair) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["process"]["terminal"] = True

    bundle = f"{{side}}/{pair.bundle('true', change=change)}"
    assert_equal(pair.both("create", "-b", bundle, "--console-socket", "/nonexistent/x", "c"))
    assert_equal(pair.both("run", "-d", "-b", bundle, "c"))
    assert_equal(pair.both("run", "-b", bundle, "--console-socket", "/nonexistent/x", "c"))


def test_a_group_with_processes_is_not_taken(pair: Pair) -> None:
    pair.in_state("running", "c")
    assert_equal(pair.both("create", "-b", f"{{side}}/b{pair.bundles}", "d"))
    assert_equal(pair.both("run", "-b", f"{{side}}/b{pair.bundles}", "d"))
    pair.ok("pause", "c")
    assert_equal(pair.both("create", "-b", f"{{side}}/b{pair.bundles}", "d"))
    assert_equal(pair.both("list", "-q"))


def test_lists_and_processes_have_the_same_formats(pair: Pair) -> None:
    assert_equal(pair.both("list"))
    pair.in_state("running", "c")
    digits = re.compile(r"\d+")
    for words in (["list"], ["list", "-f", "x"], ["ps", "-f", "x", "c"], ["ps", "c", "-o", "comm"], ["ps", "c", "--x"]):
        done = pair.both(*words)
        texts = [digits.sub("*", f"{one.out}{one.err}{one.status}").split() for one in done.values()]
        assert texts[0] == texts[1]
    tables = [one.out.splitlines() for one in pair.ok("ps", "c").values()]
    assert [len(table) for table in tables] == [2, 2]
    assert tables[0][0].split() == tables[1][0].split()
    assert all(table[1].endswith("sleep 1000") for table in tables)
    assert all(len(json.loads(one.out)) == 1 for one in pair.ok("ps", "--format", "json", "c").values())
    for side in SIDES:
        (pair.folder / side / "root/broken").mkdir()
    assert_equal(pair.both("list", "-q"))
    assert_equal(pair.both("delete", "broken"))
    assert_equal(pair.both("list", "-q"))


EXECS: list[list[str]] = [
    ["c", ""],
    ["c", "nope"],
    ["c", "/bin"],
    ["--cwd", "/nope", "c", "true"],
    ["--cwd", "x", "c", "true"],
    ["-u", "5:6", "-e", "A=1", "c", "sh", "-c", "id; echo $A; exit 3"],
    ["-g", "-7", "c", "true"],
    ["--pid-file", "/nonexistent/x", "c", "true"],
    ["--console-socket", "/nonexistent/x", "c", "true"],
    ["-d", "--console-socket", "/nonexistent/x", "c", "true"],
    ["-d", "-t", "c", "true"],
    ["-d", "-t", "--console-socket", "/nonexistent/x", "c", "true"],
    ["--pidfd-socket", "/nonexistent/x", "c", "true"],
    ["-p", "/nonexistent", "c"],
    ["-p", "{side}/no-cwd.json", "c"],
    ["-p", "{side}/user.json", "c"],
    ["-c", "CAP_SYS_ADMIN", "c", "grep", "Cap", "/proc/self/status"],
    ["--process-label", "x", "c", "true"],
    ["--no-new-privs=false", "c", "grep", "NoNew", "/proc/self/status"],
    ["--cgroup", "/", "c", "true"],
    ["--cgroup", ":x", "c", "true"],
    ["--cgroup", "a:x", "--cgroup", "a:y", "c", "true"],
    ["--cgroup", "a", "--cgroup", "b", "c", "true"],
    ["--cgroup", "memory:../..", "c", "true"],
    ["--cgroup", "nope:x", "c", "true"],
    ["c", "sh", "-c", "kill -9 $$"],
    ["-d", "c", "true"],
]


def test_exec_with_every_flag(pair: Pair) -> None:
    documents = {"no-cwd": {"args": ["true"]}, "user": {"args": ["id"], "cwd": "/", "user": {"uid": 5}}}
    for name, document in documents.items():
        for side in SIDES:
            (pair.folder / side / f"{name}.json").write_text(json.dumps(document))
    pair.in_state("running", "c")
    differences = [(words, done) for words in EXECS if (done := pair.both("exec", *words))["orig"] != done["ours"]]
    assert not differences


def test_exec_into_a_group_below(pair: Pair) -> None:
    """Where the file system of control groups shows the process, and a path that is not there."""
    pair.created("c", "sleep", "1000")
    for side in SIDES:
        group = Path("/sys/fs/cgroup/memory", pair.group, side, f"b{pair.bundles}", "below")
        if not group.parent.exists():
            pytest.skip("skip: cgroup-v1: the group is looked at in the memory hierarchy")
        group.mkdir()
    done = pair.ok("exec", "--cgroup", "memory:below", "c", "sh", "-c", "grep memory /proc/self/cgroup")
    assert done["orig"].out == done["ours"].out
    assert done["ours"].out.endswith("/below\n")
    results = pair.both("exec", "--cgroup", "memory:nope", "c", "true").values()
    assert all(one.status == 255 and "nope" in one.err and "no such file" in one.err for one in results)


@pytest.mark.parametrize("word", ["0", "64", "65", "99999", "sigusr9", "TERM", "sigwinch", "", "+5", "1_0", "SIG"])
def test_signals_are_named_in_the_same_ways(pair: Pair, word: str) -> None:
    pair.in_state("running", "c")
    assert_equal(pair.both("kill", "c", word))


UPDATES: list[list[str]] = [
    ["--memory", "64m"],
    ["--memory", "128m", "--memory-swap", "256m"],
    ["--memory", "32M"],
    ["--memory", "1g"],
    ["--memory-swap", "512m"],
    ["--memory", "-1"],
    ["--memory-swap", "-1"],
    ["--memory", "64m", "--memory-swap", "32m"],
    ["--memory", "x"],
    ["--memory", "64 mb"],
    ["--memory", "1.5g"],
    ["--memory", "64MiB"],
    ["--memory", "-5"],
    ["--memory-reservation", "32m"],
    ["--memory-reservation", "x"],
    ["--kernel-memory", "5m"],
    ["--kernel-memory-tcp", "5m"],
    ["--cpu-period", "50000"],
    ["--cpu-quota", "10000"],
    ["--cpu-quota", "-1"],
    ["--cpu-period", "5"],
    ["--cpu-burst", "5000"],
    ["--cpu-quota", "20000", "--cpu-period", "100000", "--cpu-burst", "1000"],
    ["--cpu-share", "77"],
    ["--cpu-idle", "1"],
    ["--cpu-idle", "0"],
    ["--cpu-idle", "5"],
    ["--cpu-rt-period", "1000000"],
    ["--cpuset-cpus", "0"],
    ["--cpuset-cpus", "99"],
    ["--cpuset-cpus", "x"],
    ["--cpuset-mems", "0"],
    ["--cpuset-mems", "7"],
    ["--pids-limit", "50"],
    ["--pids-limit", "-1"],
    ["--pids-limit", "0"],
    ["--blkio-weight", "500"],
    ["--l3-cache-schema", "x"],
    ["--mem-bw-schema", "x"],
    ["-r", "/nonexistent"],
    [],
]
DOCUMENTS = (
    *("{}", "null", '{"memory":{"limit":67108864}} and more', '{"cpu":{"shares":99}}', '{"pids":{"limit":33}}'),
    *('{"cpu":{"cpus":"0"},"blockIO":{"weight":300}}', '{"devices":[{"allow":true}]}', '{"memory":{"swap":-1}}'),
    *('{"cpu":{"quota":-1}}', '{"hugepageLimits":[{"pageSize":"2MB","limit":0}]}', '{"unified":{"a.b":"c"}}'),
)
LIMITS = (
    *("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "cpu.shares"),
    *("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us", "cpu.idle", "cpuset.cpus", "cpuset.mems"),
    *("pids.max", "blkio.weight", "blkio.bfq.weight", "cpu.rt_period_us"),
)


def limits(pair: Pair, side: str) -> dict[str, str]:
    group = f"{pair.group}/{side}/b{pair.bundles}"
    found = (path for name in LIMITS for path in Path("/sys/fs/cgroup").glob(f"*/{group}/{name}"))
    return {path.name: path.read_text() for path in found}


def updated_alike(pair: Pair, update: Callable[[], dict[str, Done]], what: object) -> None:
    """The same words, and the same limits; but where it fails, ours has left everything as it was.

    The original sets back what it knows of, and warns of what it could not set back: then they begin anew.
    """
    before = limits(pair, "ours")
    done = update()
    told = [
        (one.status, one.err, [entry for entry in one.log if "Setting back" not in entry[1]]) for one in done.values()
    ]
    assert told[0] == told[1], what
    if done["ours"].status == 0:
        assert limits(pair, "ours") == limits(pair, "orig"), what
        return
    assert limits(pair, "ours") == before, what
    if limits(pair, "orig") != before:
        pair.ok("delete", "--force", "c")
        pair.in_state("running", "c")


def test_update_with_every_flag(pair: Pair) -> None:
    pair.in_state("running", "c")
    for words in UPDATES:
        updated_alike(pair, lambda words=words: pair.both("update", *words, "c"), words)  # type: ignore[misc]


def test_update_from_a_document(pair: Pair, tmp_path: Path) -> None:
    pair.in_state("running", "c")
    for text in DOCUMENTS:
        (tmp_path / "r").write_text(text)
        updated_alike(pair, lambda: update_from(pair, tmp_path / "r"), text)


def update_from(pair: Pair, document: Path) -> dict[str, Done]:
    done = {}
    for side in SIDES:
        with open(document, "rb") as stream:
            done[side] = pair.run(side, "update", "-r", "-", "c", stdin=stream)
    return done


@pytest.mark.parametrize(
    "words",
    [
        ["--cpu-quota", "x"],
        ["--cpu-share", "-1"],
        ["--cpu-idle", "x"],
        ["--memory", "1"],
        ["-r", "{side}/b1/rootfs/bin/sh"],
    ],
    ids=" ".join,
)
def test_an_update_that_cannot_be_fails_alike(pair: Pair, words: list[str]) -> None:
    pair.in_state("running", "c")
    done = pair.both("update", *words, "c")
    assert [one.status for one in done.values()] == [1, 1]
    if words[0] != "-r":
        beginnings = [re.split(r'strconv|"|\(', one.err)[0] for one in done.values()]
        assert beginnings[0] == beginnings[1]


@pytest.mark.parametrize("flags", [[], ["--rootless"]], ids=["root", "rootless"])
def test_the_example_is_the_same_document(pair: Pair, flags: list[str]) -> None:
    documents = []
    for side in SIDES:
        folder = pair.folder / side / f"spec{len(flags)}"
        folder.mkdir()
        assert pair.run(side, "spec", "--bundle", str(folder), *flags).status == 0
        documents.append((folder / "config.json").read_text())
    assert json.loads(documents[0]) == json.loads(documents[1])
    assert documents[1].startswith('{\n\t"ociVersion"')
    assert_equal(pair.both("spec", "-b", f"{{side}}/spec{len(flags)}"))
    assert_equal(pair.both("spec", "-b", "{side}/nowhere"))


def test_the_version_has_the_lines_that_callers_parse(pair: Pair) -> None:
    done = pair.ok("--version")
    lines = [
        dict(line.replace("runc version ", "runc version: ").split(": ", 1) for line in one.out.splitlines())
        for one in done.values()
    ]
    assert lines[1].keys() == lines[0].keys() - {"go"}
    assert lines[1]["libseccomp"] == lines[0]["libseccomp"]
    assert lines[1]["runc version"] == lines[0]["runc version"].partition("+")[0]
    assert pair.run("ours", "-v").out == done["ours"].out


def test_the_features_have_the_same_keys(pair: Pair) -> None:
    theirs, ours = (json.loads(one.out) for one in pair.ok("features").values())
    assert ours.keys() == theirs.keys()
    from_1_3_of_the_specification = {"memoryPolicy", "netDevices"}  # runc has them since 1.4
    assert ours["linux"].keys() - from_1_3_of_the_specification == theirs["linux"].keys()
    assert ours["linux"]["seccomp"].keys() == theirs["linux"]["seccomp"].keys()
    assert ours["hooks"] == theirs["hooks"]
    assert ours["linux"]["capabilities"] == theirs["linux"]["capabilities"]
    assert ours["linux"]["namespaces"] == theirs["linux"]["namespaces"]
    assert set(ours["linux"]["seccomp"]["archs"]) >= set(theirs["linux"]["seccomp"]["archs"])
    assert ours["linux"]["seccomp"]["operators"] == theirs["linux"]["seccomp"]["operators"]
    # The original leaves out one that only a listener needs where its library is asked without one.
    assert set(ours["linux"]["seccomp"]["supportedFlags"]) >= set(theirs["linux"]["seccomp"]["supportedFlags"])
    # Others than the original shall not give a commit.
    assert ours["annotations"].keys() == theirs["annotations"].keys() - {"org.opencontainers.runc.commit"}
    name = "io.github.seccomp.libseccomp.version"
    assert ours["annotations"][name] == theirs["annotations"][name]


def shape(value: object) -> object:
    """The keys of a document, at every depth; what a list holds by its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else type(value).__name__


def test_statistics_have_the_same_keys(pair: Pair) -> None:
    def change(spec: dict[str, Any]) -> None:
        spec["linux"]["resources"] |= {"pids": {"limit": 50}, "memory": {"limit": 1 << 26, "reservation": 1 << 25}}
        spec["linux"]["resources"]["cpu"] = {"quota": 1000, "period": 100000}

    script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; : >/w; cat /bin/sh >/w; exec sleep 1000"
    pair.created("c", "sh", "-c", script, change=change)
    pair.ok("start", "c")
    pair.wait_for_both(lambda side: "sleep" in pair.run(side, "ps", "c", "-o", "pid,comm").out)
    documents = [json.loads(one.out) for one in pair.ok("events", "--stats", "c").values()]
    assert shape(documents[1]) == shape(documents[0])
    theirs, ours = (document["data"] for document in documents)
    for key in ("cpuset", "pids", "hugetlb", "intel_rdt", "network_interfaces"):
        assert ours[key] == theirs[key]
    assert ours["memory"]["usage"]["limit"] == theirs["memory"]["usage"]["limit"] == 1 << 26


@pytest.mark.parametrize("flags", [["-d", "--keep"], ["--keep"], ["-d", "--no-subreaper", "--no-new-keyring"]])
def test_run_leaves_the_same_behind(pair: Pair, flags: list[str]) -> None:
    name = pair.bundle("sh", "-c", "exit 3")
    assert_equal(pair.both("run", *flags, "-b", f"{{side}}/{name}", "--pid-file", "{side}/pid", "c"))
    pair.wait_for_both(lambda side: pair.status(side, "c") == "stopped")
    assert_equal(pair.both("state", "c"))
    for side in SIDES:
        assert (pair.folder / side / "pid").read_text().isdigit()


def test_descriptors_are_handed_on_in_the_same_places(pair: Pair, tmp_path: Path) -> None:
    """--preserve-fds and $LISTEN_FDS: what the program finds open, and in its environment."""
    script = "ls /proc/self/fd; cat <&3; echo; cat <&4; env | grep LISTEN"
    seen = {}
    for side in SIDES:
        name = pair.bundle("sh", "-c", script)
        (tmp_path / "a").write_text("three")
        (tmp_path / "b").write_text("four")
        argv = pair.argv(side, "run", "--preserve-fds", "1", "-b", f"{{side}}/{name}", "c")
        shell = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<"$0/a" 4<"$0/b"'
        done = subprocess.run(["sh", "-c", shell, str(tmp_path), *argv], capture_output=True, text=True, timeout=60)
        seen[side] = (done.returncode, done.stdout, done.stderr)
    assert seen["ours"] == seen["orig"]
    assert "three\nfour" in seen["ours"][1]
    assert "LISTEN_FDS=1\nLISTEN_PID=1\n" in seen["ours"][1]


def test_descriptors_of_our_own_are_never_handed_on(pair: Pair) -> None:
    pair.in_state("running", "c")
    done = pair.run("ours", "exec", "--preserve-fds", "1", "c", "true")
    assert (done.status, done.err) == (
        255,
        "exec failed: unable to stat preserved-fd 0 (of 1): no such file or directory\n",
    )
