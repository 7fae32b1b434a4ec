"""ttrpc as bytes: calls and replies find each other, and what is wrong is answered or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.wire import ttrpc


def test_a_call_and_its_reply():
    client, server = ttrpc.ClientConnection(), ttrpc.ServerConnection()
    stream, frame = client.call("service", "Method", b"payload", timeout=1.5)
    [call], refusals = server.receive(frame)
    assert (call.stream, call.service, call.method, call.payload, call.timeout) == (
        stream,
        "service",
        "Method",
        b"payload",
        1.5,
    )
    assert refusals == b""
    [reply] = client.receive(ttrpc.encode_reply(call.stream, b"answer"))
    assert (reply.stream, reply.code, reply.payload) == (stream, 0, b"answer")


def test_a_failure_arrives_with_code_and_message():
    client = ttrpc.ClientConnection()
    stream, _ = client.call("s", "M", b"")
    [reply] = client.receive(ttrpc.encode_failure(stream, 5, "container not created"))
    assert (reply.code, reply.message) == (5, "container not created")


def test_a_frame_is_laid_out_as_the_protocol_says():
    _, frame = ttrpc.ClientConnection().call("s", "M", b"")
    assert frame == b"\0\0\0\x06" + b"\0\0\0\x01" + b"\x01" + b"\0" + b"\x0a\x01s\x12\x01M"


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(1, 20))
def test_frames_arrive_whole_however_the_bytes_are_cut(payloads, size):
    client, server = ttrpc.ClientConnection(), ttrpc.ServerConnection()
    data = b"".join(client.call("s", "M", payload)[1] for payload in payloads)
    calls = []
    for start in range(0, len(data), size):
        calls += server.receive(data[start : start + size])[0]
    assert [call.payload for call in calls] == payloads
    assert [call.stream for call in calls] == [1 + 2 * n for n in range(len(payloads))]


def test_a_message_that_is_too_long_is_refused_and_skipped():
    client, server = ttrpc.ClientConnection(), ttrpc.ServerConnection()
    too_long = ttrpc.LARGEST_MESSAGE + 1
    calls, refusals = server.receive(ttrpc.HEADER.pack(too_long, 1, ttrpc.REQUEST, 0) + bytes(100))
    client.call("s", "M", b"")
    [reply] = client.receive(refusals)
    assert (calls, reply.code) == ([], ttrpc.RESOURCE_EXHAUSTED)
    _, next_frame = client.call("s", "Next", b"")
    assert server.receive(bytes(too_long - 100 - 7))[0] == []
    [call], _ = server.receive(bytes(7) + next_frame)
    assert call.method == "Next"


def test_our_own_messages_that_are_too_long_are_not_sent():
    with pytest.raises(ttrpc.ProtocolError, match="longer"):
        ttrpc.ClientConnection().call("s", "M", bytes(ttrpc.LARGEST_MESSAGE))
    client = ttrpc.ClientConnection()
    client.call("s", "M", b"")
    [reply] = client.receive(ttrpc.encode_reply(1, bytes(ttrpc.LARGEST_MESSAGE)))
    assert reply.code == ttrpc.RESOURCE_EXHAUSTED


def test_a_request_that_is_no_message_is_answered():
    client, server = ttrpc.ClientConnection(), ttrpc.ServerConnection()
    client.call("s", "M", b"")
    calls, refusals = server.receive(ttrpc.HEADER.pack(1, 1, ttrpc.REQUEST, 0) + b"\x0a")
    [reply] = client.receive(refusals)
    assert (calls, reply.code) == ([], ttrpc.INVALID_ARGUMENT)


def test_streaming_is_refused_and_its_data_ignored():
    client, server = ttrpc.ClientConnection(), ttrpc.ServerConnection()
    _, frame = client.call("s", "M", b"")
    calls, refusals = server.receive(frame[:9] + bytes([ttrpc.REMOTE_OPEN]) + frame[10:])
    [reply] = client.receive(refusals)
    assert (calls, reply.code) == ([], ttrpc.UNIMPLEMENTED)
    assert server.receive(ttrpc.HEADER.pack(0, 1, ttrpc.DATA, ttrpc.REMOTE_CLOSED)) == ([], b"")


@pytest.mark.parametrize(
    "frames",
    [[(2, ttrpc.REQUEST)], [(1, ttrpc.RESPONSE)], [(3, ttrpc.REQUEST), (1, ttrpc.REQUEST)], [(1, 9)]],
    ids=["even stream", "response to a server", "stream going back", "unknown type"],
)
def test_a_peer_that_is_no_client_is_given_up(frames):
    data = b"".join(ttrpc.HEADER.pack(0, stream, kind, 0) for stream, kind in frames)
    with pytest.raises(ttrpc.ProtocolError):
        ttrpc.ServerConnection().receive(data)


def test_a_peer_that_is_no_server_is_given_up():
    with pytest.raises(ttrpc.ProtocolError):
        ttrpc.ClientConnection().receive(ttrpc.HEADER.pack(0, 1, ttrpc.REQUEST, 0))
    with pytest.raises(ttrpc.ProtocolError):
        ttrpc.ClientConnection().receive(ttrpc.HEADER.pack(1, 1, ttrpc.RESPONSE, 0) + b"\x0a")


def test_an_oversized_reply_fails_its_call_only():
    [reply] = ttrpc.ClientConnection().receive(ttrpc.HEADER.pack(ttrpc.LARGEST_MESSAGE + 1, 1, ttrpc.RESPONSE, 0))
    assert reply.code == ttrpc.RESOURCE_EXHAUSTED


def test_metadata_arrives():
    request = ttrpc.Request(
        service="s", method="M", metadata=[ttrpc.KeyValue(key="containerd-namespace-ttrpc", value="moby")]
    )
    data = ttrpc.encode(request)
    [call], _ = ttrpc.ServerConnection().receive(ttrpc.HEADER.pack(len(data), 1, ttrpc.REQUEST, 0) + data)
    assert call.metadata == {"containerd-namespace-ttrpc": "moby"}
