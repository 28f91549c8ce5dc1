"""A client of a control socket gets one answer, whatever it sends; one that is hostile costs only itself."""

from __future__ import annotations

import struct
import threading

import pytest

from dspex_actors.control._errors import ClientGoneError, RequestFailedError
from dspex_actors.control._protocol import (
    MAX_REQUEST_BYTES,
    Done,
    Failed,
    Hello,
    ListModules,
    Missed,
    Watching,
    encode_request,
)
from tests.dspex_actors.control._served import CEILING_S, REQUEST, conversing, replies


def never(request, client):
    raise AssertionError(f"{request} was answered to {client}")


def refused(found):
    """Return why a conversation ended, which said hello and refused."""
    hello, failed = found
    assert isinstance(hello, Hello)
    assert (failed.__class__, failed.kind) == (Failed, "refused")
    return failed.reason


def test_a_client_is_greeted_gets_its_items_and_the_last_word():
    def answer(request, client):
        assert request == ListModules()
        client.send(Missed(count=1))
        client.send(Missed(count=2))

    with conversing(answer) as client:
        client.sendall(REQUEST)
        hello, *rest = replies(client)

    assert hello.protocol == 1
    assert rest == [Missed(count=1), Missed(count=2), Done()]


def test_a_request_in_single_bytes_is_taken_like_any_other():
    with conversing(lambda *_: None) as client:
        for place in range(len(REQUEST)):
            client.sendall(REQUEST[place : place + 1])
        assert replies(client)[1:] == [Done()]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\xff\xff\xff\xff", "a frame of 4294967295 bytes"),
        (struct.pack(">I", MAX_REQUEST_BYTES + 1), f"allowed are 1 to {MAX_REQUEST_BYTES}"),
        (struct.pack(">I", 0), "a frame of 0 bytes"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes"),
        (struct.pack(">I", 4) + b"oops", "malformed"),
        (struct.pack(">I", 2) + b"{}", "missing required field `is`"),
        (REQUEST + REQUEST, "more than one request"),
        (REQUEST + b"\x00", "more than one request"),
    ],
)
def test_what_is_no_single_request_is_refused_and_nothing_is_done(sent, said):
    with conversing(never) as client:
        client.sendall(sent)
        assert said in refused(replies(client))


def test_the_largest_frame_is_read_and_judged():
    with conversing(never) as client:
        client.sendall(struct.pack(">I", MAX_REQUEST_BYTES) + b"x" * MAX_REQUEST_BYTES)
        assert "malformed" in refused(replies(client))


@pytest.mark.parametrize(
    "sent", [b"", REQUEST[:3], REQUEST[:-1]], ids=["nothing", "a part of the length", "most"]
)
def test_a_client_that_is_too_slow_is_not_waited_for(sent):
    with conversing(never, patience_s=0.05) as client:
        client.sendall(sent)
        assert "no request within 0.05 s" in refused(replies(client))


@pytest.mark.parametrize(
    "sent", [b"", REQUEST[:3], REQUEST[:-1]], ids=["nothing", "a part of the length", "most"]
)
def test_a_client_that_goes_before_it_has_asked_leaves_nothing_behind(sent):
    with conversing(never) as client:
        client.sendall(sent)
        client.close()


def test_a_client_that_takes_no_reply_is_let_go():
    ended = threading.Event()

    def answer(request, client):
        del request
        try:
            while True:
                client.send(Watching(pattern="x" * 100_000))
        except ClientGoneError:
            ended.set()
            raise

    with conversing(answer, patience_s=0.1) as client:
        client.sendall(REQUEST)
        assert ended.wait(CEILING_S)


@pytest.mark.parametrize("kind", ["usage", "failed", "unavailable"])
def test_a_request_that_cannot_be_done_ends_with_its_reason(kind):
    def answer(*_):
        raise RequestFailedError(kind, "there is\udcff none")

    with conversing(answer) as client:
        client.sendall(REQUEST)
        assert replies(client)[1:] == [Failed(kind=kind, reason="there is\\udcff none")]


def test_a_fault_of_an_answer_is_told_and_logged(caplog):
    def answer(*_):
        raise KeyError("odd")

    with conversing(answer) as client:
        client.sendall(REQUEST)
        assert replies(client)[1:] == [Failed(kind="internal", reason="KeyError: 'odd'")]
    assert "control.request_failed" in caplog.text


def test_whoever_waits_for_a_client_is_woken_when_it_goes():
    waiting, gone = threading.Event(), threading.Event()

    def answer(request, client):
        del request
        client.take_time()
        waiting.set()
        client.wait_gone()
        gone.set()

    with conversing(answer) as client:
        client.sendall(REQUEST)
        assert waiting.wait(CEILING_S)
        client.close()
        assert gone.wait(CEILING_S)


def test_closing_wakes_whoever_waits_and_runs_what_was_left_for_it_once():
    waiting, told = threading.Event(), []
    kept = []

    def answer(request, client):
        del request
        kept.append(client)
        client.on_close(lambda: told.append("first"))
        waiting.set()
        client.wait_gone()

    with conversing(answer) as client:
        client.sendall(REQUEST)
        assert waiting.wait(CEILING_S)
        kept[0].close()
        kept[0].close()
        kept[0].on_close(lambda: told.append("late"))

    assert told == ["first", "late"]
    with pytest.raises(ClientGoneError):
        kept[0].send(Missed(count=1))


def test_a_request_may_be_of_any_kind_the_protocol_has():
    seen = []
    with conversing(lambda request, _: seen.append(request)) as client:
        client.sendall(encode_request(ListModules(pattern="a.*")))
        replies(client)

    assert seen == [ListModules(pattern="a.*")]
