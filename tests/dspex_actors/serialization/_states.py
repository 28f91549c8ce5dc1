"""States as tests store them, drawn and by hand, and what makes two of them the same."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
from hypothesis import strategies as st

from dspex_actors.serialization import Compression, Format, KeyRing

DATA_FORMATS = [each for each in Format if each is not Format.PICKLE]
COMPRESSIONS = list(Compression)
EAST = timezone(timedelta(hours=5, minutes=30))
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = KeyRing({"new": NEW, "old": OLD})

AGENT = {
    "name": "agent-7 ☃",
    "step": 41,
    "score": 0.25,
    "weights": np.linspace(0, 1, 12).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "mask": np.array([True, False]),
    "names": np.array(["a", "ß"]),
    "when": np.datetime64("2026-01-02T03:04:05", "ns"),
    "seen": {1, "1", (2, 3)},
    "frozen": frozenset({b"x"}),
    "by_key": {1: "int", "1": "str", (True,): "tuple", None: [], 2.5: {}, b"k": bytearray(b"v")},
    "true": {True: "bool", "1": "str"},
    "$t": {"$t": "tuple", "v": [1]},
    "tuple": ("$tuple", [1], ()),
    "nan": [math.nan, math.inf, -math.inf, -0.0, 1.5],
    "big": [2**63, -(2**63), 2**64, -(2**64) - 1, 10**400],
    "dates": [datetime(2024, 10, 27, 1, 30, fold=1, tzinfo=EAST), date(2024, 2, 29), time(1, 2, 3, 4)],
    "more": [
        timedelta(-1, 2, 3),
        EAST,
        UUID(int=7),
        Decimal("-0.00"),
        Fraction(1, 3),
        1j,
        range(3, 0, -1),
        ...,
    ],
    "text": "x" * 5000 + "é" * 3000,
    "content": bytes(range(256)) * 20,
}


zones = (
    st.none()
    | st.builds(
        timezone,
        st.timedeltas(timedelta(hours=-23), timedelta(hours=23)),
    )
    | st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)), st.text(max_size=5))
)
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["$t", "$tuple", "", "1"])
integers = st.integers() | st.integers(-(2**70), 2**70) | st.sampled_from([2**63, -(2**63), 2**64, 255, 256])
keys = (
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=8)
    | st.dates()
    | st.uuids()
    | st.decimals(allow_nan=False, places=2)
)
arrays = st.builds(
    lambda xs, kind, fortran: (np.asfortranarray if fortran else np.ascontiguousarray)(
        np.array(xs, kind).reshape(2, -1)
    ),
    st.lists(st.integers(-100, 100), min_size=4, max_size=4) | st.just([]),
    st.sampled_from(["<f8", ">f4", "i1", "<i8", "c16", "?", "<U3", "S2", "m8[s]"]),
    st.booleans(),
)
leaves = (
    keys
    | st.floats()
    | st.complex_numbers()
    | st.binary(max_size=40).map(bytearray)
    | st.datetimes(timezones=zones)
    | st.times(timezones=zones)
    | st.timedeltas()
    | st.fractions()
    | st.builds(range, integers, integers, st.integers(1, 9))
    | arrays
    | st.sampled_from(
        [..., np.float32(1.5), np.str_("é"), np.int8(-1), np.datetime64("2026-01-01"), math.nan]
    )
)
hashables = st.recursive(
    keys, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
states = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.sets(hashables, max_size=4)
        | st.lists(st.floats(), max_size=5)
    ),
    max_leaves=12,
)
