"""The host keeps what a worker prints within bounds, and passes it on as whole characters."""

from __future__ import annotations

import pytest

from dspex_actors._errors import ProtocolError
from dspex_actors.workers._output import OutputCollector


def collector_of(*frames, limit=None, on_output=None):
    collector = OutputCollector(limit, on_output)
    for frame in frames:
        collector.add(memoryview(frame))
    return collector


def test_streams_are_kept_apart_and_in_order():
    collector = collector_of(b"\x01a", b"\x02x", b"\x01b", b"\x02y")

    assert (collector.text(b"\x01"), collector.text(b"\x02")) == ("ab", "xy")


@pytest.mark.parametrize("frame", [b"", b"\x00a", b"\x03a", b"\xffa", b"a"])
def test_a_frame_of_no_known_stream_breaks_the_protocol(frame):
    with pytest.raises(ProtocolError):
        collector_of(frame)


def test_output_up_to_the_limit_is_kept_and_one_byte_more_breaks_the_protocol():
    assert collector_of(b"\x01ab", b"\x01cd", limit=4).text(b"\x01") == "abcd"
    with pytest.raises(ProtocolError, match="more than 4 bytes"):
        collector_of(b"\x01ab", b"\x01cde", limit=4)


def test_each_stream_has_the_limit_to_itself():
    assert collector_of(b"\x01abcd", b"\x02abcd", limit=4).text(b"\x02") == "abcd"


def test_a_limit_of_zero_keeps_nothing_and_allows_nothing():
    assert collector_of(b"\x01", limit=0).text(b"\x01") == ""
    with pytest.raises(ProtocolError):
        collector_of(b"\x01a", limit=0)


def test_bytes_that_are_no_text_are_replaced():
    assert collector_of(b"\x01a\xff\xfeb").text(b"\x01") == "a\ufffd\ufffdb"


def test_a_character_in_two_frames_reaches_the_callback_whole():
    seen = []
    euro = "€".encode()

    collector = collector_of(b"\x01" + euro[:1], b"\x01" + euro[1:], on_output=lambda *a: seen.append(a))

    assert seen == [("stdout", "€")]
    assert collector.text(b"\x01") == "€"


def test_halves_of_two_streams_do_not_make_a_character():
    seen = []
    euro = "€".encode()

    collector_of(
        b"\x01" + euro[:1],
        b"\x02" + euro[1:],
        b"\x01" + euro[1:],
        on_output=lambda *args: seen.append(args),
    )

    assert ("stdout", "€") in seen


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_callback_that_raises_is_not_called_again_and_costs_no_output(error):
    calls = []

    def raising(stream, text):
        calls.append((stream, text))
        raise error

    collector = collector_of(b"\x01a", b"\x01b", on_output=raising)

    assert calls == [("stdout", "a")]
    assert collector.text(b"\x01") == "ab"
    assert isinstance(collector.callback_error, error)
