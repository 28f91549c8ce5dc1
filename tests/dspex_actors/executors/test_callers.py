"""Programs that connect to the proxy of a guest's own network: what they get, and what ends them."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest

from dspex_actors.executors import _callers
from supervisors.testing import CEILING_S
from tests.dspex_actors.executors._proxies import Server, proxy_of


@pytest.fixture
def server():
    server = Server()
    with server.socket:
        yield server


class Door:
    """A listener of the kind that a worker's network has, and a use that answers on it."""

    def __init__(self, proxy, most_bytes=None, most=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0)
        self.address = self.listener.getsockname()
        self.proxy, self.most_bytes, self.most = proxy, most_bytes, most
        self.callers = 0
        self.exceeded = threading.Event()
        self.use = None

    def open(self):
        self.use = self.proxy.begin(self.most_bytes, self.exceeded.set)
        self.use.listen(self.listener.dup(), self._count)
        return self.use

    def _count(self):
        self.callers += 1
        return self.most is None or self.callers <= self.most

    def call(self, data=b""):
        caller = socket.create_connection(self.address, CEILING_S)
        caller.sendall(data)
        return caller


@contextmanager
def door_to(*entries, **limits):
    with proxy_of(*entries) as proxy:
        door = Door(proxy, **limits)
        with door.listener:
            try:
                yield door
            finally:
                if door.use is not None:
                    door.use.close()


def connect(port, host="127.0.0.1"):
    return f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode()


def socks(port):
    return b"\x05\x01\x00" + b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big")


def exactly(sock, size):
    """Read that many bytes; MSG_WAITALL does not wait on a socket that has a timeout."""
    data = b""
    while len(data) < size and (more := sock.recv(size - len(data))):
        data += more
    return data


def ended(caller):
    """Whether nothing comes any more; what was closed with something unread is reset."""
    try:
        return caller.recv(1) == b""
    except ConnectionError:
        return True


def read_head(caller):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += caller.recv(1)
    return head


@pytest.mark.parametrize(("ask", "answer_bytes"), [(connect, 39), (socks, 12)], ids=["CONNECT", "SOCKS 5"])
def test_a_tunnel_to_what_is_listed_carries_bytes_both_ways(server, ask, answer_bytes):
    with door_to(f"127.0.0.1:{server.port}") as door:
        use = door.open()
        with door.call(ask(server.port) + b"early") as caller, server.accept() as connection:
            assert len(exactly(caller, answer_bytes)) == answer_bytes
            assert exactly(connection, 5) == b"early"
            caller.sendall(b"question")
            assert exactly(connection, 8) == b"question"
            connection.sendall(b"answer")
            assert exactly(caller, 6) == b"answer"
        use.close()

    assert (door.callers, use.carried_bytes) == (1, 5 + 8 + 6)


def test_a_request_for_a_page_reaches_its_server_as_one_of_its_own(server):
    request = f"GET http://127.0.0.1:{server.port}/page HTTP/1.1\r\nHost: here\r\n\r\n".encode()
    with door_to(f"127.0.0.1:{server.port}") as door:
        door.open()
        with door.call(request) as caller, server.accept() as connection:
            assert read_head(connection) == b"GET /page HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
            connection.sendall(b"whatever it says")
            connection.shutdown(socket.SHUT_WR)
            assert caller.makefile("rb").read() == b"whatever it says"


def test_a_head_may_come_in_pieces_and_its_end_later(server):
    with door_to(f"127.0.0.1:{server.port}") as door:
        door.open()
        request = connect(server.port)
        with door.call(request[:1]) as caller:
            for at in range(1, len(request)):
                caller.sendall(request[at : at + 1])
            assert read_head(caller).startswith(b"HTTP/1.1 200 ")


def test_what_is_not_listed_is_refused_with_the_reason_and_arrives_nowhere(server):
    with door_to("127.0.0.2:1") as door:
        door.open()
        for request, status in ((connect(server.port), b"403"), (b"GET / HTTP/1.1\r\n\r\n", b"400")):
            with door.call(request) as caller:
                answer = caller.makefile("rb").read()
                assert answer.startswith(b"HTTP/1.1 " + status)
        with door.call(connect(server.port)) as caller:
            assert b"is not in the policy's list" in caller.makefile("rb").read()
        with door.call(socks(server.port)) as caller:
            assert caller.makefile("rb").read()[:4] == b"\x05\x00\x05\x02"
    assert not server.was_called()


def test_who_is_refused_while_it_is_still_sending_hears_why(server):
    post = f"POST http://127.0.0.1:{server.port}/ HTTP/1.1\r\nContent-Length: 300000\r\n\r\n".encode()
    with door_to("127.0.0.2:1") as door:
        door.open()
        with door.call(post + bytes(300000)) as caller:
            assert exactly(caller, 12) == b"HTTP/1.1 403"


def test_a_head_without_an_end_is_cut_off_at_its_limit():
    with door_to("127.0.0.2:1") as door:
        door.open()
        with door.call(b"x" * 64 * 1024) as caller:
            assert caller.makefile("rb").read().startswith(b"HTTP/1.1 400 a head of less than 65536 bytes")


@pytest.mark.parametrize("said", [b"", b"CONNECT a", b"\x05", b"\x05\x01\x00\x05\x01"])
def test_a_caller_that_goes_before_it_was_understood_leaves_nothing(said):
    with door_to("127.0.0.2:1") as door:
        use = door.open()
        with door.call(said) as caller:
            caller.shutdown(socket.SHUT_WR)
            assert caller.makefile("rb").read() in {b"", b"\x05\x00"}
        use.close()
    assert use.carried_bytes == 0


def test_callers_count_and_one_too_many_gets_nothing(server):
    with door_to(f"127.0.0.1:{server.port}", most=1) as door:
        door.open()
        with door.call(connect(server.port)) as first:
            assert read_head(first).startswith(b"HTTP/1.1 200 ")
            with door.call() as second:
                assert second.recv(1) == b""
    assert door.callers == 2


def test_bytes_count_those_that_came_with_the_request_too(server):
    with door_to(f"127.0.0.1:{server.port}", most_bytes=10) as door:
        door.open()
        with door.call(connect(server.port) + bytes(11)) as caller, server.accept() as connection:
            assert connection.recv(1) == b""
            assert read_head(caller).startswith(b"HTTP/1.1 200 ")
            assert caller.recv(1) == b""
    assert door.exceeded.is_set()


def test_between_two_requests_nobody_is_served_and_who_came_meanwhile_is_turned_away(server):
    with door_to(f"127.0.0.1:{server.port}") as door:
        door.open().close()
        with door.call(connect(server.port)) as early:
            door.open()
            assert ended(early)
            with door.call(connect(server.port)) as late:
                assert read_head(late).startswith(b"HTTP/1.1 200 ")
    assert door.callers == 1


def test_closing_ends_tunnels_and_callers_who_have_said_nothing(server):
    with door_to(f"127.0.0.1:{server.port}") as door:
        use = door.open()
        with door.call(connect(server.port)) as busy, door.call() as silent:
            read_head(busy)
            with server.accept() as connection:
                use.close()
                assert connection.recv(1) == b""
            assert busy.recv(1) == b""
            with silent:
                assert silent.recv(1) == b""


def test_closing_a_second_time_is_quiet_and_told_at_once(server):
    with door_to(f"127.0.0.1:{server.port}") as door:
        use = door.open()
        use.close()
        failures = []
        door.proxy.loop.call_soon_threadsafe(
            door.proxy.loop.set_exception_handler, lambda _, context: failures.append(context)
        )
        use.close()
    assert failures == []


def test_after_the_loop_has_ended_listening_is_quiet_and_leaves_nothing_open(server):
    with door_to(f"127.0.0.1:{server.port}") as door:
        assert door.proxy.close()
        door.open().close()


def test_when_no_descriptor_is_left_callers_are_taken_later(server, monkeypatch):
    monkeypatch.setattr(_callers, "_PAUSE_S", 0.0)
    failures = [OSError(24, "too many open files")] * 2
    with door_to(f"127.0.0.1:{server.port}") as door:
        use = door.proxy.begin(None, pytest.fail)

        class Exhausted(socket.socket):
            def accept(self):
                if failures:
                    raise failures.pop()
                return super().accept()

        listener = Exhausted(fileno=door.listener.dup().detach())
        listener.settimeout(0)
        use.listen(listener, lambda: True)
        with door.call(connect(server.port)) as caller:
            assert read_head(caller).startswith(b"HTTP/1.1 200 ")
        use.close()
    assert failures == []
