"""A late frame is told of once, and arrives all the same."""

from __future__ import annotations

import socket
import struct

import pytest

from dspex_actors.workers._framing import send_frame
from dspex_actors.workers._lateness import NoticingReader

CAPS = {1: 2**24}
SOON_S, NEVER_S = 0.001, 60.0
LARGE = bytes(300_000)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield NoticingReader(ours, CAPS), theirs


@pytest.mark.parametrize("payload", [b"", b"small", LARGE])
def test_a_frame_that_is_late_is_told_of_once_and_then_read(pair, payload):
    reader, sender = pair
    told = []

    def on_late():
        told.append("late")
        send_frame(sender, 1, 7, [payload])

    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    reader.tell_when_late(SOON_S, on_late)

    assert bytes(reader.read().payload) == payload
    assert told == ["late"]


def test_a_frame_that_is_there_in_time_is_read_and_nobody_is_told(pair):
    reader, sender = pair
    told = []
    send_frame(sender, 1, 7, [b"here"])
    reader.tell_when_late(NEVER_S, lambda: told.append("late"))

    assert reader.read().payload == b"here"
    assert told == []


def test_the_first_half_of_a_late_frame_is_not_lost(pair):
    reader, sender = pair
    frame = struct.pack("<IBQ", 5, 1, 7) + b"whole"
    sender.sendall(frame[:9])
    reader.tell_when_late(SOON_S, lambda: sender.sendall(frame[9:]))

    assert reader.read().payload == b"whole"


def test_once_it_was_told_reading_waits_as_long_as_it_takes(pair):
    reader, sender = pair
    reader.tell_when_late(SOON_S, lambda: send_frame(sender, 1, 7, [b"one"]))
    reader.read()

    limit = reader.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    assert struct.unpack("@ll", limit) == (0, 0)


def test_a_frame_in_time_does_not_make_the_ones_after_it_be_in_time(pair):
    reader, sender = pair
    send_frame(sender, 1, 7, [b"one"])
    reader.tell_when_late(SOON_S, lambda: send_frame(sender, 1, 7, [b"two"]))

    assert [reader.read().payload for _ in range(2)] == [b"one", b"two"]


def test_frames_that_never_stop_coming_are_late_all_the_same(pair):
    reader, sender = pair
    told = []
    reader.tell_when_late(SOON_S, lambda: told.append("late"))
    while not told:  # by the clock of the reader, whatever the machine is doing
        send_frame(sender, 1, 7, [b"more"])
        assert reader.read().payload == b"more"

    assert told == ["late"]


def test_the_end_of_the_connection_is_no_frame_that_is_late(pair):
    reader, sender = pair
    told = []
    sender.close()
    reader.tell_when_late(NEVER_S, lambda: told.append("late"))

    assert reader.read() is None
    assert told == []
