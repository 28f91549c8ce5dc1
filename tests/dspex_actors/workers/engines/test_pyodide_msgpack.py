"""MessagePack in plain Python writes and reads what msgspec does, as far as values need it."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dspex_actors.workers.engines.pyodide import _msgpack as ours

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=20),
    max_leaves=40,
)
EDGES = (
    *(
        sign * 2**power + off
        for power in (7, 8, 15, 16, 31, 32, 63)
        for sign in (1, -1)
        for off in (-1, 0, 1)
    ),
    *(-33, -32, -31, 127, 128, 2**64 - 1),
    *("x" * size for size in (31, 32, 255, 256, 65535, 65536)),
    *(b"x" * size for size in (0, 255, 256, 65535, 65536)),
    *([None] * size for size in (15, 16, 65535, 65536)),
    *([0.5] * size for size in (1, 15, 16, 17, 65536)),
    [0.5] * 20 + [1],
    *(dict.fromkeys(map(str, range(size))) for size in (15, 16, 65535, 65536)),
    "ü€𝄞",
)


@given(VALUES)
@settings(max_examples=200)
def test_values_are_written_and_read_as_msgspec_does_it(value):
    written = msgspec.msgpack.encode(value)

    assert ours.Encoder().encode(value) == written
    assert ours.Decoder(ext_hook=lambda code, data: (code, bytes(data))).decode(written) == value


@pytest.mark.parametrize("value", EDGES, ids=lambda value: f"{type(value).__name__} {str(value)[:12]}")
def test_sizes_on_both_sides_of_each_limit_are_written_and_read_alike(value):
    try:
        written = msgspec.msgpack.encode(value)
    except OverflowError:
        with pytest.raises(OverflowError):
            ours.Encoder().encode(value)
        return

    assert ours.Encoder().encode(value) == written
    assert ours.Decoder(ext_hook=lambda code, data: (code, bytes(data))).decode(written) == value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 16, 17, 255, 256, 65536])
def test_extensions_are_written_and_read_alike_in_all_sizes(size):
    written = msgspec.msgpack.encode([msgspec.msgpack.Ext(5, b"x" * size)])

    assert ours.Encoder().encode([ours.Ext(5, b"x" * size)]) == written
    read = ours.Decoder(ext_hook=lambda code, data: (code, bytes(data))).decode(written)
    assert read == [(5, b"x" * size)]


def test_negative_codes_of_extensions_are_written_as_msgspec_does_it():
    assert ours.Encoder().encode(ours.Ext(-1, b"ab")) == msgspec.msgpack.encode(
        msgspec.msgpack.Ext(-1, b"ab")
    )


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (2**64, OverflowError),
        (-(2**63) - 1, OverflowError),
        ("\ud800", UnicodeEncodeError),
        (object(), TypeError),
    ],
)
def test_what_cannot_be_written_raises_as_values_expect_it(value, error):
    with pytest.raises(error):
        ours.Encoder().encode(value)


def read(decoder, data, faults):
    """Return what a decoder reads as text, which NaN is equal in; None if it refuses the bytes."""
    try:
        return repr(decoder(ext_hook=lambda code, content: (code, bytes(content))).decode(data))
    except faults:
        return None


@given(st.binary(max_size=60))
@example(b"\xd6\x80\0\0\0\0")  # its code is -128
@settings(max_examples=200)
def test_any_bytes_are_the_value_that_msgspec_reads_or_raise_what_values_take_for_a_fault(data):
    theirs = read(msgspec.msgpack.Decoder, data, (msgspec.MsgspecError, TypeError, UnicodeError))
    mine = read(ours.Decoder, data, (ValueError, IndexError, TypeError, struct.error))

    assume(theirs is None or "datetime" not in theirs)  # msgspec has an extension of its own
    assert mine is None or mine == theirs
    if theirs is not None and "{" not in theirs:  # keys other than text are not for us
        assert mine == theirs


@pytest.mark.parametrize(
    "value", [b"x", [b"x"], msgspec.msgpack.Ext(1, b"x"), {"a": msgspec.msgpack.Ext(1, b"")}]
)
def test_a_decoder_of_plain_values_refuses_bytes_and_extensions(value):
    with pytest.raises(ValueError, match="in a plain value"):
        ours.Decoder(object).decode(msgspec.msgpack.encode(value))


@pytest.mark.parametrize(
    "data", [b"", b"\x92\x01", b"\x01\x01", b"\xc1", b"\xda\x00\x05abc", b"\x81\x01\x01"]
)
def test_bytes_that_are_no_value_are_refused(data):
    with pytest.raises((ValueError, IndexError)):
        ours.Decoder().decode(data)


def test_only_lists_of_exact_floats_are_floats():
    assert ours.convert([0.5, 1.5], list[float]) == [0.5, 1.5]
    for item in (1, True, "x", None):
        with pytest.raises(ours.ValidationError):
            ours.convert([0.5, item], list[float])
