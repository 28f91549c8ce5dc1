"""Guest text cannot drive a terminal, and reaches a pipe as it is."""

from __future__ import annotations

import io

import pytest

from dspex_actors.cli._terminal import Sink, neutralised


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory that may claim to be a terminal."""

    def __init__(self, *, terminal, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_terminal = terminal

    def isatty(self):
        return self._is_terminal

    @property
    def written(self):
        return self.buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("tab\tand\nnewline\n", "tab\tand\nnewline\n"),
        ("Grüße, 世界, 🙂", "Grüße, 世界, 🙂"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("over\rwritten", "over\\x0dwritten"),
        ("back\x08space", "back\\x08space"),
        ("\x00\x0b\x0c\x7f", "\\x00\\x0b\\x0c\\x7f"),
        ("\x9b2J\x85", "\\x9b2J\\x85"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066\u2069\u200e\u200f\u061c", "\\u2066\\u2069\\u200e\\u200f\\u061c"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_what_drives_a_terminal_is_shown_as_an_escape_and_all_else_as_it_is(text, shown):
    assert neutralised(text) == shown


def test_no_control_character_but_tab_and_newline_is_left_in_any_text():
    left = {
        c for c in neutralised("".join(map(chr, range(0x110000)))) if ord(c) < 32 or 0x7F <= ord(c) < 0xA0
    }

    assert left == {"\t", "\n"}


def test_a_pipe_gets_the_bytes_of_the_text_whatever_the_locale_is():
    stream = Stream(terminal=False, encoding="ascii")

    Sink(stream).write("\x1b[31mé\r\n\x00")

    assert stream.written == b"\x1b[31m\xc3\xa9\r\n\x00"


def test_a_terminal_that_cannot_show_a_character_gets_its_escape():
    stream = Stream(terminal=True, encoding="ascii")

    Sink(stream).write("é\x1b")

    assert stream.written == b"\\xe9\\x1b"


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", b"5\n"), ("done\n", b"done\n5\n"), ("half a line", b"half a line\n5\n")],
)
def test_a_line_of_our_own_starts_at_the_beginning_of_a_line(before, expected):
    stream = Stream(terminal=False)
    sink = Sink(stream)

    sink.write(before)
    sink.write_line("5")

    assert stream.written == expected


def test_text_written_to_the_stream_before_stays_in_front():
    stream = Stream(terminal=False)
    stream.write("first ")

    Sink(stream).write("second")

    assert stream.written == b"first second"
