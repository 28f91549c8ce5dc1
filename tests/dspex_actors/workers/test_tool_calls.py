"""The host's side of tools: which frames a worker may send, and what it is answered."""

from __future__ import annotations

import os
import socket
import struct
import threading

import msgspec
import pytest

from dspex_actors import Limits, ProtocolError, values
from dspex_actors.values._extensions import MAX_BUFFERS, OUT_OF_BAND
from dspex_actors.workers import ToolFailure, _framing, _protocol
from dspex_actors.workers._protocol import FrameType, ToolCall, ToolResult
from dspex_actors.workers._tool_calls import ToolCalls

CEILING_S = 5.0
NONCE = 77
encode = msgspec.msgpack.encode


class FakeTools:
    names = ("add", "search")

    def __init__(self):
        self.calls = []
        self.closed = 0

    def call(self, name, args, kwargs, answer):
        self.calls.append((name, args, kwargs))
        self.answer = answer

    def close(self):
        self.closed += 1


@pytest.fixture
def pair():
    host, worker = socket.socketpair()
    worker.settimeout(CEILING_S)
    with host, worker:
        yield host, worker


@pytest.fixture
def tools():
    return FakeTools()


@pytest.fixture
def make(pair, tools):
    return lambda **limits: ToolCalls(tools, Limits(**limits), pair[0], NONCE)


def packed(*parts):
    return b"".join(bytes(block) for block in _framing.pack_parts(parts))


def payload(name="add", args=(), kwargs=None, value=None):
    encoded = values.encode([list(args), kwargs or {}] if value is None else value)
    return packed(encode(ToolCall(name)), encoded.structure, *encoded.buffers)


def answered(sock):
    """Read one answer: its message, and its value if it has one."""
    frame = _framing.FrameReader(sock, {FrameType.TOOL_RESULT: 2**32}).read()
    assert frame.nonce == NONCE
    parts = _framing.split_parts(frame.payload)
    message = msgspec.msgpack.decode(parts[0], type=ToolResult)
    return message, values.decode(parts[1], parts[2:]) if len(parts) > 1 else None


def test_a_call_is_handed_on_with_its_arguments_and_answered_with_the_value(make, tools, pair):
    calls = make()

    assert calls.take(payload("search", [1, "a"], {"n": (2,)}))
    tools.answer(values.encode({"rows": [1, 2]}))

    assert tools.calls == [("search", [1, "a"], {"n": (2,)})]
    assert answered(pair[1]) == (ToolResult("", ""), {"rows": [1, 2]})
    assert calls.count == 1


def test_a_failure_is_answered_with_its_name_and_text(make, tools, pair):
    calls = make()
    calls.take(payload())
    tools.answer(ToolFailure("KeyError", "'x'"))

    assert answered(pair[1]) == (ToolResult("KeyError", "'x'"), None)


MALFORMED = {
    "nothing": b"",
    "garbage": os.urandom(100),
    "no parts": packed(),
    "a table that lies": struct.pack("<IQ", 1, 2**60) + b"x",
    "a message that is none": packed(b"\xc1", b"x"),
    "a message of another shape": packed(encode({"tool": "add"}), b"x"),
    "a name that is no text": packed(encode([5]), b"x"),
    "an unknown name": payload("exit"),
    "a name almost right": payload("add "),
    "no arguments": packed(encode(ToolCall("add"))),
    "arguments of garbage": packed(encode(ToolCall("add")), os.urandom(50)),
    "a pickle": packed(encode(ToolCall("add")), b"\x80\x04N."),
    "one argument": payload(value=5),
    "three lists": payload(value=[[], {}, []]),
    "a dict for the list": payload(value=[{}, {}]),
    "a list for the dict": payload(value=[[], []]),
    "a tuple for the list": payload(value=[(), {}]),
    "names that are no text": payload(value=[[], {1: 2}]),
    "a buffer too many": packed(encode(ToolCall("add")), values.encode([[], {}]).structure, b"x"),
    "an opaque value": packed(
        encode(ToolCall("add")), values.encode([[object()], {}], opaque=lambda _: b"x").structure
    ),
}


@pytest.mark.parametrize("wrong", MALFORMED.values(), ids=MALFORMED)
def test_a_payload_that_is_no_call_breaks_the_protocol_and_runs_nothing(make, tools, wrong):
    calls = make()

    with pytest.raises(ProtocolError):
        calls.take(wrong)
    assert tools.calls == []


def test_a_second_call_before_the_answer_to_the_first_breaks_the_protocol(make, tools):
    calls = make()
    calls.take(payload())

    with pytest.raises(ProtocolError, match="another one is under way"):
        calls.take(payload())
    assert len(tools.calls) == 1


def test_a_call_after_the_answer_to_the_last_one_is_taken(make, tools, pair):
    calls = make()
    for number in range(3):
        assert calls.take(payload(args=[number]))
        tools.answer(values.encode(number))
        assert answered(pair[1])[1] == number

    assert [args for _, args, _ in tools.calls] == [[0], [1], [2]]


@pytest.mark.parametrize(("limit", "taken"), [(0, 0), (1, 1), (2, 2), (None, 5)])
def test_as_many_calls_are_taken_as_the_limit_says_and_not_one_more(make, tools, pair, limit, taken):
    calls = make(tool_calls=limit)
    results = []
    for _ in range(5):
        results.append(calls.take(payload()))
        if not results[-1]:
            break
        tools.answer(values.encode(None))
        answered(pair[1])

    assert results == [True] * taken + [False] * (taken < 5)
    assert len(tools.calls) == taken
    assert calls.count == len(results)


@pytest.mark.parametrize(
    ("result_bytes", "cap"),
    [
        (1000, 1000 + _protocol.TOOL_CALL_OVERHEAD),
        (None, 2**32 - 1),
        (2**40, 2**32 - 1),
    ],
)
def test_the_arguments_of_a_call_may_be_as_large_as_a_result(make, result_bytes, cap):
    assert make(result_bytes=result_bytes).cap == cap


def test_the_overhead_has_room_for_the_table_of_the_most_buffers():
    block = b"x" * (OUT_OF_BAND + 1)
    encoded = values.encode([[block] * MAX_BUFFERS, {}])
    frame = packed(encode(ToolCall("a" * 200)), encoded.structure, *encoded.buffers)

    assert len(encoded.buffers) == MAX_BUFFERS
    assert len(frame) <= encoded.size + _protocol.TOOL_CALL_OVERHEAD


def test_a_request_may_not_end_while_a_call_is_under_way(make, tools, pair):
    calls = make()
    calls.finish()
    calls = make()
    calls.take(payload())

    with pytest.raises(ProtocolError, match="while a tool is being called"):
        calls.finish()
    tools.answer(values.encode(1))
    answered(pair[1])
    calls.finish()


def test_an_answer_that_comes_after_the_end_is_not_sent(make, tools, pair):
    calls = make()
    calls.take(payload())
    calls.close()
    tools.answer(values.encode(1))
    pair[0].close()

    assert tools.closed == 1
    assert pair[1].recv(100) == b""


def test_the_socket_of_a_request_that_ended_in_order_stays_open(make, tools, pair):
    calls = make()
    calls.finish()
    calls.close()
    pair[0].sendall(b"x")

    assert pair[1].recv(100) == b"x"
    assert tools.closed == 1


def test_an_answer_that_the_worker_does_not_read_holds_up_no_end(make, tools, pair):
    calls = make()
    calls.take(payload())
    sender = threading.Thread(target=tools.answer, args=(values.encode(bytes(8 * 2**20)),))
    sender.start()
    while calls._under_way:  # it is cleared just before the bytes are sent
        threading.Event().wait(0.001)
    pair[0].shutdown(socket.SHUT_RDWR)  # as the kill does
    calls.close()
    sender.join(CEILING_S)

    assert not sender.is_alive()


def test_an_answer_to_a_worker_that_is_gone_is_no_error(make, tools, pair):
    calls = make()
    calls.take(payload())
    pair[1].close()

    tools.answer(values.encode(1))
    calls.close()
