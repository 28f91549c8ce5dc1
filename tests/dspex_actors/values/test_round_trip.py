"""Every type that crosses comes back equal and of exactly its type."""

from __future__ import annotations

import math
import sys
import threading
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import NoneType
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.values import Encoded, decode, encode
from tests._same import same

EAST = timezone(timedelta(hours=5, minutes=30))
LISBON_NAMED = timezone(timedelta(hours=1), "WEST")


def carried(value):
    parts = encode(value)
    return decode(parts.structure, parts.buffers)


TABLE = [
    None,
    True,
    False,
    0,
    -1,
    255,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    10**4000,
    -(10**4000),
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    math.nan,
    5e-324,
    1.7976931348623157e308,
    0j,
    complex(-0.0, math.nan),
    "",
    "text",
    "naïve ☃ 😀 \x00",
    "a" * 5000,
    "é" * 5000,
    "😀" * 5000,
    b"",
    b"bytes",
    b"\xff" * 4096,
    bytearray(),
    bytearray(b"small"),
    bytearray(b"x" * 5000),
    [],
    [[]],
    [1, "a", None, 2.5, b"b"],
    (),
    (1,),
    ((), [()], {}),
    (1, (2, [3, (4,)])),
    set(),
    {1, "a", (2, 3)},
    {None, True, 2.5},
    frozenset(),
    frozenset({frozenset({1}), b"x"}),
    {},
    {"a": {"b": {"c": [1, {"d": ()}]}}},
    {1: "int", "s": "str", None: 0, False: 0, (1, 2): "tuple", 2.5: "float", b"k": "bytes"},
    {"z": 1, "a": 2, "m": 3},
    {3: 1, 1: 2, 2: 3},
    {"long key" * 600: 1},
    range(0),
    range(10),
    range(5, -5, -2),
    range(10**30),
    ...,
    Decimal(0),
    Decimal("-0.00"),
    Decimal("1E+999999"),
    Decimal("1E-999999"),
    Decimal("3.14159265358979323846"),
    Decimal("NaN"),
    Decimal("-sNaN123"),
    Decimal("-Infinity"),
    Fraction(1, 3),
    Fraction(-7),
    Fraction(2**2000, 3**1000),
    date.min,
    date.max,
    datetime.min,  # noqa: DTZ901 -- naive on purpose
    datetime.max,  # noqa: DTZ901 -- naive on purpose
    datetime(2024, 2, 29, 12, 30, 1, 999_999, EAST),
    datetime(2024, 10, 27, 1, 30, fold=1, tzinfo=LISBON_NAMED),
    datetime(2024, 1, 1, tzinfo=timezone.utc),  # noqa: UP017 -- the object itself, as datetime.UTC names it
    time.min,
    time(23, 59, 59, 1, fold=1, tzinfo=timezone(timedelta(microseconds=-1))),
    timedelta.min,
    timedelta.max,
    timedelta(days=-1, microseconds=7),
    timezone(timedelta(hours=-3), ""),
    timezone(timedelta(0), "GMT"),
    EAST,
    UUID(int=0),
    UUID("12345678-1234-5678-1234-567812345678"),
    [1.5] * 33,
    [math.nan, -0.0] * 20,
    [1] * 33,
    [2**63 - 1, -(2**63)] * 600,
    [2**64 - 1] * 40,
    [2**70] * 40,
    [True] * 40,
    [None] * 40,
    tuple([0.5] * 1000),
    set(range(1000)),
    {1: [0.5] * 1000, 2: [7] * 1000},
    ["a"] * 5000,
    ["a" * 5000, "b" * 4096],
    [b"a" * 5000, (b"b" * 5000, bytearray(b"c" * 5000)), b"d" * 5000],
    [[[[[[["seven"]]]]]]],
    [[[[[[{"eight": [{}]}]]]]]],
    [{"row": i, "xs": [i, i]} for i in range(300)],
    [(i, {i}) for i in range(300)],
    [tuple([i / 2] * 40) for i in range(200)],
    [tuple([i / 2] * 600) for i in range(200)],
    {(i, -i) for i in range(1000)},
]


def name_of(value):
    """Name a value for a test: the same in every process, whatever order it gives to sets."""
    kind = type(value).__name__
    return f"{kind}-{len(value)}" if "set" in kind else f"{kind}-{str(value)[:30]!a}"


@pytest.mark.parametrize("value", TABLE, ids=name_of)
def test_a_value_comes_back_equal_and_of_the_same_types(value):
    back = carried(value)

    assert same(back, value)


def test_the_utc_time_zone_stays_the_one_object_it_is():
    assert carried(timezone.utc) is timezone.utc  # noqa: UP017 -- the object itself


def test_a_list_that_occurs_twice_arrives_as_two_lists():
    shared = [1]

    first, second = carried([shared, shared])

    assert first == second == [1]
    assert first is not second


def test_encoding_leaves_the_value_as_it_was():
    value = {"a": [(1, {2}), "x" * 5000], 3: [2**70, b"y" * 5000]}
    copy = {"a": [(1, {2}), "x" * 5000], 3: [2**70, b"y" * 5000]}

    encode(value)

    assert same(value, copy)


def test_the_order_of_a_dict_is_kept():
    value = dict.fromkeys("qwertyuiop") | dict.fromkeys(range(20, 0, -1))

    assert list(carried(value)) == list(value)


def test_large_bytes_travel_beside_the_structure_without_a_copy():
    content = b"x" * 4096

    parts = encode([content, b"y" * 4095])

    assert [buffer is content for buffer in parts.buffers] == [True]
    assert len(parts.structure) < 4200
    assert parts.size == len(parts.structure) + 4096


def test_content_beyond_the_largest_number_of_buffers_stays_in_the_structure():
    value = [bytes([n % 256]) * 4096 for n in range(4100)]

    parts = encode(value)

    assert len(parts.buffers) == 4096
    assert decode(parts.structure, parts.buffers) == value


def test_a_structure_may_be_decoded_from_any_kind_of_bytes():
    parts = encode([(1.5, "x"), b"z" * 5000])

    for kind in (bytes, bytearray, memoryview):
        assert decode(memoryview(kind(parts.structure)), [kind(parts.buffers[0])]) == [
            (1.5, "x"),
            b"z" * 5000,
        ]


def test_an_encoded_value_is_immutable_and_compares_by_content():
    assert encode([1]) == encode([1]) == Encoded(encode([1]).structure, ())


def test_a_list_changed_by_another_thread_meanwhile_still_encodes_to_some_state_of_it():
    done = threading.Event()
    value = {"rows": [], "keys": {}}

    def change():
        while not done.is_set():
            value["rows"].append(("x", {1}))
            value["keys"][len(value["rows"])] = [0.5]
            if len(value["rows"]) > 50:
                value["rows"].clear()
                value["keys"].clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        states = [carried(value) for _ in range(300)]
    finally:
        done.set()
        thread.join(5)

    assert all(row == ("x", {1}) for state in states for row in state["rows"])
    assert all(item == [0.5] for state in states for item in state["keys"].values())


_zones = st.none() | st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.datetimes(timezones=_zones)
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.builds(range, st.integers(), st.integers(), st.integers(1, 9))
)
# A signalling nan cannot be hashed; all others can be keys.
_keys = _scalars.filter(lambda key: not (type(key) is Decimal and key.is_snan()))
_keys = _keys | st.tuples(_keys, _keys) | st.frozensets(_keys, max_size=3)
_values = st.recursive(
    _scalars | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(_keys)
        | st.frozensets(_keys)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
        | st.dictionaries(_keys, inner)
    ),
    max_leaves=30,
)


@given(_values)
@settings(max_examples=300, deadline=None)
def test_any_value_of_the_types_that_cross_comes_back_the_same(value):
    assert same(carried(value), value)


@given(st.lists(st.floats(), min_size=33) | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=33))
@settings(max_examples=100, deadline=None)
def test_any_long_list_of_numbers_comes_back_the_same(value):
    assert same(carried(value), value)


def test_ints_are_little_endian_on_every_machine(monkeypatch):
    value = list(range(-20, 1000))
    plain = encode(value)
    other = "big" if sys.byteorder == "little" else "little"
    monkeypatch.setattr(sys, "byteorder", other)  # of the machine: the wire's stays

    swapped = encode(value)

    assert swapped.buffers[0] == b"".join(plain.buffers[0][at : at + 8][::-1] for at in range(0, 8160, 8))
    assert carried(value) == value


def test_none_has_the_type_none():
    assert type(carried(None)) is NoneType
