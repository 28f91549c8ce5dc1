"""What a worker and the host say about connections, honest and hostile."""

from __future__ import annotations

import array
import os
import socket
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import Limits, ProtocolError, WorkerLostError
from dspex_actors.workers import ConnectCode, _framing, encode_answer
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._network_calls import DescriptorStream, NetworkCalls
from dspex_actors.workers._network_protocol import MAX_PADDING, MAX_TEXT, Connect, read_answer

encode = msgspec.msgpack.encode


class Recorder:
    """Stands in for what makes connections: keeps what it is asked for, and lets go of the sockets."""

    def __init__(self):
        self.asked = []
        self.carried_bytes = 0
        self.closed = False

    def begin(self, most_bytes, exceeded):
        self.most_bytes, self.exceeded = most_bytes, exceeded
        return self

    def connect(self, host, port, padding, guest):
        self.asked.append((host, port, padding))
        guest.close()

    def listen(self, listener, is_allowed):
        self.listener, self.is_allowed = listener, is_allowed

    def close(self):
        self.closed = True


@contextmanager
def conversation(**limits):
    """Yield a recorder, the calls of a request, and the worker's end of the socket."""
    recorder, causes = Recorder(), []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = DescriptorStream(ours, recorder)
        calls = NetworkCalls(stream, Limits(**limits), causes.append)
        calls.causes, calls.stream = causes, stream
        yield recorder, calls, theirs
        calls.close()


def payload(*fields):
    return b"".join(bytes(block) for block in _framing.pack_parts([encode(list(fields))]))


def send(sock, *descriptors, data=b"x"):
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


def open_descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@contextmanager
def half():
    """Yield one half of a pair of stream sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs


@pytest.mark.parametrize("code", list(ConnectCode))
@pytest.mark.parametrize("text", ["", "why", "ü" * MAX_TEXT, "\udc80"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_an_answer_is_read_as_it_was_written_however_it_arrives(code, text, piece):
    raw, read = encode_answer(code, text), 0

    def receive(size):
        nonlocal read
        part = raw[read : read + min(size, piece)]
        read += len(part)
        return part

    got_code, got_text = read_answer(receive)

    assert (got_code, read) == (code, len(raw))
    assert got_text == text or len(text.encode(errors="backslashreplace")) > MAX_TEXT or text == "\udc80"


@pytest.mark.parametrize("kept", range(7))
def test_an_answer_that_is_cut_short_is_a_lost_connection(kept):
    raw = encode_answer(ConnectCode.REFUSED, "nope")

    def receive(size):
        nonlocal raw
        part, raw = raw[: min(size, kept - taken[0])], raw[min(size, kept - taken[0]) :]
        taken[0] += len(part)
        return part

    taken = [0]
    with pytest.raises(ConnectionResetError):
        read_answer(receive)


GOOD = [("a", 1), ("a" * 255, 65535), ("example.org", 443, 0), ("\0", 1, MAX_PADDING)]
BAD = [
    (),
    ("a",),
    ("", 1),
    ("a" * 256, 1),
    ("a", 0),
    ("a", 65536),
    ("a", -1),
    ("a", 1.5),
    ("a", "1"),
    ("a", True),
    (b"a", 1),
    (None, 1),
    (["a"], 1),
    ("a", 1, -1),
    ("a", 1, MAX_PADDING + 1),
    ("a", 2**63),
]


@pytest.mark.parametrize("fields", GOOD)
def test_a_request_within_its_bounds_is_handed_on_with_its_socket(fields):
    with conversation() as (recorder, calls, sock), half() as theirs:
        send(sock, theirs.fileno())
        calls.stream.recv_into(memoryview(bytearray(10)))

        assert calls.take(payload(*fields))

    assert recorder.asked == [(*fields, 0)[:3]]
    assert recorder.closed


@pytest.mark.parametrize("fields", BAD)
def test_a_request_beyond_its_bounds_breaks_the_protocol(fields):
    with conversation() as (recorder, calls, _), pytest.raises(ProtocolError):
        calls.take(payload(*fields))

    assert recorder.asked == []


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_a_request_or_break_the_protocol(raw):
    with conversation() as (recorder, calls, _), suppress(ProtocolError):
        calls.take(raw)
    assert recorder.asked == []  # no socket came with it


@given(st.data())
def test_a_request_with_damaged_bytes_is_within_bounds_or_breaks_the_protocol(data):
    raw = bytearray(payload("api.example.org", 443, 4096))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with conversation() as (recorder, calls, sock), half() as theirs:
        send(sock, theirs.fileno())
        calls.stream.recv_into(memoryview(bytearray(10)))
        with suppress(ProtocolError):
            calls.take(bytes(raw))
    for host, port, padding in recorder.asked:
        assert encode(Connect(host, port, padding))
        assert 0 < len(host) < 256
        assert 0 < port < 65536
        assert 0 <= padding <= MAX_PADDING


def test_a_request_without_a_socket_is_counted_and_goes_nowhere():
    with conversation() as (recorder, calls, _):
        assert calls.take(payload("a", 1))

    assert (recorder.asked, calls.count) == ([], 1)


@contextmanager
def something_else(kind):
    """Yield a descriptor of what may come in the place of a stream socket's half."""
    with ExitStack() as stack:
        if kind in FILES:
            descriptor = os.open(kind, FILES[kind])
            stack.callback(os.close, descriptor)
        elif kind == "pipe":
            descriptor, other = os.pipe()
            for each in (descriptor, other):
                stack.callback(os.close, each)
        elif kind == "seqpacket":
            ends = socket.socketpair(type=socket.SOCK_SEQPACKET)
            descriptor = [stack.enter_context(end).fileno() for end in ends].pop()
        else:
            descriptor = stack.enter_context(socket.socket(*SOCKETS[kind])).fileno()
        yield descriptor


FILES = {"/dev/null": os.O_RDWR, "/": os.O_PATH}
SOCKETS = {
    "datagrams": (socket.AF_INET, socket.SOCK_DGRAM),
    "internet": (socket.AF_INET, socket.SOCK_STREAM),
    "without a peer": (socket.AF_UNIX, socket.SOCK_STREAM),
}


@pytest.mark.parametrize("kind", [*FILES, "pipe", "seqpacket", *SOCKETS])
def test_a_request_with_something_else_than_a_socket_breaks_the_protocol_and_closes_it(kind):
    with conversation() as (recorder, calls, sock), something_else(kind) as descriptor:
        before = open_descriptors()
        send(sock, descriptor)
        calls.stream.recv_into(memoryview(bytearray(10)))

        with pytest.raises(ProtocolError):
            calls.take(payload("a", 1))

        assert open_descriptors() == before
    assert recorder.asked == []


def test_descriptors_that_nobody_takes_are_closed_with_the_request():
    before = open_descriptors()
    with conversation() as (_, calls, sock), half() as theirs:
        send(sock, *[theirs.fileno()] * 5)
        calls.stream.recv_into(memoryview(bytearray(10)))

    assert open_descriptors() == before


def test_more_descriptors_than_frames_could_want_break_the_protocol():
    with conversation() as (_, calls, sock), half() as theirs:
        for _ in range(8):
            send(sock, *[theirs.fileno()] * 8)
            calls.stream.recv_into(memoryview(bytearray(10)))
        send(sock, theirs.fileno())

        with pytest.raises(ProtocolError, match="belong to no frame"):
            calls.stream.recv_into(memoryview(bytearray(10)))


@pytest.mark.parametrize("most", [0, 1, 3])
def test_one_connection_more_than_the_limit_is_not_asked_for(most):
    with conversation(connections=most) as (_, calls, _):
        for _ in range(most):
            assert calls.take(payload("a", 1))
        assert not calls.take(payload("a", 1))

        assert calls.count == most + 1


def test_without_a_limit_any_number_of_connections_is_asked_for():
    with conversation(connections=None) as (_, calls, _):
        assert all(calls.take(payload("a", 1)) for _ in range(500))


def test_too_many_bytes_kill_for_that_cause():
    with conversation(network_bytes=7) as (recorder, calls, _):
        recorder.exceeded()

        assert (recorder.most_bytes, calls.causes) == (7, [Cause.NETWORK_BYTES])


def test_a_guests_socket_never_waits_even_if_the_guest_makes_it_blocking():
    with conversation() as (recorder, calls, sock), half() as theirs:
        kept = []
        recorder.connect = lambda *asked: kept.append(asked[3])
        send(sock, theirs.fileno())
        calls.stream.recv_into(memoryview(bytearray(10)))
        calls.take(payload("a", 1))
        os.set_blocking(theirs.fileno(), True)
        [guest] = kept

        with guest:
            with pytest.raises(BlockingIOError):
                guest.recv(1)
            with pytest.raises(BlockingIOError):
                [guest.send(bytes(100_000)) for _ in range(100)]


class Listener:
    """Stands in for the listener of a worker's own network."""

    def __init__(self, failure=None):
        self.failure = failure

    def dup(self):
        if self.failure is not None:
            raise self.failure
        return "a copy"


def calls_with(listener, **limits):
    recorder, causes = Recorder(), []
    stream = DescriptorStream(None, recorder)
    stream.listener = listener
    return NetworkCalls(stream, Limits(**limits), causes.append), recorder, causes


def test_callers_of_a_listener_and_requests_in_frames_count_together():
    calls, recorder, causes = calls_with(Listener(), connections=2)

    assert recorder.listener == "a copy"
    assert recorder.is_allowed()
    assert calls.take(payload("a", 1))
    assert (calls.count, causes) == (2, [])
    assert not recorder.is_allowed()
    assert not calls.take(payload("a", 1))
    assert (calls.count, causes) == (4, [Cause.CONNECTIONS])


def test_a_host_without_descriptors_loses_the_worker_and_not_itself():
    with pytest.raises(WorkerLostError, match="no descriptor"):
        calls_with(Listener(OSError(24, "too many open files")))
