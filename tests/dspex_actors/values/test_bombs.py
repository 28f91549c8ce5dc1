"""Frames made to cost far more than their size: in memory, in depth, in comparisons."""

from __future__ import annotations

import struct
import sys
import tracemalloc

import pytest

from dspex_actors._errors import ValueDecodeError
from dspex_actors.values import Budget
from tests.dspex_actors.values._wire import HEAD, PLAIN_HEAD, array32, ext, map32, outcome, refused

PRIME = 2**61 - 1  # ints that differ by a multiple of it have one hash

ITEM_BOMBS = {
    "empty lists": b"\x90",
    "empty dicts": b"\x80",
    "nothing": b"\xc0",
    "small negative numbers": b"\xe0",
    "two-letter strings": b"\xa2ab",
    "wide letters": b"\xa3\xe2\x98\x83",
    "wide strings": b"\xbf\xf0\x9f\x98\x80" + b"a" * 27,
    "dicts of one": b"\x81\xa2ab\xc0",
    "lists of one": b"\x91\x90",
    "short bytes": b"\xc4\x01x",
    "empty sets": b"\xd4\x02\x90",
    "empty tuples": b"\xd4\x01\x90",
    "frozensets of one": b"\xd5\x03\x91\x00",
    "ellipses": b"\xc7\x00\x12",
    "ranges": b"\xd6\x05\x93\x00\x01\x02",
    "dates": b"\xd6\x0e\xe8\x07\x01\x01",
    "decimals": b"\xd4\x0c1",
    "fractions": b"\xc7\x03\x06\x92\x01\x07",
    "uuids": b"\xd8\x11" + bytes(16),
    "complex numbers": b"\xd8\x0b" + bytes(16),
    "times": b"\xd7\x0f" + bytes(8),
    "short bytearrays": b"\xd4\x21x",
    "short packed floats": b"\xd7\x24" + bytes(8),
    "small arrays": b"\xc7\x0e\x26\x03|b1\x01\x00" + bytes(8),
    "numpy scalars": b"\xc7\x05\x14\x03|b1x",
    "timestamps": b"\xd6\xff\x00\x00\x00\x01",
}


def letters(number):
    """Return four bytes of ASCII, different for each number."""
    return bytes((number >> shift & 63) + 32 for shift in (0, 6, 12, 18))


def bombs(mib):
    """Yield name, structure and buffers of frames made to cost far more than their size.

    Args:
        mib: the mebibytes the decoder may use; the bombs are scaled to be near it on both sides.
    """
    for name, item in ITEM_BOMBS.items():
        for count in (mib * 4_000, mib * 12_000):
            yield f"{count} {name}", HEAD + array32(count, item * count), ()
            if item[0] < 0xC4:
                yield f"{count} {name}, said to be plain", PLAIN_HEAD + array32(count, item * count), ()
    for count in (mib * 6_000, mib * 20_000):
        keys = b"".join(b"\xa4" + letters(n) + b"\xc0" for n in range(count))
        yield f"{count} distinct keys", HEAD + map32(count, keys), ()
        yield f"{count} distinct keys, said to be plain", PLAIN_HEAD + map32(count, keys), ()
        numbers = array32(
            2 * count, b"".join(b"\xce" + struct.pack(">I", n + 2**20) + b"\xc0" for n in range(count))
        )
        yield f"{count} numbers as keys", HEAD + ext(4, numbers), ()
        numbers = array32(count, b"".join(b"\xce" + struct.pack(">I", n + 2**20) for n in range(count)))
        yield f"{count} numbers in a set", HEAD + ext(2, numbers), ()
    for size in (mib * 180_000, mib * 900_000):
        wide = b"a" * size + "😀".encode()
        yield f"{size} letters widened by the last", HEAD + ext(35, wide), ()
        yield (
            f"{size} letters in a string widened by the last",
            HEAD + b"\xdb" + struct.pack(">I", len(wide)) + wide,
            (),
        )
        yield f"{size} letters beside widened by the last", HEAD + b"\xc7\x00\x63", (wide,)
    for size in (mib * 2**17, mib * 2**18 + 2**16, mib * 2**20):
        for code in range(32, 40):
            yield f"{size} zeros of kind {code}", HEAD + b"\xc7\x00" + bytes([code | 0x40]), (bytes(size),)
            yield f"{size} ones of kind {code}", HEAD + b"\xc7\x00" + bytes([code | 0x40]), (b"\xff" * size,)
    yield "a list said to have four thousand million items", HEAD + b"\xdd\xff\xff\xff\xff", ()
    yield "a dict said to have four thousand million items", HEAD + b"\xdf\xff\xff\xff\xff", ()
    yield "bytes said to be four thousand million", HEAD + b"\xc6\xff\xff\xff\xff", ()
    yield "lists that say so at every level", HEAD + b"\xdd\xff\xff\xff\xff" * 200_000, ()


# The exact walk is slow under tracemalloc, so the default run takes small budgets and bombs.
@pytest.mark.parametrize("mib", [1, pytest.param(48, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_a_bomb_is_refused_or_decoded_within_a_third_more_than_its_budget(mib):
    budget = Budget(memory_bytes=mib * 2**20)
    over = {}
    decoded = 0
    for name, structure, buffers in bombs(mib):
        tracemalloc.start()
        try:
            decoded += type(outcome(structure, buffers, budget=budget)) is not ValueDecodeError
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if peak >= mib * 2**20 * 4 // 3:
            over[name] = peak

    assert over == {}
    assert decoded > len(ITEM_BOMBS)


def deep(depth, *, level=b"\x91", inner=b"\xc0"):
    return level * depth + inner


def deep_tuples(depth):
    value = b"\x90"
    for _ in range(depth):
        value = ext(1, b"\x91" + value)
    return value


@pytest.mark.parametrize("head", [HEAD, PLAIN_HEAD])
@pytest.mark.parametrize("depth", [7, 99, 101, 900, 5000, 1_000_000])
@pytest.mark.parametrize("level", [b"\x91", b"\x81\xa1a", b"\x92\xc0", b"\xdc\x00\x01"])
def test_deep_nesting_is_decoded_up_to_the_budget_and_refused_beyond(head, depth, level):
    result = outcome(head + deep(depth, level=level))

    if level != b"\x92\xc0" and head == HEAD and depth < 100:
        assert type(result) in {list, dict}
    else:
        assert type(result) is ValueDecodeError or depth <= 99


@pytest.mark.parametrize("depth", [98, 101, 3000])
def test_deep_nesting_of_extensions_is_refused_beyond_the_budget(depth):
    result = outcome(HEAD + deep_tuples(depth))

    assert type(result) is (tuple if depth < 100 else ValueDecodeError)


def test_extensions_directly_within_each_other_are_refused():
    value = b"\x90"
    for _ in range(150):
        value = ext(1, value)

    assert "holds no list" in refused(HEAD + value)
    assert "holds no list" in refused(HEAD + ext(1, ext(2, b"\x90")))


def test_a_high_recursion_limit_does_not_let_deep_nesting_through():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        refused(HEAD + deep(500_000))
        refused(PLAIN_HEAD + deep(500_000))
        refused(HEAD + deep_tuples(2000))
    finally:
        sys.setrecursionlimit(limit)


def test_a_recursion_limit_already_reached_is_a_decode_error():
    structure = HEAD + deep_tuples(60)
    seen = []

    def deeper():
        try:
            deeper()
        except RecursionError:
            seen.append(outcome(structure))

    deeper()

    assert type(seen[0]) is ValueDecodeError


def int64(number):
    return b"\xd3" + struct.pack(">q", number)


def big_ints(count):
    return b"".join(
        ext(10, (n * PRIME).to_bytes(n.bit_length() // 8 + 9, "little", signed=True)) for n in range(1, count)
    )


COLLIDING = {
    "a set of multiples": HEAD + ext(2, array32(19_999, big_ints(20_000))),
    "a frozenset of multiples": HEAD + ext(3, array32(19_999, big_ints(20_000))),
    "a native map with extensions as keys": HEAD + map32(19_998, big_ints(39_997)),
    "a native map with arrays as keys": HEAD
    + map32(50_000, b"".join(b"\x92" + int64(n) + int64(n) + b"\xc0" for n in range(50_000))),
}


@pytest.mark.parametrize("name", COLLIDING)
def test_keys_made_to_have_one_hash_are_refused_before_they_are_compared(name):
    assert "hash" in refused(COLLIDING[name]) or "not text" in refused(COLLIDING[name])


def test_a_dict_of_keys_made_to_have_one_hash_is_refused():
    pairs = b"".join(
        item + b"\xc0" for item in [ext(10, (n * PRIME).to_bytes(20, "little")) for n in range(1, 5000)]
    )

    assert "one hash" in refused(HEAD + ext(4, array32(2 * 4999, pairs)))
