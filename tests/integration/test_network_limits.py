"""How much a guest may do in the network, and that nothing of it outlives its execution."""

from __future__ import annotations

import socket
import threading

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, Policy, WorkerDied
from dspex_actors.executors import _relay
from tests.integration._servers import PAGE, Listener, WebServer
from tests.integration._tools import CEILING_S, Events, runtime_of

LIMITS = Limits(time_s=CEILING_S)


@pytest.fixture
def server():
    with Listener() as listener:
        yield listener


def policy_for(*servers, **options):
    return Policy(network=[f"127.0.0.1:{server.port}" for server in servers], **options)


@pytest.fixture
def runtime(server):
    """Yield a runtime whose guests may reach the server."""
    with runtime_of(policy=policy_for(server), limits=LIMITS, spares=1) as runtime:
        yield runtime
    assert runtime.stop().clean


OPEN_MANY = """
import socket
for _ in range(count):
    try:
        socket.create_connection((host, port)).close()
    except PermissionError:
        pass  # counts all the same
count
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"], ids=["made", "refused"])
def test_as_many_connections_as_the_limit_are_made_and_one_more_ends_the_guest(runtime, server, host):
    limits = Limits(time_s=CEILING_S, connections=3)
    variables = {"host": host, "port": server.port}

    within = runtime.execute(OPEN_MANY, variables=variables | {"count": 3}, limits=limits)
    beyond = runtime.execute(OPEN_MANY, variables=variables | {"count": 4}, limits=limits)

    assert (within.value, within.usage.connections) == (3, 3)
    assert isinstance(beyond, LimitExceeded)
    assert (beyond.limit, beyond.allowed, beyond.used) == ("connections", 3, 4)
    assert "3 connections" in str(beyond)


def test_a_limit_of_no_connections_ends_the_guest_at_its_first(runtime, server):
    result = runtime.execute(
        OPEN_MANY,
        variables={"host": "127.0.0.1", "port": server.port, "count": 1},
        limits=Limits(connections=0),
    )
    assert isinstance(result, LimitExceeded)
    assert server.callers() == 0


SEND = """
import socket
sock = socket.create_connection(("127.0.0.1", port))
sock.sendall(bytes(size))
sock.shutdown(socket.SHUT_WR)
len(sock.makefile("rb").read())
"""


def answered(server, answer):
    """Take one caller in a thread of its own: read all it sends, answer, and return what has come."""
    received = []

    def take():
        with server.accept() as connection:
            received.append(len(connection.makefile("rb").read()))
            connection.sendall(answer)

    thread = threading.Thread(target=take)
    thread.start()
    return thread, received


@pytest.mark.parametrize(
    ("sent", "answer", "is_within"), [(600, 400, True), (601, 400, False), (600, 401, False)]
)
def test_bytes_of_both_directions_together_reach_the_limit_and_not_beyond(
    runtime, server, sent, answer, is_within
):
    thread, received = answered(server, bytes(answer))
    result = runtime.execute(
        SEND,
        variables={"port": server.port, "size": sent},
        limits=Limits(time_s=CEILING_S, network_bytes=1000),
    )
    thread.join(CEILING_S)

    assert received == [sent]
    if is_within:
        assert (result.value, result.usage.network_bytes) == (answer, 1000)
    else:
        assert isinstance(result, LimitExceeded)
        assert (result.limit, result.allowed, result.used) == ("network_bytes", 1000, 1001)


CONNECT_AND_STAY = """
import socket, threading
sock = socket.create_connection(("127.0.0.1", port))
print("connected")
sock.recv(1) if wait == "recv" else threading.Event().wait()
"""


@pytest.mark.parametrize("wait", ["recv", "elsewhere"])
def test_a_guest_that_is_out_of_time_loses_its_connection_with_its_life(runtime, server, wait):
    gone = []

    def take():
        with server.accept() as connection:
            gone.append(connection.recv(1))

    thread = threading.Thread(target=take)
    thread.start()
    result = runtime.execute(
        CONNECT_AND_STAY, variables={"port": server.port, "wait": wait}, limits=Limits(time_s=0.5)
    )
    thread.join(CEILING_S)

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.usage.connections) == ("time", 1)
    assert gone == [b""]


def test_a_cancelled_guest_leaves_no_connection(runtime, server):
    connected = threading.Event()
    future = runtime.submit(
        CONNECT_AND_STAY,
        variables={"port": server.port, "wait": "recv"},
        on_output=lambda *_: connected.set(),
    )
    with server.accept() as connection:
        assert connected.wait(CEILING_S)
        future.cancel()
        assert connection.recv(1) == b""


def test_a_guest_that_crashes_leaves_no_connection(runtime, server):
    code = (
        "import os, socket\nsock = socket.create_connection(('127.0.0.1', port))\n"
        "sock.sendall(b'x')\nos._exit(3)"
    )
    result = runtime.execute(code, variables={"port": server.port})

    assert isinstance(result, WorkerDied)
    with server.accept() as connection:
        assert connection.recv(1) in {b"x", b""}
        assert connection.recv(1) == b""


def test_a_connection_that_the_guest_left_open_ends_with_its_execution(runtime, server):
    code = "import socket\nsock = socket.create_connection(('127.0.0.1', port))\nsock.sendall(b'x')\n1"

    assert runtime.execute(code, variables={"port": server.port}).value == 1
    with server.accept() as connection:
        assert connection.makefile("rb").read() in {b"", b"x"}


def test_when_the_runtime_stops_the_connections_of_its_guests_are_gone(server):
    with runtime_of(policy=policy_for(server), limits=LIMITS, spares=1, stop_timeout_s=0.5) as runtime:
        future = runtime.submit(CONNECT_AND_STAY, variables={"port": server.port, "wait": "recv"})
        with server.accept() as connection:
            report = runtime.stop()
            assert connection.recv(1) == b""
        assert isinstance(future.result(CEILING_S), WorkerDied)
    assert report.clean


def test_guests_of_two_policies_have_lists_of_their_own(server):
    reach = "import socket\nsocket.create_connection(('127.0.0.1', port)).close()\n'reached'"
    with Listener() as other, runtime_of(policy=policy_for(server), limits=LIMITS, spares=1) as runtime:
        outcomes = [
            runtime.execute(reach, variables={"port": each.port}, policy=policy)
            for each in (server, other)
            for policy in (policy_for(server), policy_for(other))
        ]

    assert [isinstance(outcome, Completed) for outcome in outcomes] == [True, False, False, True]


def test_with_network_none_there_is_nobody_to_ask(server):
    code = "import socket\nsocket.create_connection(('127.0.0.1', port))"
    with runtime_of(limits=LIMITS, spares=1) as runtime:
        result = runtime.execute(code, variables={"port": server.port})
        names = {node.id for node in runtime.tree().walk()}

    assert result.error.type == "PermissionError"
    assert result.usage.connections == 0
    assert "network" not in names
    assert server.callers() == 0


def test_a_server_that_closes_gives_the_guest_the_end_of_the_stream(runtime, server):
    thread, _ = answered(server, b"all there is")
    code = (
        "import socket\nsock = socket.create_connection(('127.0.0.1', port))\n"
        "sock.shutdown(socket.SHUT_WR)\nsock.makefile('rb').read()"
    )
    result = runtime.execute(code, variables={"port": server.port})
    thread.join(CEILING_S)

    assert result.value == b"all there is"


def test_a_guests_own_timeout_ends_its_waiting_and_not_its_life(runtime, server):
    code = (
        "import socket\nsock = socket.create_connection(('127.0.0.1', port), timeout=0.05)\n"
        "try:\n    sock.recv(1)\nexcept TimeoutError:\n    result = 'timed out'\nresult"
    )
    assert runtime.execute(code, variables={"port": server.port}).value == "timed out"


def test_a_closed_port_is_a_refused_connection_as_anywhere():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    code = "import socket\nsocket.create_connection(('127.0.0.1', port))"
    with runtime_of(policy=Policy(network=[f"127.0.0.1:{port}"]), limits=LIMITS, spares=1) as runtime:
        result = runtime.execute(code, variables={"port": port})

    assert result.error.type == "ConnectionRefusedError"


def test_modules_that_are_loaded_beforehand_use_the_connections_too():
    code = "import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{port}/').read()"
    preload = ("asyncio", "http.client", "ssl", "urllib.request")
    with WebServer() as web:
        policy = policy_for(web, preload=preload)
        with runtime_of(policy=policy, limits=LIMITS, spares=1) as runtime:
            assert runtime.execute(code, variables={"port": web.port}).value == PAGE


def test_a_proxy_that_fails_is_started_anew_with_all_that_depends_on_it(server, monkeypatch):
    reach = "import socket\nsocket.create_connection(('127.0.0.1', port)).close()\n'reached'"

    async def broken(*_):
        raise LookupError("ours")

    with runtime_of(policy=policy_for(server), limits=LIMITS, spares=1) as runtime:
        events = Events(runtime.telemetry, "supervisor.child_restarted")
        with monkeypatch.context() as patch:
            patch.setattr(_relay, "serve", broken)
            runtime.submit(reach, variables={"port": server.port})
            events.wait("supervisor.child_restarted", times=4)  # the network, the zygote, workers, executor
        events.detach()

        assert runtime.execute(reach, variables={"port": server.port}).value == "reached"
