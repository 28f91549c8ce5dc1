"""Terms between the worker and Elixir's driver: values come back as they were, and no bytes do any harm."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspex_actors import ValueEncodeError
from dspex_actors.values import Budget
from dspex_actors.workers.engines.elixir._etf import encode, tuple_of
from dspex_actors.workers.engines.elixir._etf_read import MalformedTermError, decode

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary(max_size=50).filter(lambda data: b"\xff" in data)
)
_KEYS = st.text() | st.integers(min_value=2)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=50)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_KEYS, inner, max_size=5)
    ),
    max_leaves=40,
)


SMALL = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def term(value):
    encoded, _ = encode(value)
    return encoded


def atom(name):
    return bytes([119, len(name)]) + name.encode()


def mapping(*pairs):
    return b"\x83\x74" + struct.pack(">I", len(pairs)) + b"".join(key + item for key, item in pairs)


def struct_of(name, **fields):
    pairs = [(atom("__struct__"), atom(name)), *((atom(key), item) for key, item in fields.items())]
    return mapping(*pairs)


def part(value):
    return term(value)[1:]


ISO = atom("Elixir.Calendar.ISO")
LEAP_DAY = {"year": part(2024), "month": part(2), "day": part(29), "calendar": ISO}


@SMALL
@given(_VALUES)
def test_any_plain_value_is_read_back_as_it_was_written(value):
    back = decode(term(value))

    assert repr(back) == repr(value)


@SMALL
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\x83" + data))
def test_any_bytes_are_a_value_or_one_of_two_errors(data):
    with suppress(MalformedTermError, ValueEncodeError):
        decode(data)


@SMALL
@given(_VALUES, st.data())
def test_a_term_that_is_cut_short_or_changed_is_a_value_or_one_of_two_errors(value, data):
    whole = term(value)
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(st.integers(0, 255))

    with pytest.raises(MalformedTermError):
        decode(whole[:at])
    with suppress(MalformedTermError, ValueEncodeError):
        decode(whole[:at] + bytes([changed]) + whole[at + 1 :])


@pytest.mark.parametrize(
    ("value", "written", "tagged"),
    [
        (b"ab", "ab", False),
        (bytearray(b"\xff"), b"\xff", False),
        ({3}, ("$set", [3]), True),
        (frozenset(), ("$set", []), True),
        (range(2, 9, 3), ("$range", [2, 8, 3]), True),
        (range(3, 0, -1), ("$range", [3, 1, -1]), True),
        (date(99, 1, 2), ("$date", "0099-01-02"), True),
        (time(1, 2, 3, 4), ("$time", "01:02:03.000004"), True),
        (datetime(2024, 1, 2, 3), ("$naive", "2024-01-02T03:00:00"), True),  # noqa: DTZ001 -- naive on purpose
        (
            datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            ("$utc", "2024-01-02T01:00:00+00:00"),
            True,
        ),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001", False),
        (np.float64(0.5), 0.5, False),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]], False),
        ({1: {2}}, {1: ("$set", [2])}, True),
    ],
)
def test_what_elixir_has_in_another_form_is_written_in_that(value, written, tagged):
    encoded, has_tags = encode(value)

    assert (decode(encoded), has_tags) == (written, tagged)


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ([1, {"a": float("nan")}], "value[1]['a']", "Elixir has nothing for nan"),
        (float("-inf"), "value", "Elixir has nothing for -inf"),
        (Decimal(1), "value", "Elixir has nothing for it"),
        ((1j,), "value[0]", "Elixir has nothing for it"),
        (timedelta(1), "value", "Elixir has nothing for it"),
        (object, "value", "Elixir has nothing for it"),
        ("\ud800", "value", "a lone surrogate"),
        (time(1, tzinfo=UTC), "value", "which Elixir has not"),
        ({"a": 1, b"a": 2}, "value", "the keys 'a' and b'a' are one in Elixir"),
        (np.array([np.nan]), "value[0]", "Elixir has nothing for nan"),
    ],
)
def test_what_elixir_has_nothing_for_is_refused_with_its_path(value, path, reason):
    with pytest.raises(ValueEncodeError, match=reason) as caught:
        encode(value)

    assert caught.value.path == path


@pytest.mark.parametrize("levels", [100, 101])
def test_a_value_may_nest_a_hundred_deep_in_both_directions(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    written = b"\x83" + b"\x6c\0\0\0\1" * levels + b"\x61\1" + b"\x6a" * levels

    if levels == 100:
        assert (term(value), decode(written)) == (written, value)
        return
    for attempt in (lambda: encode(value), lambda: decode(written)):
        with pytest.raises(ValueEncodeError, match="nested more than 100 deep"):
            attempt()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x83" + atom("nil"), None),
        (b"\x83" + atom("true"), True),
        (b"\x83" + atom("ok"), "ok"),
        (b"\x83" + atom("Elixir.String"), "String"),
        (b"\x83\x64\0\2ok", "ok"),
        (b"\x83\x76\0\2\xc3\xbc", "ü"),
        (b"\x83\x73\1\xfc", "ü"),
        (b"\x83\x6b\0\3\1\2\xff", [1, 2, 255]),
        (b"\x83\x6e\1\1\5", -5),
        (b"\x83\x6f\0\0\0\1\0\5", 5),
        (b"\x83\x69\0\0\0\1\x61\1", (1,)),
        (struct_of("Elixir.MapSet", map=mapping((part(1), b"\x6a"))[1:], version=part(2)), {1}),
        (struct_of("Elixir.Range", first=part(3), last=part(1), step=part(-1)), range(3, 0, -1)),
        (struct_of("Elixir.Date", **LEAP_DAY), date(2024, 2, 29)),
        (struct_of("Elixir.Point", x=part(1)), {"__struct__": "Point", "x": 1}),
        (mapping((atom("__struct__"), part(1))), {"__struct__": 1}),
        (mapping((part("__struct__"), atom("Elixir.Date"))), {"__struct__": "Date"}),
    ],
)  # fmt: skip
def test_terms_that_only_erlang_writes_are_read(data, value):
    back = decode(data)

    assert (back, type(back)) == (value, type(value))


def test_a_date_with_time_and_offset_is_read_with_its_zone():
    fields = {"year": part(2024), "month": part(1), "day": part(2), "hour": part(3), "minute": part(4)}
    fields |= {"second": part(5), "microsecond": part((6, 6)), "calendar": ISO}
    aware = struct_of("Elixir.DateTime", **fields, utc_offset=part(3600), std_offset=part(0))

    assert decode(struct_of("Elixir.NaiveDateTime", **fields)) == datetime(2024, 1, 2, 3, 4, 5, 6)  # noqa: DTZ001 -- as said
    assert decode(aware) == datetime(2024, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("data", "path", "kind"),
    [
        (b"\x83\x6c\0\0\0\1\x58rest", "value[0]", "pid"),
        (b"\x83\x5a", "value", "reference"),
        (b"\x83\x78", "value", "port"),
        (b"\x83\x70\0\0\0\1", "value", "function"),
        (b"\x83\x4d\0\0\0\1\1\1", "value", "bitstring"),
        (b"\x83\x6c\0\0\0\1\x61\1\x61\2", "value", "list"),
        (mapping((part([]), part(1))), "value", "map"),
        (mapping((part(1), part(1)), (part(1.0), part(2))), "value", "map"),
        (mapping((part("a"), part(1)), (atom("a"), part(2))), "value", "map"),
        (struct_of("Elixir.Date", year=part(-5), month=part(1), day=part(1), calendar=ISO), "value", "Date"),
        (struct_of("Elixir.Date", year=part("x")), "value", "Date"),
        (struct_of("Elixir.Date", calendar=atom("Elixir.Other")), "value", "Date"),
        (struct_of("Elixir.Range", first=part(1), last=part(2), step=part(0)), "value", "Range"),
        (struct_of("Elixir.MapSet", map=part(1)), "value", "MapSet"),
        (b"\x83\x6f\x00\x10\x00\x01\0" + b"\1" * (2**20 + 1), "value", "integer"),
    ],
)
def test_what_python_has_nothing_for_is_refused_with_its_path_and_kind(data, path, kind):
    with pytest.raises(ValueEncodeError) as caught:
        decode(data)

    assert (caught.value.path, caught.value.type_name) == (path, kind)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x82\x61\1",
        b"\x83",
        b"\x83\x61",
        b"\x83\x61\1\1",
        b"\x83\x50\0\0\0\5" + b"x" * 20,
        b"\x83\x6c\xff\xff\xff\xff\x6a",
        b"\x83\x74\xff\xff\xff\xff\x6a",
        b"\x83\x69\xff\xff\xff\xff\x6a",
        b"\x83\x6d\xff\xff\xff\xffab",
        b"\x83\x6f\xff\xff\xff\xff\0ab",
        b"\x83\x67\x77",
    ],
)
def test_what_is_no_term_is_refused_before_anything_is_built(data):
    with pytest.raises((MalformedTermError, ValueEncodeError)):
        decode(data)


@pytest.mark.parametrize(
    ("data", "bytes_needed"),
    [
        (term([[]] * 100), 240 * 101),
        (term([1] * 100), 240 + 40 * 100),
        (term("a" * 1000), 88 + 1000),
        (term("ü" * 500), 88 + 5 * 1000),
        (b"\x83\x6b\0\x64" + b"\1" * 100, 240 + 40 * 100),
    ],
)
def test_memory_is_counted_before_it_is_taken(data, bytes_needed):
    decode(data, Budget(memory_bytes=bytes_needed))

    with pytest.raises(ValueEncodeError, match="would take more than"):
        decode(data, Budget(memory_bytes=bytes_needed - 1))


def test_terms_are_put_into_a_tuple_without_being_read():
    assert decode(tuple_of(term(1), term([2]))) == (1, [2])
