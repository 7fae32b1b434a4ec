"""Our protobuf messages carry the same bytes as Google's library, and bytes that are no message are refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.contracts.containerd_api.generated import (
    cgroup1_metrics_pb2,
    cgroup2_metrics_pb2,
    event_types_pb2,
    runc_options_pb2,
    ttrpc_events_pb2,
    types_pb2,
)
from slipway.contracts.shim_api import events, messages, metrics, options
from slipway.wire.protobuf import DecodeError, Message, decode, double, encode, flag, message, sint, text, texts, uints
from slipway.wire.protobuf_known import (
    AnyMessage,
    Timestamp,
    nanoseconds_from_timestamp,
    timestamp_from_nanoseconds,
)

PAIRS = [
    (events.TaskCreate, event_types_pb2.TaskCreate),
    (events.TaskStart, event_types_pb2.TaskStart),
    (events.TaskDelete, event_types_pb2.TaskDelete),
    (events.TaskIO, event_types_pb2.TaskIO),
    (events.TaskExit, event_types_pb2.TaskExit),
    (events.TaskOOM, event_types_pb2.TaskOOM),
    (events.TaskExecAdded, event_types_pb2.TaskExecAdded),
    (events.TaskExecStarted, event_types_pb2.TaskExecStarted),
    (events.TaskPaused, event_types_pb2.TaskPaused),
    (events.TaskResumed, event_types_pb2.TaskResumed),
    (events.Envelope, types_pb2.Envelope),
    (events.ForwardRequest, ttrpc_events_pb2.ForwardRequest),
    (messages.Mount, types_pb2.Mount),
    (options.Options, runc_options_pb2.Options),
    (options.ProcessDetails, runc_options_pb2.ProcessDetails),
    (metrics.MetricsV1, cgroup1_metrics_pb2.Metrics),
    (metrics.MemoryEntryV1, cgroup1_metrics_pb2.MemoryEntry),
    (metrics.CpuUsageV1, cgroup1_metrics_pb2.CPUUsage),
    (metrics.MetricsV2, cgroup2_metrics_pb2.Metrics),
    (metrics.MemoryStatV2, cgroup2_metrics_pb2.MemoryStat),
    (metrics.IoEntryV2, cgroup2_metrics_pb2.IOEntry),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda kind: getattr(kind, "__name__", ""))
def test_tables_name_the_fields_of_the_proto_files(ours, theirs):
    known = {field.number: (field.name, field.is_repeated) for field in theirs.DESCRIPTOR.fields}
    for field in ours.FIELDS:
        assert known[field.number] == (field.name, field.repeated)


def test_bytes_are_those_of_googles_library():
    ours = events.TaskCreate(
        container_id="c1",
        rootfs=[messages.Mount(type="overlay", options=["lowerdir=/ä", "ro"])],
        io=events.TaskIO(stdout="/fifo", terminal=True),
        pid=70000,
    )
    theirs = event_types_pb2.TaskCreate(
        container_id="c1",
        rootfs=[types_pb2.Mount(type="overlay", options=["lowerdir=/ä", "ro"])],
        io=event_types_pb2.TaskIO(stdout="/fifo", terminal=True),
        pid=70000,
    )
    assert encode(ours) == theirs.SerializeToString()
    assert decode(events.TaskCreate, theirs.SerializeToString()) == ours


def test_packed_numbers_are_those_of_googles_library():
    theirs = cgroup1_metrics_pb2.CPUUsage(total=1, per_cpu=[0, 1, 1 << 63]).SerializeToString()
    ours = metrics.CpuUsageV1(total=1, per_cpu=[0, 1, 1 << 63])
    assert encode(ours) == theirs
    assert decode(metrics.CpuUsageV1, theirs) == ours


class Everything(Message):
    name = text(1)
    number = sint(2)
    switch = flag(3)
    ratio = double(4)
    names = texts(5)
    numbers = uints(6)
    time = message(7, Timestamp)


@given(
    st.text(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.booleans(),
    st.floats(allow_nan=False),
    st.lists(st.text(), min_size=1),
    st.lists(st.integers(0, (1 << 64) - 1), min_size=1),
)
def test_what_is_encoded_is_decoded(name, number, switch, ratio, names, numbers):
    value = Everything(
        name=name, number=number, switch=switch, ratio=ratio, names=names, numbers=numbers, time=Timestamp(nanos=1)
    )
    assert decode(Everything, encode(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_decode_error(data):
    with suppress(DecodeError):
        decode(Everything, data)


@pytest.mark.parametrize(
    "data",
    [b"\x0a", b"\x0a\x05ab", b"\x0a\x01\xff", b"\x02\x01a", b"\x0b", b"\x08\x01", b"\x10" + b"\xff" * 11, b"\x21\0"],
    ids=["no length", "too short", "not UTF-8", "field 0", "group", "wrong type", "endless number", "short double"],
)
def test_malformed_bytes_are_refused(data):
    with pytest.raises(DecodeError):
        decode(Everything, data)


def test_messages_nested_without_end_are_refused():
    data = b"\x08\x01"
    for _ in range(40):
        data = encode(AnyMessage(value=data))
    assert decode(AnyMessage, data).value  # a blob is not decoded

    class Nest(Message):
        pass

    Nest.BY_NUMBER = {2: type(AnyMessage.BY_NUMBER[2])(2, "message", None, of=Nest)}
    Nest.BY_NUMBER[2].name = "inner"
    with pytest.raises(DecodeError, match="deeper"):
        decode(Nest, data)


def test_unknown_fields_are_skipped():
    assert decode(Timestamp, encode(Timestamp(seconds=5)) + b"\xfa\x01\x01x\x31" + bytes(8) + b"\x35" + bytes(4)) == (
        Timestamp(seconds=5)
    )


def test_an_unknown_field_name_is_a_bug():
    with pytest.raises(TypeError, match="no field"):
        Timestamp(second=1)


def test_unset_fields_read_as_their_defaults_and_are_not_sent():
    assert (messages.StateResponse().id, messages.StateResponse().exited_at) == ("", None)
    assert encode(messages.StateResponse(id="", pid=0, terminal=False)) == b""
    assert encode(events.ForwardRequest(envelope=events.Envelope())) == b"\x0a\x00"


def test_repr_shows_what_is_set():
    assert repr(Timestamp(seconds=1)) == "Timestamp(seconds=1)"


@pytest.mark.parametrize("nanoseconds", [0, 1, 1_700_000_000_123_456_789])
def test_timestamps(nanoseconds):
    assert nanoseconds_from_timestamp(timestamp_from_nanoseconds(nanoseconds)) == nanoseconds


def test_gos_zero_time_is_no_time():
    assert nanoseconds_from_timestamp(Timestamp(seconds=-62135596800)) == 0
    assert nanoseconds_from_timestamp(None) == 0
