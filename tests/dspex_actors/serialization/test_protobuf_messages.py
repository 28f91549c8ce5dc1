"""protobuf as bytes: literal messages, Google's library on the other side, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings

from dspex_actors.serialization import Bounds, MalformedError, TooLargeError, TruncatedError
from dspex_actors.serialization._protobuf import canonical, encode, varint
from dspex_actors.serialization._protobuf_read import decode
from tests._same import same
from tests.dspex_actors.serialization._google import parse
from tests.dspex_actors.serialization._states import AGENT, states

MESSAGES = {
    "null": ("0801", None),
    "true": ("1001", True),
    "false": ("1000", False),
    "0": ("1800", 0),
    "-1": ("1801", -1),
    "1": ("1802", 1),
    "64": ("188001", 64),
    "2^63-1": ("18" + "fe" + "ff" * 8 + "01", 2**63 - 1),
    "-2^63": ("18" + "ff" * 9 + "01", -(2**63)),
    "2^63": ("2209" + "0000000000000080" + "00", 2**63),
    "-2^63-1": ("2209" + "ffffffffffffff7f" + "ff", -(2**63) - 1),
    "1.5": ("29000000000000f83f", 1.5),
    "nan": ("29000000000000f87f", math.nan),
    "text": ("3202c3a9", "é"),
    "no text": ("3200", ""),
    "bytes": ("3a0200ff", b"\x00\xff"),
    "no list": ("4200", []),
    "list": ("42080a0218020a023200", [1, ""]),
    "doubles": ("5a120a10000000000000f83f0000000000000080", [1.5, -0.0]),
    "no map": ("4a00", {}),
    "map": ("4a0b0a090a033201611202" + "0801", {"a": None}),
    "map with a number as key": ("4a0a0a080a0218021202" + "1001", {1: True}),
    "tuple": ("520b0a057475706c6512024200", ()),
    "ellipsis": ("520e0a08656c6c697073697312020801", ...),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_value_is_written_as_just_this_message_and_read_from_it(name):
    data, value = MESSAGES[name]

    assert encode(value).hex() == data
    assert same(decode(bytes.fromhex(data)), value)


@pytest.mark.parametrize("name", MESSAGES)
def test_googles_library_reads_the_message_and_writes_the_same_bytes(name):
    data = bytes.fromhex(MESSAGES[name][0])

    assert parse(data).WhichOneof("kind") is not None
    assert parse(data).SerializeToString() == data


@given(state=states)
@settings(max_examples=50, deadline=None)
def test_googles_library_writes_any_state_as_we_do(state):
    for data in (encode(state), canonical(state)):
        assert parse(data).SerializeToString() == data


def test_googles_library_sees_the_values_by_the_names_of_the_schema():
    message = parse(encode({"a": [1, 2.5], "b": ("x",), 3: b"y"}))

    first, second, third = message.map.entries
    assert (first.key.text, [item.WhichOneof("kind") for item in first.value.list.items]) == (
        "a",
        ["integer", "number"],
    )
    assert (second.value.tagged.name, second.value.tagged.value.list.items[0].text) == ("tuple", "x")
    assert (third.key.integer, third.value.data) == (3, b"y")


def test_a_message_that_googles_library_made_is_read():
    message = parse(b"\x08\x01")
    message.map.entries.add().key.text = "k"
    message.map.entries[0].value.list.items.add().number = -2.5
    message.map.entries[0].value.list.items.add().boolean = False

    assert same(decode(message.SerializeToString()), {"k": [-2.5, False]})
    assert same(decode(parse(encode(AGENT)).SerializeToString()), AGENT)


WRONG = {
    "nothing": "",
    "an unknown field": "6200",
    "the field zero": "0200",
    "a group": "0b",
    "a null that is false": "0800",
    "a truth value of two": "1002",
    "a truth value as a text": "1200",
    "two kinds at once": "08011001",
    "a number that does not end": "18" + "ff" * 4,
    "a number of eleven bytes": "18" + "80" * 10 + "00",
    "a number beyond 64 bits": "18" + "ff" * 9 + "02",
    "half a double": "290000",
    "a text longer than the message": "3205616263",
    "a text that is no UTF-8": "3201ff",
    "bytes of four gigabytes": "3affffffff0f",
    "a list with another field": "4202" + "1200",
    "a list of nothing": "42020a00",
    "an item longer than its list": "42040a051802",
    "an entry without a value": "4a060a040a021802",
    "an entry without a key": "4a060a0412021802",
    "an entry with its fields exchanged": "4a0a0a0812021001" + "0a021802",
    "an entry with a third field": "4a0c0a0a0a0218021202" + "1001" + "1800",
    "a map with a key twice": "4a14" + "0a080a02180212021001" * 2,
    "a map with keys that Python takes for one": "4a14" + "0a080a02180212021001" + "0a080a02100112021001",
    "a map with a list as key": "4a0a0a080a0242001202" + "1001",
    "a tag without a value": "52070a057475706c65",
    "a tag without a name": "520412024200",
    "a tag of an empty name": "52060a0012024200",
    "a tag that no one knows": "520c0a066f626a65637412024200",
    "a tag for dicts": "520a0a046469637412024200",
    "a tag that is no ASCII": "52080a02c3a912024200",
    "a tag and more": "520d0a057475706c65120242001800",
    "a tuple of a number": "520b0a057475706c6512021802",
    "doubles that are not whole": "5a090a07" + "00" * 7,
    "doubles that are none": "5a020a00",
    "doubles of no field": "5a00",
    "doubles twice": "5a140a08" + "00" * 8 + "0a08" + "00" * 8,
    "a double by itself in doubles": "5a0909" + "00" * 8,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_message_of_this_form_is_malformed_or_torn(name):
    with pytest.raises((MalformedError, TruncatedError)):
        decode(bytes.fromhex(WRONG[name]))


def test_many_small_messages_cost_what_they_take_in_memory():
    lists = b"\x0a\x02\x42\x00" * 10**4
    data = b"\x42" + varint(len(lists)) + lists

    assert len(decode(data, Bounds(memory_bytes=3 * 10**6))) == 10**4
    with pytest.raises(TooLargeError, match="memory_bytes"):
        decode(data, Bounds(memory_bytes=10**6))


def test_a_deep_message_is_refused_at_the_bound():
    data = b"\x42\x00"
    for _ in range(1000):
        data = b"\x0a" + varint(len(data)) + data
        data = b"\x42" + varint(len(data)) + data

    with pytest.raises(TooLargeError, match="depth"):
        decode(data)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**32, 2**64 - 1])
def test_a_number_of_variable_size_is_read_as_it_was_written(number):
    written = varint(number)

    assert sum((byte & 0x7F) << 7 * at for at, byte in enumerate(written)) == number
    assert [byte >= 0x80 for byte in written] == [True] * (len(written) - 1) + [False]
