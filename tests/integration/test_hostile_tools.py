"""A worker that calls tools in a way the protocol forbids is killed, and nothing it asked for is run.

The worker is played by a thread of the test, as in the tests of hostile workers.
"""

from __future__ import annotations

import os
import pickle
import socket
import threading
from contextlib import suppress
from random import Random

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, ProtocolError, WorkerDied, values
from dspex_actors.workers import WorkerProcess, _protocol
from dspex_actors.workers._asks import Asks
from dspex_actors.workers._output import OutputCollector
from dspex_actors.workers._protocol import FrameType, ToolCall
from tests.integration._fake_worker import (
    HEADER,
    LIMITS,
    FakeWorker,
    encode,
    final,
    frame,
    packed,
    value_parts,
)
from tests.integration._tools import CEILING_S, mutated


@pytest.fixture
def fake():
    fake = FakeWorker()
    yield fake
    fake.close()


class Tools:
    """Notes calls; answers with a value at once, or never."""

    names = ("add",)

    def __init__(self, value=None, *, answers=True):
        self.calls, self.value, self.answers = [], value, answers
        self.closed = False

    def call(self, name, args, kwargs, answer):
        self.calls.append((name, args, kwargs))
        if self.answers:
            threading.Thread(target=answer, args=(values.encode(self.value),), daemon=True).start()

    def close(self):
        self.closed = True


def call(nonce, name="add", value=None):
    arguments = value_parts([[1], {}] if value is None else value)
    return frame(FrameType.TOOL_CALL, nonce, packed(encode(ToolCall(name)), *arguments))


def answered(sock):
    """Read one answer as a worker would; return its payload."""
    size, kind, _ = HEADER.unpack(sock.recv(HEADER.size, socket.MSG_WAITALL))
    assert kind == FrameType.TOOL_RESULT
    return sock.recv(size, socket.MSG_WAITALL)


def sends(*chunks):
    def play(nonce, sock):
        for chunk in chunks:
            sock.sendall(chunk(nonce))

    return play


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("/tmp/dspex-must-not-exist",)  # noqa: S108 -- never made


CAP = LIMITS.result_bytes + _protocol.TOOL_CALL_OVERHEAD
HOSTILE = {
    "another nonce": sends(lambda n: call(n + 1)),
    "the nonce zero": sends(lambda _: call(0)),
    "a tool that was not given": sends(lambda n: call(n, "exit")),
    "a name with a byte more": sends(lambda n: call(n, "add\0")),
    "the host's own type": sends(lambda n: frame(FrameType.TOOL_RESULT, n, b"x")),
    "a call above its cap": sends(lambda n: HEADER.pack(CAP + 1, FrameType.TOOL_CALL, n)),
    "a call of four gigabytes": sends(lambda n: HEADER.pack(2**32 - 1, FrameType.TOOL_CALL, n)),
    "an empty call": sends(lambda n: frame(FrameType.TOOL_CALL, n)),
    "garbage": sends(lambda n: frame(FrameType.TOOL_CALL, n, os.urandom(200))),
    "arguments that are no list and dict": sends(lambda n: call(n, value=[1, 2])),
    "a pickle for the arguments": sends(
        lambda n: frame(FrameType.TOOL_CALL, n, packed(encode(ToolCall("add")), pickle.dumps(Bomb())))
    ),
    "an opaque argument": sends(
        lambda n: frame(
            FrameType.TOOL_CALL,
            n,
            packed(encode(ToolCall("add")), *value_parts([[Bomb()], {}], opaque=pickle.dumps)),
        )
    ),
}


@pytest.mark.parametrize("play", HOSTILE.values(), ids=HOSTILE)
def test_a_call_that_the_protocol_forbids_kills_the_worker_and_runs_nothing(fake, play):
    fake.ready()
    tools = Tools()

    result = fake.execute(play, tools=tools)

    assert isinstance(result, WorkerDied), result
    assert "broke the protocol" in result.detail
    assert fake.wait_killed()
    assert tools.calls == []
    assert tools.closed


def test_a_call_in_a_request_without_tools_is_an_unknown_frame(fake):
    fake.ready()

    result = fake.execute(sends(call))

    assert isinstance(result, WorkerDied)
    assert "unknown type 5" in result.detail
    assert fake.wait_killed()


@pytest.mark.parametrize(
    ("second", "words"),
    [(call, "another one is under way"), (final, "while a tool is being called")],
    ids=["another call", "a final frame"],
)
def test_what_may_only_come_after_the_answer_kills_a_worker_that_does_not_wait(fake, second, words):
    fake.ready()
    tools = Tools(answers=False)

    result = fake.execute(sends(call, second), tools=tools)

    assert isinstance(result, WorkerDied)
    assert words in result.detail
    assert len(tools.calls) == 1
    assert tools.closed


def test_a_call_after_the_final_frame_breaks_the_next_request_also_if_that_has_tools(fake):
    fake.ready()

    first = fake.execute(lambda n, sock: sock.sendall(final(n) + call(n)), keep=True, tools=Tools())
    tools = Tools()
    second = fake.execute(lambda n, sock: sock.sendall(final(n)), tools=tools)

    assert first.value == 5
    assert isinstance(second, WorkerDied)
    assert tools.calls == []


def test_the_tools_of_one_request_are_not_those_of_the_next_one_of_the_same_worker(fake):
    fake.ready()

    def play(nonce, sock):
        sock.sendall(call(nonce))
        answered(sock)
        sock.sendall(final(nonce))

    tools = Tools()
    first = fake.execute(play, keep=True, tools=tools)
    second = fake.execute(sends(call))

    assert isinstance(first, Completed)
    assert isinstance(second, WorkerDied)
    assert len(tools.calls) == 1


def test_a_worker_that_reads_no_answer_is_ended_by_its_deadline(fake):
    fake.ready()
    gate = threading.Event()

    def play(nonce, sock):
        sock.sendall(call(nonce))
        gate.wait(CEILING_S)

    ender = threading.Thread(target=lambda: (fake.process.wait(), gate.set(), fake.socket.close()))
    ender.start()
    result = fake.execute(play, Limits(time_s=0.3), tools=Tools(bytes(8 * 2**20)))
    ender.join(CEILING_S)

    assert isinstance(result, LimitExceeded)
    assert result.limit == "time"


def test_a_worker_that_ends_while_it_is_answered_is_a_dead_worker(fake):
    fake.ready()

    def play(nonce, sock):
        sock.sendall(call(nonce))
        sock.recv(10)
        fake.process.kill()
        fake.process.wait()
        sock.shutdown(socket.SHUT_RDWR)

    result = fake.execute(play, tools=Tools(bytes(8 * 2**20)))

    assert isinstance(result, WorkerDied)
    assert result.signal == 9


@pytest.mark.parametrize("seed", range(3))
def test_whatever_bytes_come_only_given_tools_are_called_and_only_with_plain_arguments(seed):
    random = Random(seed)  # noqa: S311 -- the same mutations in every run
    nonce, called = 12345, 0
    for _ in range(700):
        raw = call(nonce, value=random.choice([None, [["a" * 30, {1: 2}], {"k": [None]}]])) + final(nonce)
        data, theirs = socket.socketpair()
        control, other = socket.socketpair()
        with data, theirs, control, other:
            theirs.sendall(mutated(random, raw))
            theirs.shutdown(socket.SHUT_WR)
            worker = WorkerProcess(data, control, 1, "process", {})
            tools = Tools(answers=False)
            with suppress(ProtocolError):
                asks = Asks(tools, None, LIMITS, data, nonce, worker.kill)
                worker._receive(nonce, LIMITS, OutputCollector(100), asks)
        called += len(tools.calls)
        assert {name for name, _, _ in tools.calls} <= {"add"}
        assert all(type(args) is list and type(kwargs) is dict for _, args, kwargs in tools.calls)
    assert called
