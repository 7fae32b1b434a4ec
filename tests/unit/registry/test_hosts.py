"""Which hosts are asked for a registry's domain."""

from pathlib import Path

import pytest

from slipway.base.errors import InvalidArgument
from slipway.clients.registry.hosts import default_hosts, hosts_from_table, hosts_of_domain, is_loopback


def test_docker_io_is_served_by_its_registry_host_over_https_only() -> None:
    assert [host.base for host in default_hosts("docker.io")] == ["https://registry-1.docker.io/v2"]


@pytest.mark.parametrize("domain", ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])
def test_loopback_may_speak_plain_http(domain: str) -> None:
    assert is_loopback(domain)
    assert any(host.base.startswith("http://") for host in default_hosts(domain))


@pytest.mark.parametrize("domain", ["example.com", "localhost.example.com", "10.0.0.1:5000", "[fe80::1]"])
def test_nobody_else_may(domain: str) -> None:
    assert not is_loopback(domain)
    assert all(host.base.startswith("https://") and host.verify for host in default_hosts(domain))


def test_mirrors_come_first_and_the_registry_last() -> None:
    table = {"server": "https://registry.example", "host": {"http://mirror:5000": {"capabilities": ["pull"]}}}
    hosts = hosts_from_table(table, "registry.example", "", "/etc/hosts.d")
    assert [(host.base, host.resolves) for host in hosts] == [
        ("http://mirror:5000/v2", False),
        ("https://registry.example/v2", True),
    ]


def test_a_host_that_names_no_capabilities_has_all() -> None:
    table = {"host": {"http://mirror:5000": {"capabilities": ["pull", "resolve"]}, "http://other:5000": {}}}
    hosts = hosts_from_table(table, "registry.example", "", "/etc/hosts.d")
    assert [(host.resolves, host.pushes) for host in hosts] == [(True, False), (True, True), (True, True)]


def test_override_path_keeps_the_path_as_it_is() -> None:
    table = {"host": {"https://mirror/v2/cache": {"override_path": True}}}
    assert hosts_from_table(table, "docker.io", "", "/x")[0].base == "https://mirror/v2/cache"


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.example").mkdir()
    (tmp_path / "r.example" / "hosts.toml").write_text("[host")
    with pytest.raises(InvalidArgument, match=r"hosts\.toml"):
        hosts_of_domain("r.example", host_dir=str(tmp_path))


def test_without_a_file_the_default_holds(tmp_path: Path) -> None:
    assert hosts_of_domain("r.example", host_dir=str(tmp_path)) == default_hosts("r.example")
