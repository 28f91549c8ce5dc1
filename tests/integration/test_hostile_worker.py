"""A worker that breaks the protocol is killed, its bytes are not decoded, and its caller gets a result.

The worker is played by a thread of the test; the process that the host may kill is a stand-in that waits.
"""

from __future__ import annotations

import os
import pickle
import socket
import struct
import threading

import pytest

from dspex_actors import (
    Completed,
    ConsoleMessage,
    Diagnostic,
    Failed,
    LimitExceeded,
    Limits,
    WorkerDied,
    WorkerDiedError,
    WorkerLostError,
)
from dspex_actors.workers import _memory, _protocol
from dspex_actors.workers._protocol import Final, FrameType
from tests.integration._fake_worker import (
    HEADER,
    LIMITS,
    READY,
    FakeWorker,
    encode,
    final,
    frame,
    packed,
    value_parts,
)
from tests.integration._tools import CEILING_S, TIMERS


@pytest.fixture
def fake():
    fake = FakeWorker()
    yield fake
    fake.close()


def sends(*chunks):
    """Return a worker's part that sends what each function makes of the nonce."""

    def play(nonce, sock):
        for chunk in chunks:
            sock.sendall(chunk(nonce))

    return play


def sized(size):
    """Return a value whose encoding has so many bytes."""
    value = b"x" * size
    while (excess := sum(map(len, value_parts(value))) - size) > 0:
        value = value[excess:]
    return value


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("/tmp/dspex-must-not-exist",)  # noqa: S108 -- never made


HOSTILE = {
    "a final frame with another nonce": sends(lambda n: final(n + 1)),
    "a final frame with the nonce zero": sends(lambda _: final(0)),
    "output with another nonce": sends(lambda n: frame(FrameType.OUTPUT, n ^ 1, b"\x01x")),
    "an unknown type": sends(lambda n: frame(9, n, b"x")),
    "the host's own type": sends(lambda n: frame(FrameType.EXECUTE, n, b"x")),
    "ready a second time": sends(lambda n: frame(FrameType.READY, n, READY)),
    "a final frame above its cap": sends(lambda n: HEADER.pack(1000 + 64 * 1024 + 1, FrameType.FINAL, n)),
    "a final frame of four gigabytes": sends(lambda n: HEADER.pack(2**32 - 1, FrameType.FINAL, n)),
    "an output frame above its cap": sends(lambda n: HEADER.pack(64 * 1024 + 2, FrameType.OUTPUT, n)),
    "an empty output frame": sends(lambda n: frame(FrameType.OUTPUT, n)),
    "output on a third stream": sends(lambda n: frame(FrameType.OUTPUT, n, b"\x03abc")),
    "more output than allowed": sends(lambda n: frame(FrameType.OUTPUT, n, b"\x01" + b"x" * 101)),
    "more output than allowed in two frames": sends(
        lambda n: frame(FrameType.OUTPUT, n, b"\x01" + b"x" * 60),
        lambda n: frame(FrameType.OUTPUT, n, b"\x01" + b"x" * 60),
    ),
    "notes above their cap": sends(lambda n: HEADER.pack(100 + 64 * 1024 + 1, FrameType.NOTES, n)),
    "notes of another shape": sends(lambda n: frame(FrameType.NOTES, n, encode([[["log"]]]))),
    "more of the console than allowed": sends(
        lambda n: frame(FrameType.NOTES, n, encode([[["log", "x" * 60]]])),
        lambda n: frame(FrameType.NOTES, n, encode([[["log", "x" * 41]]])),
    ),
    "notes with another nonce": sends(lambda n: frame(FrameType.NOTES, n ^ 1, encode([]))),
    "an empty final frame": sends(lambda n: frame(FrameType.FINAL, n)),
    "a final frame of garbage": sends(lambda n: frame(FrameType.FINAL, n, os.urandom(500))),
    "a final frame without parts": sends(lambda n: frame(FrameType.FINAL, n, packed())),
    "a table that lies about its sizes": sends(
        lambda n: frame(FrameType.FINAL, n, struct.pack("<IQ", 1, 2**60) + b"x" * 8)
    ),
    "a table with a billion entries": sends(lambda n: frame(FrameType.FINAL, n, struct.pack("<I", 10**9))),
    "a final message of garbage": sends(lambda n: frame(FrameType.FINAL, n, packed(b"\xc1garbage"))),
    "a final message of another shape": sends(
        lambda n: frame(FrameType.FINAL, n, packed(encode({"outcome": "completed"}), *value_parts(1)))
    ),
    "an unknown outcome": sends(lambda n: final(n, outcome="won")),
    "a completion without a value": sends(
        lambda n: frame(FrameType.FINAL, n, packed(encode(Final("completed"))))
    ),
    "a pickle as the value": sends(
        lambda n: frame(FrameType.FINAL, n, packed(encode(Final("completed")), pickle.dumps(Bomb())))
    ),
    "an opaque value": sends(
        lambda n: frame(
            FrameType.FINAL,
            n,
            packed(
                encode(Final("completed")),
                *value_parts({"x": Bomb()}, opaque=pickle.dumps),
            ),
        )
    ),
    "a value of garbage": sends(
        lambda n: frame(FrameType.FINAL, n, packed(encode(Final("completed")), os.urandom(100)))
    ),
    "a value just above the limit": sends(lambda n: final(n, value=sized(LIMITS.result_bytes + 1))),
    "a value that fills the frame to its cap": sends(lambda n: final(n, value=sized(60_000))),
    "a final frame within output": sends(lambda n: frame(FrameType.OUTPUT, n, final(n))),
    "zeros": sends(lambda _: bytes(200)),
    "a value with a buffer too many": sends(
        lambda n: frame(FrameType.FINAL, n, packed(encode(Final("completed")), *value_parts(1), b"extra"))
    ),
    "a text that is no UTF-8": sends(
        lambda n: frame(FrameType.FINAL, n, packed(b"\x92\xa6failed\xa3\xff\xfe\xfd"))
    ),
    "cpu seconds that are no number": sends(lambda n: final(n, cpu_s=float("nan"))),
    "negative figures": sends(lambda n: final(n, cpu_s=-1.0, memory_peak_bytes=-5, dropped_bytes=-1)),
}


@pytest.mark.parametrize("play", HOSTILE.values(), ids=HOSTILE)
def test_a_worker_that_breaks_the_protocol_is_killed_and_nothing_is_decoded(fake, play):
    fake.ready()

    result = fake.execute(play)

    assert isinstance(result, WorkerDied), result
    assert "broke the protocol" in result.detail
    assert result.value is None
    assert fake.wait_killed()
    with pytest.raises(WorkerDiedError):
        result.unwrap()


CUT = {
    "within the header": lambda n: final(n)[:5],
    "after the header": lambda n: final(n)[: HEADER.size],
    "before the last byte": lambda n: final(n)[:-1],
    "within a large payload": lambda n: HEADER.pack(60_000, FrameType.FINAL, n) + b"x" * 40_000,
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_stream_that_ends_within_a_frame_breaks_the_protocol(fake, cut):
    fake.ready()

    def play(nonce, sock):
        sock.sendall(cut(nonce))
        sock.shutdown(socket.SHUT_WR)

    result = fake.execute(play)

    assert isinstance(result, WorkerDied)
    assert "the connection ended" in result.detail
    assert fake.wait_killed()


def test_a_worker_that_closes_its_channel_and_lives_on_is_killed(fake):
    fake.ready()

    result = fake.execute(lambda _, sock: sock.shutdown(socket.SHUT_WR))

    assert isinstance(result, WorkerDied)
    assert result.detail == "the guest closed its channel to the host"
    assert fake.wait_killed()


def test_a_worker_that_goes_silent_in_the_middle_of_a_frame_is_killed_in_time(fake):
    fake.ready()
    gate = threading.Event()

    def play(nonce, sock):
        sock.sendall(final(nonce)[:10])
        gate.wait(CEILING_S)

    thread = threading.Thread(target=lambda: (fake.process.wait(), gate.set(), fake.socket.close()))
    thread.start()
    result = fake.execute(play, Limits(time_s=0.2))
    thread.join(CEILING_S)

    assert isinstance(result, LimitExceeded)
    assert result.limit == "time"


def test_a_frame_in_single_bytes_is_read_whole(fake):
    fake.ready()

    def play(nonce, sock):
        for byte in frame(FrameType.OUTPUT, nonce, b"\x01hi") + final(nonce, value={"a": (1, 2)}):
            sock.sendall(bytes([byte]))

    result = fake.execute(play)

    assert isinstance(result, Completed)
    assert (result.value, result.stdout) == ({"a": (1, 2)}, "hi")


def test_all_frames_in_one_piece_are_read_one_by_one(fake):
    fake.ready()

    def play(nonce, sock):
        sock.sendall(frame(FrameType.OUTPUT, nonce, b"\x01a") * 100 + final(nonce))

    result = fake.execute(play)

    assert (result.value, result.stdout) == (5, "a" * 100)


def test_notes_up_to_the_bounds_are_taken_and_stay_when_the_worker_then_breaks_the_protocol(fake):
    fake.ready()
    notes = encode([[["log", "x" * 100]], [["warning", "unused"]]])

    result = fake.execute(
        lambda n, sock: sock.sendall(frame(FrameType.NOTES, n, notes) + frame(FrameType.OUTPUT, n))
    )

    assert isinstance(result, WorkerDied)
    assert result.console == (ConsoleMessage("log", "x" * 100),)
    assert result.diagnostics == (Diagnostic("warning", "unused"),)


EXTRA = {
    "a final frame": lambda n: final(n, value=6),
    "output": lambda n: frame(FrameType.OUTPUT, n, b"\x01x"),
}


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_what_comes_after_the_final_frame_breaks_the_next_request(fake, extra):
    fake.ready()

    first = fake.execute(lambda n, sock: sock.sendall(final(n) + extra(n)), keep=True)
    second = fake.execute(lambda n, sock: sock.sendall(final(n)))

    assert first.value == 5
    assert isinstance(second, WorkerDied)
    assert "belongs to no request" in second.detail


def test_a_final_frame_of_the_request_before_breaks_the_next_one(fake):
    fake.ready()
    nonces = []

    fake.execute(lambda n, sock: nonces.append(n) or sock.sendall(final(n)), keep=True)
    second = fake.execute(lambda _, sock: sock.sendall(final(*nonces, value=6)))

    assert isinstance(second, WorkerDied)
    assert "belongs to no request" in second.detail
    assert fake.wait_killed()


def test_a_frame_that_the_host_has_no_memory_for_costs_its_worker_and_not_the_host(fake, monkeypatch):
    def refuse(_size):
        raise MemoryError

    monkeypatch.setattr(_memory, "new_block", refuse)
    fake.ready()

    result = fake.execute(
        lambda n, sock: sock.sendall(HEADER.pack(2**31, FrameType.FINAL, n)), Limits(result_bytes=None)
    )

    assert isinstance(result, WorkerDied)
    assert result.detail == "the host has no memory for what the worker sent"
    assert fake.wait_killed()


def test_a_result_of_exactly_the_limit_is_taken(fake):
    fake.ready()
    value = sized(LIMITS.result_bytes)

    result = fake.execute(lambda n, sock: sock.sendall(final(n, value=value)))

    assert result.value == value


def test_a_failure_with_texts_up_to_the_cap_is_taken(fake):
    fake.ready()

    result = fake.execute(
        lambda n, sock: sock.sendall(final(n, outcome="failed", error_type="E", message="m" * 8000))
    )

    assert isinstance(result, Failed)
    assert result.error.message == "m" * 8000


BAD_READY = {
    "output first": frame(FrameType.OUTPUT, 0, b"\x01x"),
    "a final frame first": frame(FrameType.FINAL, 0, b"x"),
    "a payload that is none": frame(FrameType.READY, 0, b"\xc1"),
    "another version": frame(FrameType.READY, 0, encode(_protocol.Ready(_protocol.VERSION + 1))),
    "a payload above its cap": HEADER.pack(4097, FrameType.READY, 0),
    "bytes of no frame": b"\xff" * 64,
}


@pytest.mark.parametrize("raw", BAD_READY.values(), ids=BAD_READY)
def test_a_worker_that_does_not_say_ready_rightly_is_lost_and_killed(fake, raw):
    with pytest.raises(WorkerLostError):
        fake.ready(raw)

    assert fake.wait_killed()


def test_a_worker_that_ends_before_it_is_ready_is_lost(fake):
    fake.socket.shutdown(socket.SHUT_RDWR)

    with pytest.raises(WorkerLostError, match="it ended"):
        fake.worker.wait_ready(CEILING_S, TIMERS)


def test_a_worker_that_never_says_ready_is_killed_after_the_timeout(fake):
    closer = threading.Thread(target=lambda: (fake.process.wait(), fake.socket.shutdown(socket.SHUT_RDWR)))
    closer.start()

    with pytest.raises(WorkerLostError, match="not ready in time"):
        fake.worker.wait_ready(0.2, TIMERS)
    closer.join(CEILING_S)

    assert fake.wait_killed()


def test_two_ready_frames_before_the_first_request_break_it(fake):
    fake.ready(frame(FrameType.READY, 0, READY) * 2)

    result = fake.execute(lambda n, sock: sock.sendall(final(n)))

    assert isinstance(result, WorkerDied)
    assert "broke the protocol" in result.detail


def test_a_final_frame_sent_before_the_request_is_refused_for_its_nonce(fake):
    fake.ready(frame(FrameType.READY, 0, READY) + final(1))

    result = fake.execute(lambda n, sock: sock.sendall(final(n)))

    assert isinstance(result, WorkerDied)
    assert "belongs to no request" in result.detail
