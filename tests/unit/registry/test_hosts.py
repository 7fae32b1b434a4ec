"""Which hosts are asked for a registry's domain, by containerd's hosts.toml and by Docker's folders of certificates."""

import os
from pathlib import Path
from typing import Any

import pytest

from slipway.base.errors import InvalidArgument, Unavailable
from slipway.clients.registry.hosts import default_host, folder_names, hosts_of_domain, is_loopback
from slipway.clients.registry.hosts_file import hosts_from_table
from slipway.clients.registry.model import Host

FOLDER = "/etc/hosts.d/registry.example"


def hosts(table: dict[str, Any], domain: str = "registry.example", scheme: str = "") -> list[Host]:
    return hosts_from_table(table, default_host(domain, scheme), domain, FOLDER)


def write(root: Path, name: str, text: str, file: str = "hosts.toml") -> None:
    (root / name).mkdir(exist_ok=True)
    (root / name / file).write_text(text)


def test_docker_io_is_served_by_its_registry_host_over_https_only() -> None:
    assert default_host("docker.io") == Host(base="https://registry-1.docker.io/v2")


@pytest.mark.parametrize("domain", ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])
def test_loopback_may_speak_plain_http(domain: str) -> None:
    assert is_loopback(domain)
    assert default_host(domain).may_be_plain
    assert not default_host(domain).verify


def test_a_port_can_say_which_scheme_is_meant() -> None:
    assert default_host("localhost:80") == Host(base="http://localhost:80/v2")
    assert not default_host("localhost:443").may_be_plain


@pytest.mark.parametrize("domain", ["example.com", "localhost.example.com", "10.0.0.1:5000", "[fe80::1]"])
def test_nobody_else_may(domain: str) -> None:
    assert not is_loopback(domain)
    assert default_host(domain) == Host(base=f"https://{domain}/v2")


def test_a_scheme_that_was_asked_for_is_the_only_one() -> None:
    assert default_host("example.com:5000", "http") == Host(base="http://example.com:5000/v2")


def test_mirrors_come_first_in_the_order_of_the_file_and_the_registry_last(tmp_path: Path) -> None:
    text = """
        [host."https://z.example".header]
        x-a = ["1", "2"]
        [host."http://m.example:5000"]
        capabilities = ["pull"]
        [host."https://a.example"]
    """
    write(tmp_path, "registry.example", text)
    found = hosts_of_domain("registry.example", roots=[str(tmp_path)])
    assert [(host.base, host.resolves, host.stands_for) for host in found] == [
        ("https://z.example/v2", True, "registry.example"),
        ("http://m.example:5000/v2", False, "registry.example"),
        ("https://a.example/v2", True, "registry.example"),
        ("https://registry.example/v2", True, ""),
    ]
    assert found[0].headers == {"x-a": "1, 2"}


def test_only_what_is_not_the_registry_is_told_for_whom_it_stands() -> None:
    table = {"server": "https://registry-1.docker.io", "host": {"https://docker.io": {}, "https://m.example": {}}}
    assert [host.stands_for for host in hosts(table, "docker.io")] == ["", "docker.io", ""]


@pytest.mark.parametrize(
    ("url", "override", "base"),
    [
        ("https://m.example", False, "https://m.example/v2"),
        ("https://m.example/", False, "https://m.example/v2"),
        ("https://m.example/v2", False, "https://m.example/v2"),
        ("https://m.example/v2/", False, "https://m.example/v2"),
        ("https://m.example/a/b", False, "https://m.example/a/b/v2"),
        ("https://m.example/a//../b", False, "https://m.example/b/v2"),
        ("https://m.example/v2/cache", True, "https://m.example/v2/cache"),
        ("https://m.example", True, "https://m.example"),
        ("m.example:5000", False, "https://m.example:5000/v2"),
        ("http://[fd00::1]:5000", False, "http://[fd00::1]:5000/v2"),
    ],
)
def test_the_path_of_a_host_ends_with_v2_unless_overridden(url: str, override: bool, base: str) -> None:
    assert hosts({"host": {url: {"override_path": override}}})[0].base == base


def test_capabilities_say_what_a_host_is_asked() -> None:
    (mirror, _) = hosts({"host": {"https://m.example": {"capabilities": ["Pull", "resolve", "referrers"]}}})
    assert (mirror.pulls, mirror.resolves, mirror.pushes) == (True, True, False)
    (mirror, _) = hosts({"host": {"https://m.example": {"capabilities": ["push"]}}})
    assert (mirror.pulls, mirror.resolves, mirror.pushes) == (False, False, True)
    (mirror, _) = hosts({"host": {"https://m.example": {"capabilities": []}}})
    assert (mirror.pulls, mirror.resolves, mirror.pushes) == (True, True, True)


def test_certificates_are_files_beside_the_file_or_anywhere() -> None:
    table = {"ca": ["a.pem", "/b.pem"], "client": [["c.cert", "c.key"], ["d.pem", ""], "e.pem"]}
    (host,) = hosts(table)
    assert host.authorities == (f"{FOLDER}/a.pem", "/b.pem")
    assert host.identities == (
        (f"{FOLDER}/c.cert", f"{FOLDER}/c.key"),
        (f"{FOLDER}/d.pem", ""),
        (f"{FOLDER}/e.pem", ""),
    )
    (host,) = hosts({"ca": "a.pem", "client": "b.pem"})
    assert (host.authorities, host.identities) == ((f"{FOLDER}/a.pem",), ((f"{FOLDER}/b.pem", ""),))


def test_what_stands_outside_of_hosts_is_for_the_registry_itself() -> None:
    table = {"skip_verify": True, "header": {"x-a": "1"}, "dial_timeout": "1m30s", "capabilities": ["push"]}
    (host,) = hosts(table)
    assert host == Host(base="https://registry.example/v2", verify=False, headers={"x-a": "1"}, dial_seconds=90.0)
    (host,) = hosts({"server": "https://elsewhere.example", **table})
    assert (host.base, host.pulls, host.stands_for) == ("https://elsewhere.example/v2", False, "registry.example")


@pytest.mark.parametrize("table", [{"skip_verify": True}, {"skip_verify": False}, {"ca": "a.pem"}, {"client": "b.pem"}])
def test_a_host_in_clear_that_is_told_of_tls_is_asked_by_tls_first(table: dict[str, Any]) -> None:
    (host, _) = hosts({"host": {"http://m.example:5000": table}})
    assert (host.base, host.may_be_plain) == ("https://m.example:5000/v2", True)
    (host, _) = hosts({"host": {"http://m.example:80": table}})
    assert (host.base, host.may_be_plain) == ("http://m.example:80/v2", False)
    (host,) = hosts(table, scheme="http")
    assert (host.base, host.may_be_plain) == ("https://registry.example/v2", True)


def test_loopback_stays_unverified_unless_the_file_says_otherwise() -> None:
    assert not hosts({"ca": "a.pem"}, "localhost:5000")[0].verify
    assert hosts({"skip_verify": False}, "localhost:5000")[0].verify


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[host", "at end of document"),
        ("host = 1", "host: expected a table"),
        ('[host]\n"https://m" = 1', r'host\."https://m": expected a table'),
        ('server = ["https://m"]', "server: expected text"),
        ('server = "ftp://m"', "server: 'ftp://m' is not a URL"),
        ('server = "https://m:x"', "server: 'https://m:x' is not a URL"),
        ('server = "https://[::1"', "is not a URL"),
        ('server = "https:///v2"', "is not a URL"),
        ('server = "https://me:secret@m"', "server: a user name or password may not"),
        ('[host."https://a b"]', "is not a URL"),
        ('capabilities = "pull"', "capabilities: expected text or a list"),
        ('[host."https://m"]\ncapabilities = ["fetch"]', r'host\."https://m": capabilities: unknown capability'),
        ('[host."https://me:secret@m"]', r'host\."https://m": a user name or password may not'),
        ('skip_verify = "no"', "skip_verify: expected true or false"),
        ("override_path = 1", "override_path: expected true or false"),
        ("ca = 1", "ca: expected text"),
        ("ca = [1]", "ca: expected text"),
        ('client = [["a", "b", "c"]]', "client: expected a file"),
        ("client = true", "client: expected a file"),
        ("header = 1", "header: expected a table"),
        ('[header]\nx-a = 1', r"header\.x-a: expected text"),
        ('[header]\n"x a" = "1"', r"header\.x a: not a header"),
        ('[header]\nx-a = "1\\r\\nx-b: 2"', r"header\.x-a: not a header"),
        ('dial_timeout = "1 second"', "dial_timeout: time: unknown unit"),
        ("dial_timeout = 1", "dial_timeout: expected text"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_sentence_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    write(tmp_path, "r.example", text)
    with pytest.raises(InvalidArgument, match=key) as refused:
        hosts_of_domain("r.example", roots=[str(tmp_path)])
    assert refused.value.message.startswith(f"read {tmp_path}/r.example/hosts.toml: ")
    assert "secret" not in refused.value.message
    assert "\n" not in refused.value.message


def test_unknown_keys_are_for_other_engines(tmp_path: Path) -> None:
    write(tmp_path, "r.example", 'later = 1\n[host."https://m.example"]\nlater = true')
    assert len(hosts_of_domain("r.example", roots=[str(tmp_path)])) == 2


def test_folders_of_a_domain_are_tried_in_order(tmp_path: Path) -> None:
    assert folder_names("r.example:5000") == ("r.example_5000_", "r.example:5000", "_default")
    assert folder_names("r.example") == ("r.example", "_default")
    for at, name in enumerate(reversed(folder_names("r.example:5000"))):
        write(tmp_path, name, f'server = "https://{at}.example"')
        found = hosts_of_domain("r.example:5000", roots=[str(tmp_path)])
        assert [host.base for host in found] == [f"https://{at}.example/v2"]


def test_of_several_roots_the_first_that_knows_the_domain_counts(tmp_path: Path) -> None:
    roots = [str(tmp_path / name) for name in ("none", "first", "second")]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "r.example", f'server = "https://{name}.example"')
    assert hosts_of_domain("r.example", roots=roots)[0].base == "https://first.example/v2"
    assert hosts_of_domain("other.example", roots=roots) == [Host(base="https://other.example/v2")]


@pytest.mark.parametrize("has_empty_file", [False, True])
def test_without_a_file_docker_s_certificates_hold(tmp_path: Path, has_empty_file: bool) -> None:
    for name in ("b.crt", "a.crt", "one.cert", "one.key", "two.cert", "three.key", "notes"):
        write(tmp_path, "r.example:5000", "x", name)
    if has_empty_file:
        write(tmp_path, "r.example:5000", "")
    (host,) = hosts_of_domain("r.example:5000", roots=[str(tmp_path)])
    folder = f"{tmp_path}/r.example:5000"
    assert host.authorities == (f"{folder}/a.crt", f"{folder}/b.crt")
    assert host.identities == ((f"{folder}/one.cert", f"{folder}/one.key"), (f"{folder}/two.cert", ""))
    assert host.base == "https://r.example:5000/v2"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.example" / "hosts.toml").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"r\.example/hosts\.toml: "):
        hosts_of_domain("r.example", roots=[str(tmp_path)])
    os.symlink("itself", tmp_path / "itself")
    with pytest.raises(Unavailable, match="itself: "):
        hosts_of_domain("itself", roots=[str(tmp_path)])


def test_without_a_folder_the_default_holds(tmp_path: Path) -> None:
    assert hosts_of_domain("r.example", roots=[str(tmp_path)]) == [default_host("r.example")]
