"""containerd's configuration file: versions, imports, what is told of keys that change nothing, and back to text."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.base.errors import EngineError, InvalidArgument, NotFound
from slipway.containerd.configuration.merge import merge
from slipway.containerd.configuration.model import ProxyPluginSettings, Settings, StreamProcessorSettings
from slipway.containerd.configuration.read import Remark, read_settings
from slipway.containerd.configuration.write import text_of
from slipway.service.configuration import toml_from_table

Read = Callable[..., tuple[Settings, list[Remark]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str, **others: str) -> tuple[Settings, list[Remark]]:
        for name, content in others.items():
            (tmp_path / f"{name}.toml").write_text(content)
        (tmp_path / "config.toml").write_text(text)
        return read_settings(str(tmp_path / "config.toml"))

    return read


def keys(remarks: list[Remark]) -> list[str]:
    return [remark.key for remark in remarks]


@pytest.mark.parametrize(
    "text",
    [
        "[plugins.scheduler]\nstartup_delay = '7s'\n[plugins.restart]\ninterval = '1m'\n"
        "[plugins.cgroups]\nno_prometheus = true\n",
        "version = 2\n[plugins.'io.containerd.gc.v1.scheduler']\nstartup_delay = '7s'\n"
        "[plugins.'io.containerd.internal.v1.restart']\ninterval = '1m'\n"
        "[plugins.'io.containerd.monitor.v1.cgroups']\nno_prometheus = true\n",
        "version = 3\n[plugins.'io.containerd.gc.v1.scheduler']\nstartup_delay = '7s'\n"
        "[plugins.'io.containerd.monitor.container.v1.restart']\ninterval = '1m'\n"
        "[plugins.'io.containerd.monitor.task.v1.cgroups']\nno_prometheus = true\n",
    ],
)
def test_a_plugin_is_found_by_its_name_of_every_version(read: Read, text: str) -> None:
    settings, remarks = read(text)
    assert settings.plugins.scheduler.startup_delay.seconds == 7
    assert settings.plugins.restart.interval.seconds == 60
    assert settings.plugins.monitor.no_prometheus
    assert remarks == []


def test_what_other_parts_do_is_typed(read: Read) -> None:
    settings, remarks = read(
        """version = 2
[proxy_plugins.stargz]
  type = "snapshot"
  address = "/run/stargz.sock"
  capabilities = ["remap-ids"]
  [proxy_plugins.stargz.exports]
    root = "/var/lib/stargz"
[stream_processors."io.containerd.processor.v1.pigz"]
  accepts = ["application/vnd.docker.image.rootfs.diff.tar.gzip"]
  returns = "application/vnd.docker.image.rootfs.diff.tar"
  path = "unpigz"
  args = ["-d", "-c"]
[plugins."io.containerd.transfer.v1.local"]
  config_path = "/etc/certs.d"
  max_concurrent_downloads = 9
  [[plugins."io.containerd.transfer.v1.local".unpack_config]]
    platform = "linux/riscv64"
    snapshotter = "native"
"""
    )
    assert settings.proxy_plugins == {
        "stargz": ProxyPluginSettings(
            type="snapshot",
            address="/run/stargz.sock",
            exports={"root": "/var/lib/stargz"},
            capabilities=("remap-ids",),
        )
    }
    assert settings.stream_processors["io.containerd.processor.v1.pigz"] == StreamProcessorSettings(
        accepts=("application/vnd.docker.image.rootfs.diff.tar.gzip",),
        returns="application/vnd.docker.image.rootfs.diff.tar",
        path="unpigz",
        args=("-d", "-c"),
    )
    assert "io.containerd.ocicrypt.decoder.v1.tar" in settings.stream_processors  # the original's own stay
    assert settings.plugins.transfer.max_concurrent_downloads == 9
    assert [unpack.snapshotter for unpack in settings.plugins.transfer.unpack_config] == ["native"]
    assert remarks == []


def test_a_part_of_a_table_leaves_the_rest_of_it_as_it_was(read: Read) -> None:
    settings, _ = read("version = 2\nroot = ''\n[grpc]\nuid = 7\n[debug]\nlevel = ''\nformat = ''\n")
    default = Settings()
    assert (settings.grpc.uid, settings.grpc.address) == (7, default.grpc.address)
    assert (settings.root, settings.debug) == (default.root, default.debug)


def test_unknown_keys_are_named_with_their_file_and_path(read: Read, tmp_path: Path) -> None:
    _, remarks = read(
        'version = 2\nrooot = "/x"\nimports = ["more.toml"]\n[grpc]\nadress = "/y"\n[timeouts]\n"io.x" = "1s"\n',
        more="version = 2\n[plugins.'io.containerd.gc.v1.scheduler']\nstartup = '1s'\n",
    )
    assert {(remark.file, remark.key) for remark in remarks} == {
        (str(tmp_path / "config.toml"), "rooot"),
        (str(tmp_path / "config.toml"), "grpc.adress"),
        (str(tmp_path / "config.toml"), 'timeouts."io.x"'),
        (str(tmp_path / "more.toml"), 'plugins."io.containerd.gc.v1.scheduler".startup'),
    }
    assert {remark.message for remark in remarks} == {"Ignoring unknown key in TOML"}


def test_a_key_that_cannot_be_served_is_named_when_it_asks_for_something(read: Read) -> None:
    text = (
        "version = 2\n[grpc]\ntcp_address = {}\n[plugins.'io.containerd.snapshotter.v1.overlayfs']\nslow_chown = {}\n"
    )
    assert read(text.format('""', "false"))[1] == []
    _, remarks = read(text.format('"127.0.0.1:1"', "true"))
    assert keys(remarks) == ["grpc.tcp_address", 'plugins."io.containerd.snapshotter.v1.overlayfs".slow_chown']
    assert remarks[0].message == "Setting changes nothing: the API is served on its unix socket only"


def test_core_scheduling_becomes_the_environment_of_shims(read: Read) -> None:
    settings, remarks = read("version = 2\n[plugins.'io.containerd.runtime.v2.task']\nsched_core = true\n")
    assert (settings.shim_environment, remarks) == ({"SCHED_CORE": "1"}, [])
    migrated, remarks = read(text_of(settings, 3))
    assert (migrated.shim_environment, migrated.plugins.shim.env, remarks) == (
        {"SCHED_CORE": "1"},
        ("SCHED_CORE=1",),
        [],
    )
    assert read(text_of(migrated, 2))[0] == migrated


def test_cri_is_named_once(read: Read) -> None:
    _, remarks = read(
        "version = 3\n[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'overlayfs'\n"
        "[plugins.'io.containerd.cri.v1.runtime'.containerd]\ndefault_runtime_name = 'runc'\n"
        "[plugins.'io.containerd.grpc.v1.cri']\ndisable_tcp_service = true\n"
    )
    assert keys(remarks) == ['plugins."io.containerd.cri.v1.images"']
    assert "CRI" in remarks[0].message


def test_another_plugin_is_named_unless_it_asks_for_nothing(read: Read) -> None:
    text = "version = 2\n[plugins.'io.containerd.snapshotter.v1.{}']\nroot_path = '{}'\n"
    assert read(text.format("btrfs", ""))[1] == []
    assert keys(read(text.format("btrfs", "/x"))[1]) == ['plugins."io.containerd.snapshotter.v1.btrfs"']
    assert keys(read(text.format("overlays", ""))[1]) == ['plugins."io.containerd.snapshotter.v1.overlays"']


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 4\n", "version: expected a containerd config version equal to or less than 3, got 4"),
        ("version = '2'\n", "version: expected"),
        ("version = 2\n[grpc]\nuid = 'root'\n", "grpc.uid: expected a whole number, got 'root'"),
        ("version = 2\ndisabled_plugins = ['cri']\n", "disabled_plugins: expected names such as"),
        ("version = 2\nplugins = 3\n", "plugins: expected a table"),
        ("version = 2\n[timeouts]\n'io.containerd.timeout.task.state' = 'soon'\n", 'invalid duration "soon"'),
        ("version = 2\n[plugins.'io.containerd.gc.v1.scheduler']\npause_threshold = '1'\n", "expected a number"),
        ("version = \n", "line 1"),
    ],
)
def test_a_wrong_value_is_one_sentence(read: Read, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(text)
    assert words in caught.value.message
    assert f"{tmp_path}/config.toml" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_wrong_value_is_said_of_the_file_that_has_it(read: Read, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=rf"{tmp_path}/more\.toml: oom_score"):
        read('version = 2\nimports = ["more.toml"]\n', more="version = 2\noom_score = true\n")


def test_imports_are_found_from_their_file_and_by_patterns(read: Read, tmp_path: Path) -> None:
    settings, _ = read(
        f'version = 2\nimports = ["{tmp_path}/b*.toml", "./a.toml", "none-*.toml"]\n',
        a='version = 2\nroot = "/of-a"\nimports = ["config.toml"]\n',  # a circle
        b2='version = 2\nstate = "/of-b2"\n',
        b1='version = 2\nstate = "/of-b1"\n',
    )
    assert (settings.root, settings.state) == ("/of-a", "/of-b2")
    with pytest.raises(NotFound, match=r"gone\.toml: no such file"):
        read('version = 2\nimports = ["gone.toml"]\n')


def test_each_import_is_read_in_its_own_version(read: Read) -> None:
    settings, remarks = read('version = 3\nimports = ["old.toml"]\n', old="[plugins.restart]\ninterval = '3s'\n")
    assert settings.plugins.restart.interval.seconds == 3
    assert remarks == []


def test_an_import_changes_what_was_there_by_the_originals_rules() -> None:
    before = {
        "root": "/a",
        "oom_score": 1,
        "required_plugins": ["one"],
        "grpc": {"address": "/a.sock", "uid": 3},
        "timeouts": {"a": "1s"},
        "stream_processors": {"x": {"path": "p", "returns": "r"}, "y": {"path": "q"}},
        "plugins": {"io.p": {"list": ["a"], "on": True, "text": "t"}},
        "odd": 1,
    }
    merge(
        before,
        {
            "root": "",
            "oom_score": 0,
            "required_plugins": ["two", "one"],
            "grpc": {"address": "/b.sock", "uid": 0},
            "timeouts": {"b": "2s"},
            "stream_processors": {"x": {"path": "z"}},
            "plugins": {"io.p": {"list": ["b"], "on": False}},
            "odd": {"now": "a table"},
        },
    )
    assert before == {
        "root": "/a",
        "oom_score": 1,
        "required_plugins": ["one", "two"],
        "grpc": {"address": "/b.sock", "uid": 3},
        "timeouts": {"a": "1s", "b": "2s"},
        "stream_processors": {"x": {"path": "z"}, "y": {"path": "q"}},
        "plugins": {"io.p": {"list": ["b"], "on": False, "text": "t"}},
        "odd": {"now": "a table"},
    }


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_written_reads_as_it_was(read: Read, version: int) -> None:
    settings, _ = read(
        """version = 2
root = "/r\\u00e9\\U0001F600\\u007f"
disabled_plugins = ["io.containerd.internal.v1.restart"]
shim_template = false
[metrics]
  address = "127.0.0.1:1338"
[plugins."io.containerd.gc.v1.scheduler"]
  pause_threshold = 0.5
  schedule_delay = "1.5s"
[plugins."io.containerd.transfer.v1.local"]
  [[plugins."io.containerd.transfer.v1.local".unpack_config]]
    platform = "linux/amd64"
    snapshotter = "native"
"""
    )
    again, remarks = read(text_of(settings, version))
    assert again == settings
    assert remarks == []
    assert not again.shim_template
    assert tomllib.loads(text_of(settings, version))["version"] == version


def test_version_2_has_the_names_that_containerd_1_7_knows() -> None:
    plugins = tomllib.loads(text_of(Settings(), 2))["plugins"]
    assert "io.containerd.internal.v1.restart" in plugins
    assert "io.containerd.monitor.v1.cgroups" in plugins
    assert all(name.startswith("io.containerd.") and name.count(".") >= 3 for name in plugins)
    # To the original, an empty list is to unpack nothing.
    assert "unpack_config" not in plugins["io.containerd.transfer.v1.local"]


def test_tables_of_tables_become_toml() -> None:
    table = {"a": 1, "b": {"c.d": [{"e": "x"}, {"e": "y", "f": {}}]}, "g": []}
    assert tomllib.loads(toml_from_table(table)) == table
