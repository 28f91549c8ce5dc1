"""etf as bytes: the vectors of Erlang's guide and of `term_to_binary`, and what is refused."""

from __future__ import annotations

import math
import zlib

import pytest

from dspex_actors.serialization import Bounds, MalformedError, TooLargeError, TruncatedError
from dspex_actors.serialization._etf import encode
from dspex_actors.serialization._etf_read import decode
from tests._same import same

# As term_to_binary of OTP 26 writes them, and that of OTP 25 with `{minor_version, 2}`.
BOTH_WAYS = {
    "nil": ("8377036e696c", None),
    "true": ("83770474727565", True),
    "false": ("83770566616c7365", False),
    "0": ("836100", 0),
    "255": ("8361ff", 255),
    "256": ("836200000100", 256),
    "-1": ("8362ffffffff", -1),
    "2147483647": ("83627fffffff", 2**31 - 1),
    "-2147483648": ("836280000000", -(2**31)),
    "2147483648": ("836e040000000080", 2**31),
    "-2147483649": ("836e040101000080", -(2**31) - 1),
    "1 bsl 64": ("836e0900000000000000000001", 2**64),
    "-(1 bsl 2040)": ("836f0000010001" + "00" * 255 + "01", -(2**2040)),
    "1.5": ("83463ff8000000000000", 1.5),
    "-0.0": ("83468000000000000000", -0.0),
    '<<"text">>': ("836d0000000474657874", "text"),
    '<<"é"/utf8>>': ("836d00000002c3a9", "é"),
    "[]": ("836a", []),
    '[<<"a">>]': ("836c000000016d00000001616a", ["a"]),
    "{}": ("836800", ()),
    "{1,{}}": ("8368026101" + "6800", (1, ())),
    "#{}": ("837400000000", {}),
    '#{<<"a">> => 1}': ("8374000000016d00000001616101", {"a": 1}),
    "#{{1} => 2}": ("83740000000168016101" + "6102", {(1,): 2}),
    "{'$bytes',<<0,255>>}": ("83680277062462797465736d0000000200ff", b"\x00\xff"),
    "{'$bytearray',<<0>>}": ("836802770a246279746561727261796d0000000100", bytearray(1)),
    "{'$float',<<\"nan\">>}": ("8368027706" + b"$float".hex() + "6d000000036e616e", math.nan),
    "{'$set',[1]} but not as a string": (
        "8368027704" + b"$set".hex() + "6c0000000161016a",
        {1},
    ),
    "{'$complex',[0.0,1.0]}": (
        "8368027708" + b"$complex".hex() + "6c0000000246000000000000000046" + "3ff0000000000000" + "6a",
        1j,
    ),
}


@pytest.mark.parametrize("term", BOTH_WAYS)
def test_a_value_is_written_as_just_this_term_and_read_from_it(term):
    data, value = BOTH_WAYS[term]

    assert encode(value).hex() == data
    assert same(decode(bytes.fromhex(data)), value)


ONE_WAY = {
    '"abc", which is a list': ("836b0003616263", [97, 98, 99]),
    "true of an old release": ("83640004" + b"true".hex(), True),
    "nil as a small Latin-1 atom": ("837303" + b"nil".hex(), None),
    "false as a long UTF-8 atom": ("83760005" + b"false".hex(), False),
    "a large tuple of one": ("8369000000016101", (1,)),
    "a small number as a big one": ("836e010005", 5),
    "zero with a sign": ("836e0001", 0),
    "a compressed term": ("8350000000" + "02" + zlib.compress(b"\x61\x07").hex(), 7),
    "a term of 300 in a tuple": ("8369" + "0000012c" + "6100" * 300, (0,) * 300),
}


@pytest.mark.parametrize("name", ONE_WAY)
def test_what_other_writers_choose_is_read_too(name):
    data, value = ONE_WAY[name]

    assert same(decode(bytes.fromhex(data)), value)


WRONG = {
    "nothing": "",
    "another version": "826100",
    "no term": "83",
    "two terms": "8361006100",
    "an unknown kind": "83ff",
    "a cached atom": "835200",
    "a pid": "8367770161" + "00" * 9,
    "a new pid": "8358" + "77016100" * 4,
    "a reference": "835a0001770161" + "00" * 8,
    "a function": "8371770161" + "770161" + "6100",
    "a bitstring": "834d0000000104f0",
    "a float as text": "8363" + "31" * 31,
    "an atom of no value": "837702" + b"ok".hex(),
    "the atom of a module": "83771345" + b"lixir.System.halt12".hex(),
    "an atom longer than the data": "8377ff61",
    "a tag by itself": "837704" + b"$set".hex(),
    "a tag in a list": "836c000000017704" + b"$set".hex() + "6a",
    "a tag behind the first": "83680261017704" + b"$set".hex(),
    "a tag of three": "836803" + "7704" + b"$set".hex() + "6a6a",
    "a tag of one": "8368017704" + b"$set".hex(),
    "a tag for tuples": "8368027706" + b"$tuple".hex() + "6a",
    "a tag for dicts": "8368027705" + b"$dict".hex() + "6a",
    "an unknown tag": "8368027707" + b"$object".hex() + "6a",
    "bytes of a list": "8368027706" + b"$bytes".hex() + "6a",
    "a float tag of a number": "8368027706" + b"$float".hex() + "6d00000003312e35",
    "text that is no UTF-8": "836d00000001ff",
    "an improper list": "836c0000000161016102",
    "an integer with a sign of two": "836e010205",
    "a float that is infinite": "83467ff0000000000000",
    "a float that is nan": "83467ff8000000000000",
    "a map with a key twice": "837400000002" + "61016100" * 2,
    "a map with keys that Python takes for one": "837400000002" + "6101610046" + "3ff0000000000000" + "6100",
    "a map with a list as key": "8374000000016a6100",
    "a list of more than there is": "836cffffffff6100",
    "a tuple of more than there is": "8369ffffffff6100",
    "a map of more than there is": "8374ffffffff6100",
    "a binary of more than there is": "836dffffffff61",
    "bytes of more than there are": "8368027706" + b"$bytes".hex() + "6dffffffff61",
    "a big of more than there is": "836e0500" + "61",
    "half a float": "834600",
    "half an integer": "836200",
    "a compressed term of another size": "835000000003" + zlib.compress(b"\x61\x07").hex(),
    "a compressed term and more": "835000000002" + zlib.compress(b"\x61\x07").hex() + "00",
    "a compressed term that is cut": "835000000002" + zlib.compress(b"\x61\x07")[:-2].hex(),
    "a compressed term of noise": "835000000002ffff",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_term_of_this_form_is_malformed_or_torn(name):
    with pytest.raises((MalformedError, TruncatedError)):
        decode(bytes.fromhex(WRONG[name]))


def test_a_refused_kind_is_named_in_the_error():
    with pytest.raises(MalformedError, match="a pid"):
        decode(bytes.fromhex("8367"))
    with pytest.raises(MalformedError, match="the atom 'ok'"):
        decode(bytes.fromhex("8377026f6b"))


def test_declared_sizes_are_compared_with_the_bounds_before_anything_is_built():
    for data in ("8350ffffffff789c", "836fffffffff00"):
        with pytest.raises((TooLargeError, TruncatedError)):
            decode(bytes.fromhex(data))
    bounds = Bounds(raw_bytes=100)
    bomb = zlib.compress(bytes([107, 0, 0]) * 10)
    with pytest.raises(TooLargeError, match="raw_bytes"):
        decode(b"\x83\x50" + (101).to_bytes(4, "big") + bomb, bounds)


def test_many_small_objects_cost_what_they_take_in_memory():
    empty_lists = b"\x83\x6c" + (10**4).to_bytes(4, "big") + b"\x6a" * (10**4 + 1)

    assert len(decode(empty_lists, Bounds(memory_bytes=3 * 10**6))) == 10**4
    with pytest.raises(TooLargeError, match="memory_bytes"):
        decode(empty_lists, Bounds(memory_bytes=10**6))


def test_deep_terms_are_refused_at_the_bound():
    deep = b"\x83" + b"\x6c\x00\x00\x00\x01" * 10**5 + b"\x6a"

    with pytest.raises(TooLargeError, match="depth"):
        decode(deep)
