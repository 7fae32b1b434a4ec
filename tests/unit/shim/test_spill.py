"""The spill keeps bytes in order within its bound, on disk or off it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.shim.stdio.spill import MEMORY, Spill

LIMIT = 4 * MEMORY


def drained(spill, size=MEMORY):
    parts = []
    while part := spill.peek(size):
        parts.append(part)
        spill.drop(len(part))
    return b"".join(parts)


@given(st.lists(st.tuples(st.integers(0, MEMORY), st.integers(0, MEMORY)), max_size=40))
def test_bytes_come_out_as_they_went_in(tmp_path_factory, steps):
    spill = Spill(str(tmp_path_factory.getbasetemp()), LIMIT)
    expected, taken, count = bytearray(), bytearray(), 0
    for put, take in steps:
        if put and not spill.full:
            data = os.urandom(put)
            expected += data
            spill.append(data)
        if take:
            part = spill.peek(take)
            taken += part
            spill.drop(len(part))
            count += 1
    assert spill.pending == len(expected) - len(taken)
    assert bytes(taken) + drained(spill) == bytes(expected)
    spill.close()


def test_a_little_stays_in_memory(tmp_path):
    spill = Spill("/nonexistent")
    spill.append(b"x" * MEMORY)
    assert drained(spill) == b"x" * MEMORY


def test_it_is_full_at_its_bound_and_not_before(tmp_path):
    spill = Spill(str(tmp_path), LIMIT)
    appended = 0
    while not spill.full:
        spill.append(b"y" * MEMORY)
        appended += MEMORY
    assert LIMIT <= appended <= LIMIT + MEMORY
    spill.drop(len(spill.peek(MEMORY)))
    spill.drop(len(spill.peek(MEMORY)))
    assert not spill.full
    spill.close()


def test_a_disk_that_takes_nothing_stops_the_stream_without_loss():
    spill = Spill("/proc", LIMIT)
    spill.append(b"a" * MEMORY)
    assert not spill.full
    spill.append(b"b" * 10)
    assert spill.full
    assert drained(spill) == b"a" * MEMORY + b"b" * 10
    assert not spill.full


@pytest.mark.parametrize("close_early", [True, False])
def test_no_file_is_left(tmp_path, close_early):
    spill = Spill(str(tmp_path), LIMIT)
    spill.append(b"z" * MEMORY)
    spill.append(b"z" * MEMORY)
    assert os.listdir(tmp_path) == []
    before = len(os.listdir("/proc/self/fd"))
    if not close_early:
        drained(spill)
        assert len(os.listdir("/proc/self/fd")) == before - 1
    spill.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1


def test_what_a_full_disk_did_not_take_goes_there_later(tmp_path, monkeypatch):
    spill = Spill(str(tmp_path), LIMIT)
    block = bytes(range(256)) * 256
    spill.append(block)

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.pwrite", full)
        spill.append(block[::-1])
        assert (spill.full, spill.is_stuck) == (True, True)
        assert not spill.retry()
    assert spill.retry()
    assert (spill.full, spill.is_stuck) == (False, False)
    taken = b""
    while spill.pending:
        part = spill.peek(MEMORY)
        taken += part
        spill.drop(len(part))
    assert taken == block + block[::-1]
