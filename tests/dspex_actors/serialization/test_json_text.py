"""json as text: what is written, letter by letter, and what text from elsewhere is read as."""

from __future__ import annotations

import json
import math
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pytest

from dspex_actors.serialization import Bounds, DataError, MalformedError, TooLargeError
from dspex_actors.serialization._json import decode, encode
from tests._same import same

EAST = timezone(timedelta(hours=5, minutes=30))

TEXTS = {
    "null": None,
    "true": True,
    "-7": -7,
    "1.5": 1.5,
    "-0.0": -0.0,
    "1e+300": 1e300,
    "9223372036854775808": 2**63,
    "18446744073709551615": 2**64 - 1,
    '{"$t":"int","v":"10000000000000000"}': 2**64,
    '{"$t":"int","v":"-8000000000000001"}': -(2**63) - 1,
    '{"$t":"float","v":"nan"}': math.nan,
    '{"$t":"float","v":"-inf"}': -math.inf,
    '{"$t":"float","v":"nan:fff8000000000000"}': struct.unpack(">d", b"\xff\xf8" + bytes(6))[0],
    '{"$t":"float","v":"nan:7ff8000000000001"}': struct.unpack(">d", b"\x7f\xf8" + bytes(5) + b"\x01")[0],
    '"naïve ☃"': "naïve ☃",
    '"\\"\\\\\\n"': '"\\\n',
    '{"$t":"bytes","v":"AP8="}': b"\x00\xff",
    '{"$t":"bytearray","v":{"$t":"bytes","v":"AA=="}}': bytearray(1),
    '[1,"a",[]]': [1, "a", []],
    '{"b":1,"a":{}}': {"b": 1, "a": {}},
    '{"$t":"dict","v":["$t",1]}': {"$t": 1},
    '{"$t":"dict","v":[1,"a","1","b"]}': {1: "a", "1": "b"},
    '{"$t":"tuple","v":[1,{"$t":"tuple","v":[]}]}': (1, ()),
    '{"$t":"set","v":[1]}': {1},
    '{"$t":"frozenset","v":[]}': frozenset(),
    '{"$t":"range","v":[0,9,2]}': range(0, 9, 2),
    '{"$t":"fraction","v":[1,3]}': Fraction(1, 3),
    '{"$t":"complex","v":[0.0,1.0]}': 1j,
    '{"$t":"decimal","v":"1.50"}': Decimal("1.50"),
    '{"$t":"uuid","v":"00000000-0000-0000-0000-000000000007"}': UUID(int=7),
    '{"$t":"date","v":"2026-01-02"}': date(2026, 1, 2),
    '{"$t":"datetime","v":"2026-01-02T03:04:05+05:30"}': datetime(2026, 1, 2, 3, 4, 5, tzinfo=EAST),
    '{"$t":"datetime","v":["2026-01-02T00:00:00",1,[0,null]]}': datetime(2026, 1, 2, fold=1, tzinfo=UTC),
    '{"$t":"time","v":"03:04:05.000006"}': time(3, 4, 5, 6),
    '{"$t":"time","v":["01:00:00",0,[3600000000,"CET"]]}': time(
        1, tzinfo=timezone(timedelta(hours=1), "CET")
    ),
    '{"$t":"timedelta","v":[-1,2,3]}': timedelta(-1, 2, 3),
    '{"$t":"timezone","v":[19800000000,null]}': EAST,
    '{"$t":"ellipsis","v":null}': ...,
    '{"$t":"ndarray","v":["<i2","C",[2,1],{"$t":"bytes","v":"AQACAA=="}]}': np.array([[1], [2]], "<i2"),
    '{"$t":"scalar","v":["<f4",{"$t":"bytes","v":"AADAPw=="}]}': np.float32(1.5),
    '{"$t":"scalar","v":["U","é"]}': np.str_("é"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_is_written_as_just_this_text_and_read_from_it(text):
    value = TEXTS[text]

    assert encode(value).decode() == text
    assert same(decode(text.encode()), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (' { "a" : [ 1 , 2 ] }\n', {"a": [1, 2]}),
        ('"\\u00e9\\ud83d\\ude00"', "é😀"),
        ('"\\\\ud800"', "\\ud800"),
        ("1E5", 100000.0),
        ("-0", 0),
        ('{"v":{"$t":"x"},"$t":"tuple"}', None),
        ('{"v":[1],"$t":"tuple"}', (1,)),
        ('{"t":"tuple","v":[]}', {"t": "tuple", "v": []}),
    ],
)
def test_text_that_another_program_wrote_is_read_as_what_it_says(text, value):
    if value is None:
        with pytest.raises(MalformedError):
            decode(text.encode())
    else:
        assert same(decode(text.encode()), value)


WRONG = {
    "nothing": b"",
    "half an object": b'{"a":',
    "two values": b"1 2",
    "no UTF-8": b'"\xff"',
    "a mark of byte order": b"\xef\xbb\xbf1",
    "NaN as a word": b"NaN",
    "infinity as a word": b"[-Infinity]",
    "a number beyond all floats": b"1e999",
    "a number of many digits": b"1" * 5000,
    "a float of many digits": b"0." + b"1" * 5000,
    "one key twice": b'{"a":1,"a":2}',
    "a tag and more": b'{"$t":"tuple","v":[],"x":1}',
    "a tag without payload": b'{"$t":"tuple"}',
    "a tag that is a number": b'{"$t":1,"v":[]}',
    "an unknown tag": b'{"$t":"object","v":[]}',
    "a lone surrogate": b'"\\ud800"',
    "a lone surrogate as a key": b'{"\\udc00x":1}',
    "a surrogate behind a backslash": b'["\\\\", "\\udfff"]',
    "bytes that are no base64": b'{"$t":"bytes","v":"A"}',
    "bytes with a letter too much": b'{"$t":"bytes","v":"A A="}',
    "bytes of a number": b'{"$t":"bytes","v":1}',
    "an int that is none": b'{"$t":"int","v":"0x10"}',
    "an int with underscores": b'{"$t":"int","v":"1_0"}',
    "an int too long": b'{"$t":"int","v":"' + b"f" * (2**21 + 2) + b'"}',
    "a float that has a number": b'{"$t":"float","v":"1.5"}',
    "a float of another tag": b'{"$t":"float","v":{"$t":"tuple","v":[]}}',
    "the bits of a number": b'{"$t":"float","v":"nan:3ff8000000000000"}',
    "the bits of Python's own nan": b'{"$t":"float","v":"nan:7ff8000000000000"}',
    "bits in capitals": b'{"$t":"float","v":"nan:FFF8000000000000"}',
    "bits that are none": b'{"$t":"float","v":"nan:fff800000000000x"}',
    "too few bits": b'{"$t":"float","v":"nan:fff8"}',
    "an odd number of keys and values": b'{"$t":"dict","v":[1]}',
    "two keys that are equal": b'{"$t":"dict","v":[1,0,1.0,0]}',
    "a key that is a list": b'{"$t":"dict","v":[[],0]}',
    "a set with an item twice": b'{"$t":"set","v":[1,1]}',
    "a set of objects": b'{"$t":"set","v":[{}]}',
    "a tuple of a text": b'{"$t":"tuple","v":"abc"}',
    "a fraction by zero": b'{"$t":"fraction","v":[1,0]}',
    "a complex of ints": b'{"$t":"complex","v":[1,2]}',
    "a decimal of words": b'{"$t":"decimal","v":"one"}',
    "a decimal that would fill the memory": b'{"$t":"decimal","v":"1E+99999999"}',
    "a date that is none": b'{"$t":"date","v":"2026-02-30"}',
    "a date of a megabyte": b'{"$t":"date","v":"' + b"2" * 2**20 + b'"}',
    "a time with an offset twice": b'{"$t":"time","v":["01:00:00+01:00",0,[0,null]]}',
    "a fold of two": b'{"$t":"time","v":["01:00:00",2,null]}',
    "a zone of two days": b'{"$t":"timezone","v":[172800000000,null]}',
    "a timedelta beyond all": b'{"$t":"timedelta","v":[1000000000,0,0]}',
    "an ellipsis of something": b'{"$t":"ellipsis","v":0}',
    "an array of objects": b'{"$t":"ndarray","v":["|O","C",[1],{"$t":"bytes","v":"AAAAAAAAAAA="}]}',
    "an array without its data": b'{"$t":"ndarray","v":["<i8","C",[1000000],{"$t":"bytes","v":""}]}',
    "an array of a negative length": b'{"$t":"ndarray","v":["<i8","C",[-1],{"$t":"bytes","v":""}]}',
    "an array of many lengths": b'{"$t":"ndarray","v":["<i8","C",['
    + b"1," * 299
    + b'1],{"$t":"bytes","v":"AAAAAAAAAAA="}]}',
    "an array in another order": b'{"$t":"ndarray","v":["<i8","K",[0],{"$t":"bytes","v":""}]}',
    "a number of no dtype": b'{"$t":"scalar","v":["|V8",{"$t":"bytes","v":"AAAAAAAAAAA="}]}',
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_of_the_form_is_malformed(name):
    with pytest.raises(MalformedError):
        decode(WRONG[name])


def test_deep_nesting_is_refused_before_it_is_parsed():
    for text in (b"[" * 10**6, b'{"a":' * 10**5, b"[" * 300 + b"]" * 300):
        with pytest.raises(TooLargeError, match="depth"):
            decode(text)
    assert decode(b"[" * 90 + b"]" * 90) is not None


def test_brackets_in_texts_do_not_count_as_nesting():
    value = ["[{" * 5000, {'"[': "\\" * 301 + '"['}]

    assert decode(encode(value)) == value


def test_a_text_that_would_become_too_many_objects_is_refused_before_it_is_parsed():
    bounds = Bounds(memory_bytes=10**6)

    with pytest.raises(TooLargeError, match="memory_bytes"):
        decode(b"[" + b"[]," * 10**4 + b"[]]", bounds)
    assert len(decode(b"[" + b"[]," * 1000 + b"[]]", bounds)) == 1001
    assert decode(encode("[," * 10**4, bounds), bounds) == "[," * 10**4


def test_every_reader_of_json_can_read_what_is_written():
    value = {"a": [1, (2, {3}), math.nan, b"x"], "$t": 2**70}

    assert json.loads(encode(value))["v"][0] == "a"


def test_keys_that_were_made_to_collide_are_refused():
    modulus = 2**61 - 1
    keys = ",".join(f'{{"$t":"int","v":"{modulus * 2**10 * n:x}"}},0' for n in range(1, 2000))

    with pytest.raises(DataError, match="one hash"):
        decode(f'{{"$t":"dict","v":[{keys}]}}'.encode())
