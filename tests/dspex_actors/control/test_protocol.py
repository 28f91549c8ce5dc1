"""What crosses a control socket is a message of a fixed set, within its limits, or it is refused."""

from __future__ import annotations

import itertools
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.control import _protocol as said
from dspex_actors.control._errors import ControlProtocolError
from dspex_actors.control._protocol import (
    MAX_REPLY_BYTES,
    MAX_REQUEST_BYTES,
    MAX_TEXT_CHARS,
    FrameReader,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    text,
)

REQUESTS = [
    said.ListModules(),
    said.ListModules(pattern="a.*", type="T", version=">=1", tags=("x", "y")),
    said.ShowModule(module_id="a"),
    said.ReloadModule(module_id="a"),
    said.ReloadModule(module_id="a", version="2", source="/b.py", when_busy="restart", suspend_s=0.5),
    said.RollBackModule(module_id="a", suspend_s=1),
    said.WatchEvents(pattern="é*"),
]
VERSION = said.VersionRow(version="1", digest="d")
REPLIES = [
    said.Hello(protocol=1, pid=7, python="3.12.1"),
    said.ModuleRow(
        module_id="a", version="1", digest="d", type="T", isolation="host", tags=("x",), instances=2, live=1
    ),
    said.ModuleDetails(
        module_id="a",
        version="1",
        digest="d",
        type="T",
        target="m:T",
        source=None,
        reload_root="m",
        isolation="host",
        checkpoint="never",
        when_failed="keep",
        hot_reload=True,
        tags=(),
        metadata={"a": 1, "b": None, "c": True, "d": "e", "f": 1.5},
        old=(VERSION,),
    ),
    said.InstanceRow(name="main", live=True, version="1", pinned=False, saved=None),
    said.Reloaded(
        module_id="a",
        old="1",
        new="2",
        changed=True,
        modules=("m",),
        upgraded=1,
        restarted=0,
        suspended_s=0.1,
    ),
    said.Watching(pattern="*"),
    said.Event(
        number=1, module_id="a", event="reload_failed", old="1", new="2", old_digest="d", new_digest=None
    ),
    said.Missed(count=3),
    said.Done(),
    said.Failed(kind="usage", reason="no"),
]


def bodies(frames, most=MAX_REPLY_BYTES):
    return FrameReader(most).feed(frames)


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_a_request_is_read_as_it_was_written(request_):
    assert [decode_request(each) for each in bodies(encode_request(request_))] == [request_]


@pytest.mark.parametrize("reply", REPLIES, ids=repr)
def test_a_reply_is_read_as_it_was_written(reply):
    assert [decode_reply(each) for each in bodies(encode_reply(reply))] == [reply]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b'{"is":"Shutdown"}',
        b'{"is":"Done"}',
        b'{"is":"ListModules","pattern":5}',
        b'{"is":"ListModules","pattern":""}',
        b'{"is":"ListModules","more":1}',
        b'{"is":"ShowModule"}',
        b'{"is":"ShowModule","module_id":"a"} {}',
        b'{"is":"ReloadModule","module_id":"a","when_busy":"kill"}',
        b'{"is":"ReloadModule","module_id":"a","suspend_s":0}',
        b'{"is":"ReloadModule","module_id":"a","suspend_s":NaN}',
        b'{"is":"ShowModule","module_id":"\xff"}',
        b'{"is":"ShowModule","module_id":"\\ud800"}',
        b'{"is":"ShowModule","module_id":' + b"[" * 50_000 + b"]" * 10_000 + b"}",
        b"[" * 60_000,
        json.dumps({"is": "ShowModule", "module_id": "a" * 1025}).encode(),
        json.dumps({"is": "ListModules", "tags": ["t"] * 65}).encode(),
        b"\x80\x04cos\nsystem\n",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_request_is_refused(body):
    with pytest.raises(ControlProtocolError, match="no message of the control socket"):
        decode_request(body)


def test_the_longest_texts_and_the_most_tags_are_taken():
    request = said.ListModules(pattern="a" * 1024, tags=("t" * 900,) * 64)

    assert decode_request(bodies(encode_request(request))[0]) == request


def test_a_client_is_told_of_a_wrong_field_before_it_is_sent():
    for wrong in (said.ShowModule(module_id="a" * 1025), said.ShowModule(module_id="\ud800")):
        with pytest.raises(ControlProtocolError):
            encode_request(wrong)


@pytest.mark.parametrize(("size", "taken"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_frame_has_at_least_one_byte_and_at_most_the_limit(size, taken):
    frame = struct.pack(">I", size) + b"x" * size
    if taken:
        assert bodies(frame, 100) == [b"x" * size]
        return
    with pytest.raises(ControlProtocolError, match=f"a frame of {size} bytes; allowed are 1 to 100"):
        bodies(frame, 100)


def test_a_frame_beyond_the_limit_is_refused_by_its_first_four_bytes():
    with pytest.raises(ControlProtocolError, match="4294967295"):
        bodies(b"\xff\xff\xff\xff", MAX_REQUEST_BYTES)


@settings(max_examples=50)
@given(
    contents=st.lists(st.binary(min_size=1, max_size=20), max_size=5),
    cuts=st.lists(st.integers(0, 120), max_size=8),
)
def test_frames_are_the_same_whatever_pieces_they_come_in(contents, cuts):
    stream = b"".join(struct.pack(">I", len(each)) + each for each in contents)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = FrameReader(20)

    found = [each for start, end in itertools.pairwise(places) for each in reader.feed(stream[start:end])]

    assert (found, reader.inside) == (contents, False)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_are_refused(body):
    try:
        request = decode_request(body)
    except ControlProtocolError:
        return
    assert isinstance(request, said.Message)


def test_a_reply_that_is_too_long_is_refused_by_who_would_send_it():
    with pytest.raises(ControlProtocolError, match="allowed are 1048576"):
        encode_reply(said.Watching(pattern="x" * MAX_REPLY_BYTES))


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("plain é", "plain é"),
        ("a\udcffb", "a\\udcffb"),
        (5, "5"),
        ("x" * MAX_TEXT_CHARS, "x" * MAX_TEXT_CHARS),
        ("x" * (MAX_TEXT_CHARS + 1), "x" * (MAX_TEXT_CHARS - 3) + "..."),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_texts_of_others_are_made_such_that_they_can_be_sent(value, sent):
    assert text(value) == sent
