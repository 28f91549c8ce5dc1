"""A guest's streams send what is written within a limit, soon at first and in batches later."""

from __future__ import annotations

from array import array

import pytest

from dspex_actors.workers.guest import _output
from dspex_actors.workers.guest._output import OutputBuffer, OutputStream, finish


class Sent(list):
    """What was sent, one entry a frame."""

    @property
    def joined(self) -> bytes:
        return b"".join(self)


@pytest.fixture
def sent():
    return Sent()


@pytest.fixture
def frozen_clock(monkeypatch):
    """Time stands still, so that no batch is ever due."""
    monkeypatch.setattr(_output.time, "monotonic", lambda: 0.0)


def test_the_first_lines_go_out_at_once(sent):
    buffer = OutputBuffer(sent.append)

    buffer.write(b"a\n")
    buffer.write(b"b\n")

    assert sent == [b"a\n", b"b\n"]


@pytest.mark.usefixtures("frozen_clock")
def test_an_unfinished_line_after_a_finished_one_waits_for_more(sent):
    buffer = OutputBuffer(sent.append)

    buffer.write(b"a\n")
    buffer.write(b"b")
    buffer.write(b"c\n")

    assert sent == [b"a\n", b"bc\n"]


@pytest.mark.usefixtures("frozen_clock")
def test_many_writes_go_out_in_batches(sent):
    buffer = OutputBuffer(sent.append)
    for _ in range(10_000):
        buffer.write(b"0123456789")
    buffer.flush_now()

    assert sent.joined == b"0123456789" * 10_000
    assert len(sent) < 100


def test_a_large_write_is_cut_into_frames_that_the_host_takes(sent):
    OutputBuffer(sent.append).write(b"x" * 200_000)

    assert sent.joined == b"x" * 200_000
    assert max(map(len, sent)) <= 64 * 1024


@pytest.mark.parametrize(
    ("limit", "writes", "kept", "dropped"),
    [
        (4, [b"ab", b"cd"], b"abcd", 0),
        (4, [b"ab", b"cde"], b"abcd", 1),
        (4, [b"abcdef", b"gh"], b"abcd", 4),
        (0, [b"abc"], b"", 3),
        (None, [b"abc" * 1000], b"abc" * 1000, 0),
    ],
)
def test_what_is_beyond_the_limit_is_counted_and_not_sent(sent, limit, writes, kept, dropped):
    buffer = OutputBuffer(sent.append)
    buffer.reset(limit)
    for data in writes:
        assert buffer.write(data) == len(data)
    buffer.flush_now()

    assert (sent.joined, buffer.dropped) == (kept, dropped)


def test_a_reset_forgets_what_was_pending_and_counted(sent):
    buffer = OutputBuffer(sent.append)
    buffer.reset(1)
    buffer.write(b"abc")
    buffer.reset(2)
    buffer.write(b"de")

    assert (sent.joined, buffer.dropped) == (b"ade", 0)


@pytest.mark.parametrize("data", ["text", None, 5, object()])
def test_what_is_no_bytes_is_refused_as_by_any_binary_stream(sent, data):
    with pytest.raises(TypeError):
        OutputBuffer(sent.append).write(data)


@pytest.mark.parametrize("data", [bytearray(b"ab"), memoryview(b"ab"), array("H", [1, 2])])
def test_any_object_with_bytes_in_it_can_be_written(sent, data):
    OutputBuffer(sent.append).write(data)

    assert sent.joined == bytes(data)


@pytest.fixture
def stream(sent):
    return OutputStream(sent.append, "<stdout>")


def test_a_finished_line_goes_out_and_an_unfinished_one_with_the_end(sent, stream):
    print("one", file=stream)
    print("two", end="", file=stream)
    before = sent.joined
    finish(stream, stream.output)

    assert (before, sent.joined) == (b"one\n", b"one\ntwo")


def test_characters_without_utf8_are_written_as_escapes(sent, stream):
    print("\udc80€", file=stream)

    assert sent.joined == b"\\udc80\xe2\x82\xac\n"


def test_text_and_bytes_of_one_stream_keep_their_order(sent, stream):
    stream.write("a")
    stream.flush()
    stream.buffer.write(b"b")
    stream.write("c\n")

    assert sent.joined == b"abc\n"


def test_finish_tells_how_many_bytes_were_dropped(stream):
    stream.output.reset(3)
    stream.write("äöü")

    assert finish(stream, stream.output) == 3


def test_the_stream_looks_like_pythons_own(stream):
    assert (stream.name, stream.encoding, stream.writable()) == ("<stdout>", "utf-8", True)
    assert not stream.isatty()
    with pytest.raises(OSError, match="fileno"):
        stream.fileno()


@pytest.mark.parametrize("end", ["close", "detach"])
def test_a_stream_that_the_guest_closed_can_still_be_finished(sent, stream, end):
    stream.write("before\n")
    output = stream.output
    getattr(stream, end)()

    assert finish(stream, output) == 0
    assert sent.joined == b"before\n"
