"""Messages of a console and diagnostics: a worker stays within the bounds, and the host relies on nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors import ConsoleMessage, Diagnostic
from dspex_actors._errors import ProtocolError
from dspex_actors.workers._noted import NoteCollector
from dspex_actors.workers._notes import MOST_DIAGNOSTICS, MOST_MESSAGES, notes_cap
from dspex_actors.workers._output import OutputCollector
from dspex_actors.workers._protocol import REQUEST_CAP
from dspex_actors.workers._request import Program
from dspex_actors.workers.guest._notes import NoteBuffer

encode = msgspec.msgpack.encode


class Wire:
    """A worker's buffer whose frames go to a host's collector."""

    def __init__(self, limit=None):
        self.sizes = []
        self.host = NoteCollector(limit)
        self.cap = notes_cap(limit)
        self.buffer = NoteBuffer(self._send, limit)

    def _send(self, payload):
        assert len(payload) <= self.cap
        self.sizes.append(len(payload))
        self.host.add(payload)

    def told(self):
        self.buffer.flush_now()
        return [(message.level, message.text) for message in self.host.console]


def test_messages_and_diagnostics_arrive_in_their_order_with_all_they_have():
    wire = Wire()
    wire.buffer.console("log", "one")
    wire.buffer.diagnostic("error", "no", code="E1", line=1, column=2, end_line=3, end_column=4)
    wire.buffer.console("warn", "two\nlines")
    wire.buffer.diagnostic("warning", "well")
    wire.buffer.flush_now()

    assert wire.host.console == [ConsoleMessage("log", "one"), ConsoleMessage("warn", "two\nlines")]
    assert wire.host.diagnostics == [
        Diagnostic("error", "no", "E1", 1, 2, 3, 4),
        Diagnostic("warning", "well"),
    ]
    assert wire.buffer.dropped == 0


@pytest.mark.parametrize(
    ("texts", "kept", "dropped"),
    [
        (["ab", "cd"], ["ab", "cd"], 0),
        (["ab", "cd", ""], ["ab", "cd", ""], 0),
        (["ab", "cde", "f"], ["ab", "cd"], 2),
        (["abcd", "e"], ["abcd"], 1),
        (["abcde", ""], ["abcd"], 2),
        (["aü", "b", "c"], ["aü", "b"], 1),
        (["abü", "x"], ["abü"], 1),
        (["abcü", "x"], ["abc"], 2),
    ],
)
def test_the_message_that_passes_the_limit_is_cut_and_none_follows_it(texts, kept, dropped):
    wire = Wire(4)
    for text in texts:
        wire.buffer.console("log", text)

    assert [text for _, text in wire.told()] == kept
    assert wire.buffer.dropped == dropped


def test_a_limit_of_zero_keeps_empty_messages_alone():
    wire = Wire(0)
    for text in ("", "x", ""):
        wire.buffer.console("log", text)

    assert wire.told() == [("log", "")]
    assert wire.buffer.dropped == 2


@pytest.mark.parametrize(("told", "dropped"), [(0, 0), (1, 1), (500, 500)])
def test_messages_are_kept_up_to_a_number_and_the_rest_is_counted(told, dropped):
    wire = Wire()
    for _ in range(MOST_MESSAGES + told):
        wire.buffer.console("log", "")

    assert len(wire.told()) == MOST_MESSAGES
    assert wire.buffer.dropped == dropped


@pytest.mark.parametrize("told", [0, 1, 500])
def test_diagnostics_are_kept_up_to_a_number_and_the_rest_is_counted(told):
    wire = Wire()
    for _ in range(MOST_DIAGNOSTICS + told):
        wire.buffer.diagnostic("warning", "w")
    wire.buffer.flush_now()

    assert len(wire.host.diagnostics) == MOST_DIAGNOSTICS
    assert wire.buffer.dropped == told


def test_a_flood_is_sent_in_few_frames_and_what_is_beyond_the_limit_is_never_held():
    wire = Wire(1000)
    for _ in range(50_000):
        wire.buffer.console("log", "x" * 10)
    wire.buffer.flush_now()

    assert sum(wire.sizes) < 1000 + 100 * 20
    assert wire.buffer.dropped == 49_900


def test_texts_that_are_too_long_or_no_utf_8_are_made_to_fit():
    wire = Wire()
    wire.buffer.console("l" * 33, "\udc80x")
    wire.buffer.diagnostic("error", "ü" * 9000, code="C" * 101, line=-1, column=2**40)
    wire.buffer.diagnostic("error", "\ud800")

    assert wire.told() == [("l" * 32, "\\udc80x")]
    assert wire.host.diagnostics[0] == Diagnostic("error", "ü" * 8000, "C" * 100, 0, 2**31 - 1)
    assert wire.host.diagnostics[1].message == "?"


def test_a_level_that_no_diagnostic_has_is_refused_where_it_is_told():
    with pytest.raises(ValueError, match="must be one of error, warning, got 'note'"):
        NoteBuffer().diagnostic("note", "x")


_TOLD = st.lists(
    st.one_of(
        st.tuples(st.text(max_size=40), st.text(max_size=200)),
        st.tuples(st.sampled_from(["error", "warning"]), st.text(max_size=50), st.integers()),
    ),
    max_size=150,
)


@settings(max_examples=50, deadline=None)
@given(_TOLD, st.none() | st.integers(0, 5000))
def test_whatever_is_told_an_honest_worker_breaks_no_bound(told, limit):
    wire = Wire(limit)
    for each in told:
        if len(each) == 2:
            wire.buffer.console(*each)
        else:
            wire.buffer.diagnostic(*each[:2], line=each[2])

    texts = [text for _, text in wire.told()]
    given = [each[1] for each in told if len(each) == 2]
    assert texts[:-1] == given[: len(texts)][:-1]
    assert not texts or given[len(texts) - 1].startswith(texts[-1])
    assert limit is None or sum(len(text.encode()) for text in texts) <= limit


def note(level="log", text="x"):
    return [level, text]


def finding(level="error", message="m", *rest):
    return [level, message, *rest]


FRAMES = {
    "as much text as allowed": ([[note(text="x" * 100)]], True),
    "more text than allowed": ([[note(text="x" * 101)]], False),
    "text beyond ASCII counts its bytes": ([[note(text="ü" * 51)]], False),
    "as many messages as allowed": ([[note(text="")] * MOST_MESSAGES], True),
    "more messages than allowed": ([[note(text="")] * (MOST_MESSAGES + 1)], False),
    "as many diagnostics as allowed": ([[], [finding()] * MOST_DIAGNOSTICS], True),
    "more diagnostics than allowed": ([[], [finding()] * (MOST_DIAGNOSTICS + 1)], False),
    "a level of a message of 32 characters": ([[note("l" * 32)]], True),
    "a level of a message of 33 characters": ([[note("l" * 33)]], False),
    "a message of a diagnostic of 8000 characters": ([[], [finding(message="m" * 8000)]], True),
    "a message of a diagnostic of 8001 characters": ([[], [finding(message="m" * 8001)]], False),
    "another level of a diagnostic": ([[], [finding("note")]], False),
    "a code of 101 characters": ([[], [finding("error", "m", "C" * 101)]], False),
    "the last line there can be": ([[], [finding("error", "m", "", 2**31 - 1)]], True),
    "a line beyond that": ([[], [finding("error", "m", "", 2**31)]], False),
    "a negative column": ([[], [finding("error", "m", "", 1, -1)]], False),
    "a line that is no number": ([[], [finding("error", "m", "", "1")]], False),
    "a text that is no text": ([[note(text=b"x")]], False),
    "no lists": ({"console": []}, False),
    "nothing": ([], True),
}


@pytest.mark.parametrize(("notes", "allowed"), FRAMES.values(), ids=FRAMES)
def test_the_host_takes_what_is_within_the_bounds_and_nothing_else(notes, allowed):
    host = NoteCollector(100)
    if allowed:
        host.add(encode(notes))
        return
    with pytest.raises(ProtocolError):
        host.add(encode(notes))
    assert (host.console, host.diagnostics) == ([], [])


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x91", b"\x92\x90", b"\x91\x91\x92\xa1l\xa1\xff", b"\x90\x90\x90x"]
)
def test_bytes_that_are_no_notes_break_the_protocol(payload):
    with pytest.raises(ProtocolError):
        NoteCollector(None).add(payload)


@pytest.mark.parametrize(
    "pair",
    [
        ([[note(text="x" * 60)]], [[note(text="x" * 41)]]),
        ([[note(text="")] * MOST_MESSAGES], [[note(text="")]]),
        ([[], [finding()] * MOST_DIAGNOSTICS], [[], [finding()]]),
    ],
)
def test_two_frames_count_together_against_each_bound(pair):
    host = NoteCollector(100)
    host.add(encode(pair[0]))

    with pytest.raises(ProtocolError, match="more than"):
        host.add(encode(pair[1]))


def test_a_frame_may_hold_one_text_of_the_whole_limit_and_a_bit():
    assert notes_cap(1000) == 1000 + 64 * 1024
    assert notes_cap(None) == REQUEST_CAP
    assert notes_cap(2**40) == REQUEST_CAP


def test_what_was_said_of_a_program_when_it_was_compiled_is_told_before_what_is_said_now():
    output = OutputCollector(None)
    before, now = Diagnostic("warning", "unused", line=3), Diagnostic("warning", "slow")
    program = Program("key", diagnostics=(before,))

    assert output.kept(program)["diagnostics"] == (before,)
    output.note(encode([[], [finding("warning", "slow")]]))
    assert output.kept(program)["diagnostics"] == (before, now)
    assert output.kept("1")["diagnostics"] == (now,)


def test_an_execution_that_tells_nothing_has_nothing_to_keep():
    assert OutputCollector(None).kept("1 + 1") == {"stdout": "", "stderr": ""}
