"""Frames arrive whole or not at all, whatever the socket does to their bytes."""

from __future__ import annotations

import random
import socket
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors._errors import FramingError
from dspex_actors.values import decode, encode
from dspex_actors.workers import _memory
from dspex_actors.workers._framing import Frame, FrameReader, pack_parts, send_frame, split_parts

CAPS = {1: 2**24, 2: 10, 3: 0}


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def header(length, kind=1, nonce=7):
    return struct.pack("<IBQ", length, kind, nonce)


class Dribble:
    """A socket that gives its bytes in pieces of chosen sizes, then ends."""

    def __init__(self, data, sizes):
        self._data = memoryview(data)
        self._sizes = iter(sizes)
        self.calls = 0

    def recv_into(self, buffer):
        self.calls += 1
        count = min(next(self._sizes, len(self._data)), len(self._data), len(buffer))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


def read_all(data, sizes=(), **options):
    reader = FrameReader(Dribble(data, sizes), CAPS, **options)
    frames = []
    while (frame := reader.read()) is not None:
        frames.append(Frame(frame.type, frame.nonce, bytes(frame.payload)))
    return frames


def test_a_frame_arrives_with_its_type_nonce_and_payload(pair):
    send_frame(pair[0], 1, 2**64 - 1, [b"ab", bytearray(b"cd"), memoryview(b"ef"), b""])

    assert FrameReader(pair[1], CAPS).read() == Frame(1, 2**64 - 1, b"abcdef")


def test_an_empty_payload_is_a_frame(pair):
    send_frame(pair[0], 3, 0)

    assert FrameReader(pair[1], CAPS).read() == (3, 0, b"")


def test_the_header_is_little_endian_length_type_nonce(pair):
    send_frame(pair[0], 2, 258, [b"xy"])

    assert pair[1].recv(100) == b"\x02\x00\x00\x00\x02\x02\x01\x00\x00\x00\x00\x00\x00xy"


def test_a_small_frame_costs_one_system_call():
    sock = Dribble(header(3) + b"abc", ())

    FrameReader(sock, CAPS).read()

    assert sock.calls == 1


def test_frames_that_arrive_together_are_read_one_by_one():
    data = header(1) + b"a" + header(0, 3, 9) + header(2, 2) + b"bc"

    assert read_all(data) == [(1, 7, b"a"), (3, 9, b""), (2, 7, b"bc")]


def test_the_end_between_two_frames_is_none_again_and_again(pair):
    send_frame(pair[0], 1, 1, [b"x"])
    pair[0].close()
    reader = FrameReader(pair[1], CAPS)

    assert [reader.read(), reader.read(), reader.read()] == [(1, 1, b"x"), None, None]


@pytest.mark.parametrize("payload", [b"small", b"large" * 50])
def test_a_stream_cut_at_any_byte_of_a_frame_is_a_framing_error(payload):
    whole = header(1) + b"a" + header(len(payload)) + payload

    for end in range(15, len(whole)):
        reader = FrameReader(Dribble(whole[:end], ()), CAPS, buffer_size=64)
        assert reader.read() == (1, 7, b"a")
        with pytest.raises(FramingError, match="connection ended after"):
            reader.read()


@given(
    st.lists(st.integers(0, 400), max_size=8),
    st.lists(st.integers(1, 90), max_size=60),
    st.integers(1, 200),
)
@settings(max_examples=200, deadline=None)
def test_frames_arrive_whole_however_the_stream_is_cut_into_pieces(lengths, pieces, buffer_size):
    frames = [
        Frame(1, nonce, bytes(n % 251 for n in range(nonce, nonce + length)))
        for nonce, length in enumerate(lengths)
    ]
    data = b"".join(header(len(frame.payload), 1, frame.nonce) + frame.payload for frame in frames)

    assert read_all(data, pieces, buffer_size=buffer_size) == frames


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (header(11, 2), "type 2 with 11 bytes, its cap is 10"),
        (header(1, 3), "its cap is 0"),
        (header(2**24 + 1), "its cap is 16777216"),
        (header(2**32 - 1), "4294967295 bytes"),
        (header(0, 4), "unknown type 4"),
        (header(2**32 - 1, 255), "unknown type 255"),
    ],
)
def test_a_header_beyond_its_cap_is_refused_before_memory_is_taken(data, reason, monkeypatch):
    reader = FrameReader(Dribble(data, ()), CAPS)
    monkeypatch.setattr(_memory, "new_block", lambda _size: pytest.fail("memory was taken"))

    with pytest.raises(FramingError, match=reason):
        reader.read()


def test_a_payload_of_exactly_its_cap_is_read():
    assert read_all(header(10, 2) + b"x" * 10) == [(2, 7, b"x" * 10)]


def test_a_large_payload_is_writable_memory_of_the_callers_own():
    frame = FrameReader(Dribble(header(100_000) + bytes(100_000), ()), CAPS).read()

    frame.payload[0] = 1

    assert frame.payload.nbytes == 100_000


class TimesOut(Dribble):
    """A socket that times out before each piece."""

    def recv_into(self, buffer):
        if self.calls % 2 == 0:
            self.calls += 1
            raise TimeoutError
        return super().recv_into(buffer)


@pytest.mark.parametrize("length", [5, 100_000])
def test_reading_goes_on_after_a_timeout_at_any_point(length):
    reader = FrameReader(TimesOut(header(length) + b"x" * length, [3, 20, 7, 50_000]), CAPS)
    frame = None
    timeouts = 0
    while frame is None:
        try:
            frame = reader.read()
        except TimeoutError:
            timeouts += 1

    assert timeouts >= 2
    assert frame == (1, 7, b"x" * length)


@pytest.mark.parametrize(
    "parts", [[b"x" * 3_000_001], [b"ab" * 700] * 3000, [b""] * 2000 + [b"y" * 70_000], [b"z"] * 70_000]
)
def test_large_payloads_arrive_through_a_tiny_send_buffer(pair, parts):
    left, right = pair
    left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    right.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sender = threading.Thread(target=send_frame, args=(left, 1, 5, parts))
    sender.start()
    frame = FrameReader(right, CAPS).read()
    sender.join(10)

    assert (frame.type, frame.nonce) == (1, 5)
    assert bytes(frame.payload) == b"".join(parts)


@pytest.mark.parametrize("step", [1, 7, 13, 4096, 70_000])
def test_a_socket_that_takes_a_part_of_each_send_gets_every_byte_once(step):
    parts = [b"", b"ab", bytes(range(256)) * 300, b"c" * 20, b"d" * 5000]
    sent = bytearray()

    class Sock:
        def sendmsg(self, blocks):
            count = min(step if len(sent) > 70_000 else 30_000, sum(map(len, blocks)))
            sent.extend(b"".join(blocks)[:count])
            return count

    send_frame(Sock(), 1, 5, parts)

    assert read_all(bytes(sent)) == [(1, 5, b"".join(parts))]


def test_a_payload_longer_than_a_header_can_say_is_refused(pair):
    class Huge(bytes):
        def __len__(self):
            return 2**32

    with pytest.raises(FramingError, match="4294967296 bytes"):
        send_frame(pair[0], 1, 1, [Huge()])


def test_large_parts_are_sent_from_where_they_are():
    part = bytearray(100_000)
    sent = []

    class Sock:
        def sendmsg(self, blocks):
            sent.extend(blocks)
            return sum(map(len, blocks))

    send_frame(Sock(), 1, 1, pack_parts([b"s", part]))

    assert any(block.obj is part for block in sent)


@given(st.lists(st.binary(max_size=70), max_size=12))
@settings(max_examples=200, deadline=None)
def test_parts_come_back_as_they_were_and_each_starts_aligned(parts):
    payload = b"".join(pack_parts(parts))

    back = split_parts(payload)

    assert list(map(bytes, back)) == parts
    whole = memoryview(payload)
    at = 4 + 8 * len(parts)
    for part in parts:
        at += -at % 16
        assert whole[at : at + len(part)] == part
        at += len(part)


def test_packing_copies_no_part():
    part = b"x" * 10

    assert any(block is part for block in pack_parts([part]))


def table(*sizes, count=None):
    return struct.pack(f"<I{len(sizes)}Q", len(sizes) if count is None else count, *sizes)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "without a table"),
        (b"\x00\x00\x00", "without a table"),
        (table(count=1), "table of 1 parts"),
        (table(0, count=2), "table of 2 parts"),
        (table(count=2**32 - 1), "table of 4294967295 parts"),
        (table(*[0] * 8193), "table of 8193 parts"),
        (table(1), "longer than what is left"),
        (table(2**64 - 1) + b"x" * 40, "longer than what is left"),
        (table(5) + b"\x00" * 4 + b"four", "longer than what is left"),
        (table(4) + b"\x00" * 4 + b"four and more", "9 bytes after the last part"),
        (table() + b"x", "1 bytes after the last part"),
    ],
)
def test_a_table_of_parts_that_lies_is_a_framing_error(payload, reason):
    with pytest.raises(FramingError, match=reason):
        split_parts(payload)


def test_a_payload_of_parts_cut_at_any_byte_is_a_framing_error():
    payload = b"".join(pack_parts([b"structure", b"", b"buffer" * 9]))

    for end in range(len(payload)):
        with pytest.raises(FramingError):
            split_parts(payload[:end])


def test_damaged_tables_give_parts_or_a_framing_error():
    rng = random.Random(7)  # noqa: S311 -- a repeatable sequence is the point
    payload = b"".join(pack_parts([b"structure", b"x" * 40, b"", b"y" * 17]))
    errors = 0
    for _ in range(5000):
        damaged = bytearray(payload)
        damaged[rng.randrange(44)] = rng.choice((0, 1, 2, 16, 127, 255))
        try:
            parts = split_parts(damaged)
        except FramingError:
            errors += 1
        else:
            assert sum(map(len, parts)) <= len(payload)

    assert errors > 1000


def test_more_parts_than_a_payload_takes_are_refused():
    with pytest.raises(FramingError, match="8193 parts"):
        pack_parts([b""] * 8193)


def test_a_value_with_large_content_crosses_a_socket(pair):
    value = {"data": b"x" * 1_000_000, "xs": [0.5] * 100_000, "t": (1, {2})}
    parts = encode(value)
    packed = pack_parts([parts.structure, *parts.buffers])
    sender = threading.Thread(target=send_frame, args=(pair[0], 1, 1, packed))
    sender.start()
    frame = FrameReader(pair[1], CAPS).read()
    sender.join(10)

    structure, *buffers = split_parts(frame.payload)

    assert decode(structure, buffers) == value
