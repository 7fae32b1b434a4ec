"""What a client may make the HTTP parser hold, and what a request may ask of the host's devices and addresses."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.contracts.engine_api.container_config import ContainerConfig
from slipway.contracts.engine_api.host_config import DeviceMapping, HostConfig
from slipway.contracts.engine_api.networks import EndpointIpamConfig, EndpointSettings
from slipway.dockerd.containers.request.network_validation import check_endpoint, check_networks
from slipway.dockerd.containers.request.validation import check_config, check_host_config
from slipway.transport.aio.http_parser import SILENCE_LIMIT, ParserEvents, RequestParser

STARTS = {
    "a request line": b"GET /",
    "a header": b"GET / HTTP/1.1\r\nA: ",
    "a trailer": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ",
    "a chunk's extension": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
}
KILOBYTES_64 = b"a" * (64 * 1024)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_a_line_without_end_is_refused_before_it_fills_the_memory(start: bytes) -> None:
    parser = RequestParser(ParserEvents(request=lambda _: None, body_full=lambda: None, body_drained=lambda: None))
    parser.feed(start)
    with pytest.raises(InvalidArgument):
        _feed_much(parser)


def test_a_long_body_is_no_line_without_end() -> None:
    parser = RequestParser(ParserEvents(request=lambda _: None, body_full=lambda: None, body_drained=lambda: None))
    parser.feed(b"POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n")
    _feed_much(parser)


def _feed_much(parser: RequestParser) -> None:
    for _ in range(2 * SILENCE_LIMIT // len(KILOBYTES_64)):
        parser.feed(KILOBYTES_64)


@pytest.mark.parametrize(
    "text", ["x", "..", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02-42:ac:11:00:02", "٠٢:42:ac:11:00:02"]
)
def test_a_malformed_mac_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="MAC"):
        check_networks(ContainerConfig(mac_address=text), HostConfig(), {})
    with pytest.raises(InvalidArgument, match="MAC"):
        check_networks(ContainerConfig(), HostConfig(), {"bridge": EndpointSettings(mac_address=text)})


@pytest.mark.parametrize("text", ["x", "1.2.3", "1.2.3.4/8", "::1", "١.2.3.4"])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="address"):
        check_endpoint(EndpointSettings(ipam_config=EndpointIpamConfig(ipv4_address=text)), "bridge")


@pytest.mark.parametrize("path", ["", ".", "..", "dev/null", "/dev/a\0b"])
def test_a_device_is_an_absolute_path(path: str) -> None:
    """A relative one was looked up from the daemon's own folder: for "" all devices of the host were gathered."""
    device = DeviceMapping(path_on_host=path, path_in_container="/dev/x", cgroup_permissions="rwm")
    with pytest.raises(InvalidArgument):
        check_host_config(HostConfig(devices=(device,)), (), (0,))


def test_a_domain_name_adds_no_line_to_the_hosts_file() -> None:
    with pytest.raises(InvalidArgument):
        check_config(ContainerConfig(domainname="a\n6.6.6.6 evil"))


@pytest.mark.parametrize(
    "host_config",
    [
        HostConfig(network_mode="container:"),
        HostConfig(network_mode="container:x", dns=("1.1.1.1",)),
        HostConfig(network_mode="container:x", publish_all_ports=True),
        HostConfig(network_mode="host", links=("a:b",)),
        HostConfig(dns=("1.1.1.1\nnameserver 6.6.6.6",)),
        HostConfig(dns_search=("a\nnameserver 6.6.6.6",)),
        HostConfig(dns_options=("a\nnameserver 6.6.6.6",)),
        HostConfig(extra_hosts=("a\n6.6.6.6 b:1.2.3.4",)),
        HostConfig(links=("a:b:c",)),
    ],
)
def test_names_that_would_become_lines_are_refused_at_creation(host_config: HostConfig) -> None:
    with pytest.raises(InvalidArgument):
        check_networks(ContainerConfig(), host_config, {})
