"""The proxy of a list: what it connects to, what it carries, and how it ends."""

from __future__ import annotations

import socket
import threading

import pytest

from dspex_actors.executors import _relay
from dspex_actors.workers import ConnectCode
from supervisors.testing import CEILING_S
from tests.dspex_actors.executors._proxies import Server, ask, pair, proxy_of


@pytest.fixture
def server():
    server = Server()
    with server.socket:
        yield server


def test_a_listed_address_is_connected_and_bytes_cross_both_ways(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, (code, _) = ask(use, "127.0.0.1", server.port)
        with guest, server.accept() as connection:
            guest.sendall(b"question")
            assert connection.recv(100) == b"question"
            connection.sendall(b"answer!")
            assert guest.recv(100) == b"answer!"
        use.close()

    assert (code, use.carried_bytes) == (ConnectCode.CONNECTED, 15)


def test_a_connection_can_be_closed_in_one_direction_and_used_in_the_other(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, _ = ask(use, "127.0.0.1", server.port)
        with guest, server.accept() as connection:
            guest.sendall(b"all")
            guest.shutdown(socket.SHUT_WR)
            assert connection.makefile("rb").read() == b"all"
            connection.sendall(b"late")
            connection.shutdown(socket.SHUT_WR)
            assert guest.makefile("rb").read() == b"late"
        use.close()


@pytest.mark.parametrize("padding", [1, 5000, 64 * 1024])
def test_what_a_guest_has_put_into_its_socket_beforehand_is_dropped(server, padding):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, _ = ask(use, "127.0.0.1", server.port, padding)
        with guest, server.accept() as connection:
            guest.sendall(b"first")
            assert connection.recv(100) == b"first"
        use.close()

    assert use.carried_bytes == 5


REFUSED = [
    ("127.0.0.1", 0),  # another port
    ("127.0.0.2", None),  # another address
    ("other.org", None),  # another name
    ("inside.org", None),  # a name that leads to the loopback interface
    ("metadata.org", None),
    ("mapped.org", None),
    ("::1", None),
]
LEADS = {
    "inside.org": ["127.0.0.2", "::1"],
    "metadata.org": ["169.254.169.254"],
    "mapped.org": ["::ffff:127.0.0.2"],
    "good.org": ["127.0.0.1"],
    "other.org": ["127.0.0.1"],
}


@pytest.mark.parametrize(("host", "port"), REFUSED)
def test_what_is_not_listed_is_refused_and_nobody_is_called(server, host, port):
    names = ("inside.org", "metadata.org", "mapped.org")
    entries = [f"127.0.0.1:{server.port}", *(f"{name}:*" for name in names)]
    with proxy_of(*entries, names=LEADS) as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, (code, text) = ask(use, host, server.port if port is None else server.port + 1)
        with guest:
            assert guest.recv(1) == b""
        use.close()

    assert code is ConnectCode.NOT_ALLOWED
    assert "list" in text
    assert not server.was_called()


def test_a_name_that_was_refused_is_not_even_resolved():
    asked = []
    with proxy_of("good.org:1", names={"bad.org": lambda: asked.append(1)}) as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, (code, _) = ask(use, "bad.org", 1)
        guest.close()
        use.close()

    assert (code, asked) == (ConnectCode.NOT_ALLOWED, [])


def test_a_name_is_resolved_once_so_it_cannot_lead_elsewhere_when_it_is_connected(server):
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    entries = [f"good.org:{server.port}", f"127.0.0.1:{server.port}"]
    with proxy_of(*entries, names={"good.org": lambda: answers.pop(0)}) as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, (first, _) = ask(use, "good.org", server.port)
        with guest, server.accept():
            pass
        guest, (second, _) = ask(use, "good.org", server.port)
        guest.close()
        use.close()

    assert (first, second) == (ConnectCode.CONNECTED, ConnectCode.NOT_ALLOWED)
    assert answers == []


def test_of_several_addresses_the_next_is_tried_when_one_does_not_answer(server):
    closed = Server("127.0.0.3")
    closed.socket.close()
    names = {"good.org": ["127.0.0.3", "127.0.0.1"]}
    entries = [f"good.org:{server.port}", "127.0.0.0/8:*"]
    with proxy_of(*entries, names=names) as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, (code, _) = ask(use, "good.org", server.port)
        with guest, server.accept():
            assert code is ConnectCode.CONNECTED
        use.close()


def test_an_unknown_name_and_a_closed_port_are_told_apart(server):
    port = server.port
    server.socket.close()
    with proxy_of("unknown.org:1", f"127.0.0.1:{port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        answers = []
        for host, number in (("unknown.org", 1), ("127.0.0.1", port)):
            guest, (code, _) = ask(use, host, number)
            guest.close()
            answers.append(code)
        use.close()

    assert answers == [ConnectCode.NO_SUCH_NAME, ConnectCode.REFUSED]


@pytest.mark.parametrize("size", [1, 10, 200_000])
def test_exactly_as_many_bytes_as_allowed_cross_and_not_one_more(server, size):
    exceeded = threading.Event()
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(size, exceeded.set)
        guest, _ = ask(use, "127.0.0.1", server.port)
        with guest, server.accept() as connection:
            guest.sendall(bytes(size))
            assert len(connection.makefile("rb").read(size)) == size
            assert not exceeded.is_set()

            connection.sendall(b"!")
            assert guest.recv(1) == b""  # the connection is cut, the byte is not carried
        assert exceeded.wait(CEILING_S)
        use.close()

    assert use.carried_bytes == size + 1


def test_when_a_use_is_closed_its_connections_are_gone_and_those_of_others_stay(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        first, second = proxy.begin(None, pytest.fail), proxy.begin(None, pytest.fail)
        guest, _ = ask(first, "127.0.0.1", server.port)
        other, _ = ask(second, "127.0.0.1", server.port)
        with guest, other, server.accept() as connection, server.accept() as another:
            first.close()
            assert guest.recv(1) == b""
            assert connection.recv(1) == b""

            other.sendall(b"still")
            assert another.recv(5) == b"still"
        second.close()


def test_a_use_that_is_closed_makes_no_connections_any_more(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, _ = ask(use, "127.0.0.1", server.port)
        guest.close()
        server.accept().close()
        use.close()

        guest, theirs = pair()
        use.connect("127.0.0.1", server.port, 0, theirs)
        with guest:
            assert guest.recv(1) == b""
    assert not server.was_called()


def test_a_use_is_closed_while_a_name_is_still_being_resolved():
    resolving, gate = threading.Event(), threading.Event()

    def slow():
        resolving.set()
        gate.wait(CEILING_S)

    with proxy_of("slow.org:1", names={"slow.org": slow}) as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, theirs = pair()
        use.connect("slow.org", 1, 0, theirs)
        with guest:
            assert resolving.wait(CEILING_S)
            use.close()
            assert guest.recv(1) == b""
        gate.set()


def test_a_proxy_that_is_closed_leaves_no_connection_and_answers_nobody(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        guest, _ = ask(use, "127.0.0.1", server.port)
        with guest, server.accept() as connection:
            assert proxy.close()
            assert (guest.recv(1), connection.recv(1)) == (b"", b"")
        use.close()

        guest, theirs = pair()
        use.connect("127.0.0.1", server.port, 0, theirs)
        with guest:
            assert guest.recv(1) == b""
        assert proxy.close()


def test_a_guest_that_sends_and_never_reads_holds_up_nobody_else(server):
    with proxy_of(f"127.0.0.1:{server.port}") as proxy:
        use = proxy.begin(None, pytest.fail)
        deaf, _ = ask(use, "127.0.0.1", server.port)
        guest, _ = ask(use, "127.0.0.1", server.port)
        with deaf, guest, server.accept() as flooded, server.accept() as connection:
            flooded.settimeout(0)
            with pytest.raises(BlockingIOError):
                [flooded.send(bytes(1 << 20)) for _ in range(1000)]
            guest.sendall(b"hello")
            assert connection.recv(5) == b"hello"
        use.close()


def test_a_failure_of_our_own_ends_the_loop_and_is_told(monkeypatch):
    failures, told = [], threading.Event()

    async def broken(*_):
        raise LookupError("ours")

    def on_failure(error):
        failures.append(str(error))
        told.set()

    monkeypatch.setattr(_relay, "serve", broken)
    with proxy_of("a.org:1", on_failure=on_failure) as proxy:
        guest, theirs = pair()
        with guest, theirs:
            use = proxy.begin(None, pytest.fail)
            use.connect("a.org", 1, 0, theirs)
            assert told.wait(CEILING_S)
            use.close()  # nobody is left who could say that it is

    assert failures == ["ours"]
