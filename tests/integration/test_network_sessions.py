"""Sessions whose network is a list: each call has its own connections, and no roll-back brings one back."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import Failed, LimitExceeded, Limits, Policy
from tests.integration._servers import PAGE, Listener, WebServer
from tests.integration._tools import CEILING_S, runtime_of

LIMITS = Limits(time_s=CEILING_S)
FETCH = "import urllib.request\nurllib.request.urlopen(f'http://127.0.0.1:{port}/').read()"
CONNECT = "import socket\nsock = socket.create_connection(('127.0.0.1', port))"


@pytest.fixture
def web():
    with WebServer() as server:
        yield server


@pytest.fixture
def session(web):
    """Yield a session that may reach the server, and knows its port."""
    policy = Policy(network=[f"127.0.0.1:{web.port}"])
    with runtime_of(policy=policy, limits=LIMITS, spares=0) as runtime, runtime.session() as session:
        session.execute(f"port = {web.port}")
        yield session


def test_every_call_of_a_session_has_the_network(session):
    assert [session.execute(FETCH).value for _ in range(3)] == [PAGE] * 3


def test_a_connection_ends_with_the_call_that_has_made_it(session):
    session.execute(CONNECT).unwrap()

    assert session.execute("sock.recv(1)").value == b""


def test_each_call_may_use_the_whole_limit(session):
    limits = Limits(time_s=CEILING_S, connections=1)

    assert [session.execute(FETCH, limits=limits).value for _ in range(3)] == [PAGE] * 3
    result = session.execute(f"{FETCH}\n{FETCH}", limits=limits)
    assert isinstance(result, LimitExceeded)
    assert session.execute(FETCH, limits=limits).value == PAGE


def test_a_state_that_was_rolled_back_reaches_the_network_again(session):
    session.execute("x = 42")
    killed = session.execute(f"{CONNECT}\nx = 0\nwhile True: pass", limits=Limits(time_s=0.3))

    assert isinstance(killed, LimitExceeded)
    assert session.execute("x").value == 42
    assert session.execute(FETCH).value == PAGE


def test_a_branch_of_a_session_has_a_network_of_its_own(session):
    session.execute("x = 1")
    with session.fork() as branch:
        assert branch.execute(FETCH).value == PAGE
        assert session.execute(FETCH).value == PAGE
        assert branch.execute("x").value == 1


BETWEEN_CALLS = """
import errno, socket, threading, time
outcome = []
def later():
    while True:
        try:
            socket.create_connection(("127.0.0.2", port))
        except OSError as error:
            if error.errno == errno.ENETDOWN:  # else a call is under way, or has just ended
                outcome.append(error.strerror)
                return
        time.sleep(0.001)
threading.Thread(target=later).start()
"""


def test_a_thread_that_goes_on_between_two_calls_has_no_network_and_costs_nothing(session):
    limits = Limits(time_s=CEILING_S, connections=None)
    session.execute(BETWEEN_CALLS, limits=limits).unwrap()
    gap = threading.Event()
    for _ in range(2000):  # until its turn came between two calls
        gap.wait(0.002)
        outcome = session.execute("outcome", limits=limits).unwrap()
        if outcome:
            break

    assert outcome == ["a connection is made only while an execution is running"]
    assert session.execute("1 + 1").value == 2


def test_a_session_that_is_closed_within_a_call_leaves_no_connection():
    with Listener() as listener:
        policy = Policy(network=[f"127.0.0.1:{listener.port}"])
        with runtime_of(policy=policy, limits=LIMITS, spares=0) as runtime, runtime.session() as session:
            session.execute(f"port = {listener.port}")
            future = session.submit(f"{CONNECT}\nsock.recv(1)")
            with listener.accept() as connection:
                session.close()
                assert connection.recv(1) == b""
            assert not isinstance(future.result(CEILING_S), Failed)


def test_a_session_where_the_state_cannot_be_copied_has_the_network_too():
    with WebServer() as web:
        policy = Policy(profile="shell", network=[f"127.0.0.1:{web.port}"])
        with runtime_of(policy=policy, limits=LIMITS, spares=0) as runtime, runtime.session() as session:
            session.execute(f"port = {web.port}")

            assert [session.execute(FETCH).value for _ in range(2)] == [PAGE] * 2
