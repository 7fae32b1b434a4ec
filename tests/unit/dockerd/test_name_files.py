"""hosts and resolv.conf of containers."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.dockerd.containers.name_files import NameRequest, check_extra_host, hosts_text, link_line, resolv_conf_text

HOST = """# x
nameserver 127.0.0.53
nameserver ::1
nameserver fe80::1%eth0
nameserver 10.0.0.53
search a b
options ndots:2
"""


def lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def test_hosts_name_the_container_last() -> None:
    request = NameRequest(
        hostname="web",
        domainname="ex.org",
        address="172.17.0.2",
        gateway="172.17.0.1",
        extra_hosts=("foo:1.2.3.4", "gw:host-gateway", "six:[::2]"),
        links=[link_line("172.17.0.9", ("db", "abc", "db"))],
    )
    assert lines(hosts_text(request))[6:] == [
        "1.2.3.4\tfoo",
        "172.17.0.1\tgw",
        "::2\tsix",
        "172.17.0.9\tdb abc",
        "172.17.0.2\tweb.ex.org web",
    ]
    assert lines(hosts_text(request))[0] == "127.0.0.1\tlocalhost"


def test_hosts_on_the_hosts_network_are_the_hosts() -> None:
    request = NameRequest(hostname="web", extra_hosts=("a:1.1.1.1",), shares_host=True)
    assert lines(hosts_text(request, "127.0.0.1 localhost\n10.0.0.1 me\n")) == [
        "127.0.0.1 localhost",
        "10.0.0.1 me",
        "1.1.1.1\ta",
    ]


def test_only_name_servers_that_a_container_can_reach_are_kept() -> None:
    assert lines(resolv_conf_text(NameRequest(hostname="x"), HOST)) == [
        "nameserver 10.0.0.53",
        "search a b",
        "options ndots:2",
    ]
    assert lines(resolv_conf_text(NameRequest(hostname="x"), "nameserver 127.0.0.1\n")) == [
        "nameserver 8.8.8.8",
        "nameserver 8.8.4.4",
    ]
    assert "nameserver 127.0.0.53" in resolv_conf_text(NameRequest(hostname="x", shares_host=True), HOST)


def test_each_part_can_be_overridden() -> None:
    request = NameRequest(hostname="x", dns=("9.9.9.9", "127.0.0.1"), dns_search=(".",), dns_options=("debug",))
    assert lines(resolv_conf_text(request, HOST)) == ["nameserver 9.9.9.9", "nameserver 127.0.0.1", "options debug"]


@pytest.mark.parametrize(
    "text", ["foo", ":1.2.3.4", "foo:nonsense", "foo:1.2.3.4\n5.6.7.8 bar", "a\n6.6.6.6 b:1.2.3.4"]
)
def test_malformed_extra_hosts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        check_extra_host(text)


def test_malformed_name_servers_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="bad nameserver address nonsense"):
        resolv_conf_text(NameRequest(hostname="x", dns=("nonsense",)), HOST)
