"""Whatever arrives, decoding gives a value or ValueDecodeError, in bounded memory and running nothing."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pytest

from dspex_actors.values import Budget, decode, encode
from tests.dspex_actors.values._wire import HEAD, PLAIN_HEAD, ext, refused

SEEDS = [
    {"code": "1+1", "variables": {}},
    [None, True, -1, 2**40, 1.5, "text ☃", b"bytes", {"k": [1, {"z": None}]}],
    [(1, 2), {3, 4}, frozenset({5}), {6: 7, (8,): 9}, range(3), ..., 1j, 2**100],
    [Decimal("1.5"), Fraction(1, 3), UUID(int=7), date(2024, 1, 1), timedelta(1, 2, 3)],
    [datetime(2024, 1, 1, tzinfo=UTC), time(1, 2, 3), UTC, bytearray(b"x"), np.float64(1.5), np.str_("s")],
    [[0.5] * 40, [7] * 40, np.arange(12).reshape(3, 4), np.array(["a", "b"]), np.zeros(0)],
    [b"x" * 4096, "y" * 4096, "é" * 3000, [0.5] * 600, np.zeros(600), bytearray(5000)],
    [{"id": n, "tags": ["a", (n,)]} for n in range(45)],
]


@pytest.mark.parametrize("index", range(len(SEEDS)))
def test_an_encoding_cut_at_any_byte_is_a_decode_error(index):
    parts = encode(SEEDS[index])

    for end in range(len(parts.structure)):
        refused(parts.structure[:end], parts.buffers)
    for buffer in range(len(parts.buffers)):
        refused(parts.structure, parts.buffers[:buffer] + parts.buffers[buffer + 1 :])


MALFORMED = {
    "nothing at all": b"",
    "no value": HEAD,
    "another version": b"\x92\x20\xc0",
    "no head": b"\xc0\xc0\xc0",
    "bytes after the value": HEAD + b"\xc0\xc0",
    "the byte that starts nothing": HEAD + b"\xc1",
    "bytes after the value, plain": PLAIN_HEAD + b"\xc0\xc0",
    "bytes in a plain structure": PLAIN_HEAD + b"\xc4\x01x",
    "an extension in a plain structure": PLAIN_HEAD + b"\xd4\x01\x90",
    "keys that are numbers in a plain structure": PLAIN_HEAD + b"\x81\x01\xc0",
    "text that is no UTF-8": HEAD + b"\xa2\xff\xff",
    "ASCII text that is none": HEAD + ext(34, b"\xff"),
    "content text that is no UTF-8": HEAD + ext(35, b"\xff"),
    "an unknown extension": HEAD + ext(99, b""),
    "a negative extension": HEAD + ext(200, b""),
    "floats of nothing": HEAD + ext(36, b""),
    "floats that are not whole": HEAD + ext(36, b"\xdc\x00\x01\xcb1234567"),
    "floats that are ints of one byte": HEAD + ext(36, b"\xdc\x00\x09" + bytes(9)),
    "floats of a count that is not theirs": HEAD
    + ext(36, b"\xdd\xff\xff\xff\xff" + (b"\xcb" + bytes(8)) * 40),
    "floats whose count is cut short": HEAD + ext(36, b"\xdd\x00"),
    "floats that are texts": HEAD + ext(36, b"\xdc\x00\x01\xa8" + b"12345678"),
    "floats that are a number": HEAD + ext(36, b"\xcb" + bytes(8)),
    "ints that are not whole": HEAD + ext(37, b"1234567"),
    "an odd number of keys and values": HEAD + ext(4, b"\x93\x01\x02\x03"),
    "a set of lists": HEAD + ext(2, b"\x91\x90"),
    "a dict with a list as key": HEAD + ext(4, b"\x92\x90\x01"),
    "a native map with a map as key": HEAD + b"\x81\x80\x01",
    "a tuple of no list": HEAD + ext(1, b"\x01"),
    "a tuple of nothing": HEAD + ext(1, b""),
    "a tuple and more": HEAD + ext(1, b"\x90\x90"),
    "a range of two": HEAD + ext(5, b"\x92\x01\x02"),
    "a range of floats": HEAD + ext(5, b"\x93\x01\x02\xca\x00\x00\x00\x00"),
    "a range without a step": HEAD + ext(5, b"\x93\x01\x02\x00"),
    "a fraction of one": HEAD + ext(6, b"\x91\x01"),
    "a fraction by zero": HEAD + ext(6, b"\x92\x01\x00"),
    "a fraction of bools": HEAD + ext(6, b"\x92\xc3\xc3"),
    "a fraction that is too long": HEAD + ext(6, b"\x92\x01" + ext(10, b"\x01" * 600)),
    "an int that is too long": HEAD + ext(10, b"\x01" * (2**20 + 1)),
    "a complex of one": HEAD + ext(11, bytes(8)),
    "a decimal with spaces": HEAD + ext(12, b" 1"),
    "a decimal with underscores": HEAD + ext(12, b"1_0"),
    "a decimal of other digits": HEAD + ext(12, "\u0661".encode()),
    "a decimal with a large exponent": HEAD + ext(12, b"1E+1000000"),
    "a decimal with many digits": HEAD + ext(12, b"1" * 4301),
    "a decimal longer than any": HEAD + ext(12, b"1" * 100_000),
    "a month thirteen": HEAD + ext(13, struct.pack("<HBBBBBIB", 2024, 13, 1, 0, 0, 0, 0, 0)),
    "a fold of two": HEAD + ext(13, struct.pack("<HBBBBBIB", 2024, 1, 1, 0, 0, 0, 0, 2)),
    "an offset of a day": HEAD + ext(19, struct.pack("<q", 86_400_000_000)),
    "an offset beyond a timedelta": HEAD + ext(19, struct.pack("<q", 2**63 - 1)),
    "a zone with a bare name": HEAD + ext(19, bytes(8) + b"CET"),
    "a zone of nothing": HEAD + ext(19, b""),
    "a date cut short": HEAD + ext(14, b"\x00"),
    "a timedelta beyond its range": HEAD + ext(16, struct.pack("<iII", 2**31 - 1, 0, 0)),
    "a uuid of 15 bytes": HEAD + ext(17, bytes(15)),
    "an ellipsis with a payload": HEAD + ext(18, b"x"),
    "a buffer that is not there": HEAD + b"\xc7\x00\x60",
    "a buffer and content": HEAD + ext(0x60, b"x"),
    "an unknown kind beside": HEAD + b"\xc7\x00\x7e",
    "an opaque value": HEAD + ext(39, b"x"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_structure_is_a_decode_error_with_a_reason(name):
    assert refused(MALFORMED[name])


@pytest.mark.parametrize("name", [name for name in MALFORMED if MALFORMED[name][:2] == HEAD])
def test_it_is_a_decode_error_too_in_a_structure_that_is_walked_first(name):
    walked = HEAD + b"\xdc\x00\x97" + b"\x90" * 150 + MALFORMED[name][2:]

    assert refused(walked)


@pytest.mark.parametrize(("structure", "extra"), [(PLAIN_HEAD + b"\xc0", 1), (HEAD + b"\xc0", 1)])
def test_a_buffer_that_nothing_refers_to_is_a_decode_error(structure, extra):
    assert "buffers" in refused(structure, [b"x"] * extra)


def test_two_references_cannot_share_one_buffer():
    assert "without a buffer" in refused(HEAD + b"\x92" + b"\xc7\x00\x60" * 2, [b"x" * 5000])


def test_a_small_budget_is_held_for_every_kind_of_structure():
    small = Budget(memory_bytes=1000)

    for value in (["text"] * 200, [(1,)] * 20, b"x" * 2000, [0.5] * 100, {"a": ["bbb"] * 20}):
        parts = encode(value)

        assert "memory" in refused(parts.structure, parts.buffers, budget=small)


def test_a_depth_budget_below_that_of_plain_structures_is_held():
    parts = encode([[[1]]])

    assert decode(parts.structure, (), budget=Budget(depth=3)) == [[[1]]]
    assert "deeper than 2" in refused(parts.structure, budget=Budget(depth=2))


def test_decoding_raises_no_event_of_import_pickle_or_compilation():
    script = textwrap.dedent("""
        import sys
        from dspex_actors.values import decode, prepare
        from dspex_actors._errors import ValueDecodeError
        encoded = eval(sys.stdin.read())
        for structure, buffers in encoded:
            prepare(structure)
        decode(b"\\x92\\x11\\xc0", ())
        events = []
        sys.addaudithook(lambda event, args: events.append(event))
        for structure, buffers in encoded:
            for end in (None, 40):
                try:
                    decode(structure[:end], buffers)
                except ValueDecodeError:
                    pass
        seen = set(events)
        print(sorted(seen))
        sys.exit(bool(seen & set(sys.argv[1].split())))
    """)
    encoded = [(parts.structure, [bytes(buffer) for buffer in parts.buffers]) for parts in map(encode, SEEDS)]
    encoded += [(structure, []) for structure in MALFORMED.values()]

    forbidden = "import exec compile pickle.find_class marshal.loads open os.system"
    done = subprocess.run(
        [sys.executable, "-c", script, forbidden],
        input=repr(encoded),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_decoded_value_does_not_keep_its_buffers_alive():
    class Buffer(bytearray):
        __slots__ = ("__weakref__",)

    buffer = Buffer(b"x" * 5000)
    parts = encode([bytes(buffer), (1,)])
    references = sys.getrefcount(buffer)
    gc.disable()
    try:
        decode(parts.structure, [buffer])

        assert sys.getrefcount(buffer) == references
    finally:
        gc.enable()
