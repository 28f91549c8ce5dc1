"""A hostile worker that asks for connections: what is not exactly allowed ends it, and reaches nobody."""

from __future__ import annotations

import array
import socket
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from dspex_actors import Completed, ProtocolError, WorkerDied, WorkerLostError
from dspex_actors.workers import WorkerProcess
from dspex_actors.workers._asks import Asks
from dspex_actors.workers._network_protocol import CONNECT_CAP
from dspex_actors.workers._output import OutputCollector
from dspex_actors.workers._protocol import FrameType
from tests.integration._fake_worker import LIMITS, FakeWorker, encode, final, frame, packed
from tests.integration._tools import mutated


class Recorder:
    """Stands in for the proxy: keeps what it is asked for."""

    def __init__(self):
        self.asked = []
        self.carried_bytes = 0
        self.closed = 0

    def begin(self, most_bytes, exceeded):
        del most_bytes, exceeded
        return self

    def connect(self, host, port, padding, guest):
        self.asked.append((host, port, padding))
        guest.close()

    def close(self):
        self.closed += 1


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def connect(nonce, *fields):
    return frame(FrameType.CONNECT, nonce, packed(encode(list(fields or ("a.org", 443)))))


def send(sock, data, *descriptors):
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


@pytest.fixture
def network():
    return Recorder()


@pytest.fixture
def fake(network):
    """Yield a worker played by the test, of a policy with a list."""
    worker = FakeWorker()
    worker.worker.use_network(network)
    yield worker
    worker.close()


@pytest.fixture
def half():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs


def test_an_honest_request_is_handed_on_and_the_execution_goes_on(fake, network, half):
    fake.ready()

    def play(nonce, sock):
        send(sock, connect(nonce), half.fileno())
        send(sock, connect(nonce, "b.org", 1, 5), half.fileno())
        sock.sendall(final(nonce))

    result = fake.execute(play)

    assert isinstance(result, Completed)
    assert network.asked == [("a.org", 443, 0), ("b.org", 1, 5)]
    assert (result.usage.connections, network.closed) == (2, 1)


def test_requests_and_output_in_one_piece_are_told_apart(fake, network, half):
    fake.ready()

    def play(nonce, sock):
        output = frame(FrameType.OUTPUT, nonce, b"\x01said")
        send(sock, output + connect(nonce) + output, half.fileno())
        send(sock, connect(nonce, "b.org", 1) + final(nonce), half.fileno())

    result = fake.execute(play)

    assert (result.value, result.stdout) == (5, "saidsaid")
    assert [host for host, *_ in network.asked] == ["a.org", "b.org"]


HOSTILE = {
    "another request's number": lambda nonce: connect(nonce + 1),
    "no number": lambda _: connect(0),
    "no parts": lambda nonce: frame(FrameType.CONNECT, nonce),
    "no message": lambda nonce: frame(FrameType.CONNECT, nonce, packed(b"")),
    "a port that is none": lambda nonce: connect(nonce, "a.org", 0),
    "a host that is no text": lambda nonce: connect(nonce, b"a.org", 443),
    "a long host": lambda nonce: connect(nonce, "a" * 256, 443),
    "much padding": lambda nonce: connect(nonce, "a.org", 443, 2**40),
    "a large frame": lambda nonce: frame(FrameType.CONNECT, nonce, bytes(CONNECT_CAP + 1)),
    "a claim of a large frame": lambda _: b"\xff" * 4 + b"\x09",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_request_that_is_not_exactly_allowed_ends_the_worker(fake, network, half, name):
    fake.ready()

    def play(nonce, sock):
        send(sock, HOSTILE[name](nonce) + bytes(20), half.fileno())
        sock.recv(1)  # until the host has closed it

    result = fake.execute(play)

    assert isinstance(result, WorkerDied)
    assert "broke the protocol" in result.detail
    assert fake.wait_killed()
    assert network.asked == []


def test_a_request_with_a_file_in_the_place_of_a_socket_ends_the_worker(fake, network):
    fake.ready()
    before = open_descriptors()

    def play(nonce, sock):
        with Path("/dev/null").open("rb") as file:
            send(sock, connect(nonce), file.fileno())
        sock.recv(1)

    result = fake.execute(play)

    assert isinstance(result, WorkerDied)
    assert network.asked == []
    assert open_descriptors() <= before


def test_descriptors_that_come_with_other_frames_are_closed_in_the_end(fake, network, half):
    fake.ready()
    before = open_descriptors()

    def play(nonce, sock):
        send(sock, frame(FrameType.OUTPUT, nonce, b"\x01x"), *[half.fileno()] * 7)
        sock.sendall(final(nonce))

    assert isinstance(fake.execute(play), Completed)
    assert network.asked == []
    assert open_descriptors() <= before


def test_a_flood_of_descriptors_ends_the_worker(fake, half):
    fake.ready()

    def play(nonce, sock):
        for _ in range(100):
            send(sock, frame(FrameType.OUTPUT, nonce, b"\x01x"), *[half.fileno()] * 8)
        sock.recv(1)

    result = fake.execute(play)

    assert isinstance(result, WorkerDied)
    assert "descriptors" in result.detail


def test_a_request_before_the_worker_is_ready_ends_it(fake, network, half):
    send(fake.socket, connect(0), half.fileno())

    with pytest.raises(WorkerLostError):
        fake.ready(b"")
    assert network.asked == []


def test_a_request_after_the_final_frame_ends_a_worker_that_was_kept(fake, network, half):
    fake.ready()

    def play(nonce, sock):
        send(sock, final(nonce) + connect(nonce), half.fileno())

    first = fake.execute(play, keep=True)
    second = fake.execute(lambda *_: None)

    assert isinstance(first, Completed)
    assert isinstance(second, WorkerDied)
    assert network.asked == []


def test_where_the_policy_has_no_list_a_request_ends_the_worker(half):
    fake = FakeWorker()
    try:
        fake.ready()

        def play(nonce, sock):
            send(sock, connect(nonce), half.fileno())
            sock.recv(1)

        result = fake.execute(play)
    finally:
        fake.close()

    assert isinstance(result, WorkerDied)
    assert "unknown type" in result.detail


@pytest.mark.parametrize("seed", range(3))
def test_whatever_bytes_come_the_proxy_is_asked_only_for_a_host_and_a_port(seed):
    random = Random(seed)  # noqa: S311 -- the same mutations in every run
    nonce, network, before = 12345, Recorder(), open_descriptors()
    for _ in range(700):
        data, theirs = socket.socketpair()
        control, other = socket.socketpair()
        ours, half = socket.socketpair()
        with data, theirs, control, other, ours, half:
            send(theirs, mutated(random, connect(nonce, "a.org", 443, 7) + final(nonce)), half.fileno())
            theirs.shutdown(socket.SHUT_WR)
            worker = WorkerProcess(data, control, 1, "process", {})
            worker.use_network(network)
            asks = Asks(None, worker._descriptors, LIMITS, data, nonce, worker.kill)
            with suppress(ProtocolError):
                worker._receive(nonce, LIMITS, OutputCollector(100), asks)
            asks.end_connections()

    assert network.asked
    assert all(0 < len(host) < 256 and 0 < port < 65536 for host, port, _ in network.asked)
    assert open_descriptors() <= before
