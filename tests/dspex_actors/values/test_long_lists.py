"""A long list keeps the exact type of each item, whichever of them are alike."""

from __future__ import annotations

import enum
import math
from decimal import Decimal
from fractions import Fraction

import msgspec
import numpy as np
import pytest

from dspex_actors._errors import ValueEncodeError
from dspex_actors.values import decode, encode
from dspex_actors.values._floats import pack, unpack

HALVES = [0.5] * 40


class Float(float):
    """A float that is none."""


class Int(int):
    """An int that is none."""


class FloatMember(float, enum.Enum):
    HALF = 0.5


class Number(enum.IntEnum):
    ONE = 1


class Point(msgspec.Struct):
    x: float = 0.5


CROSSING = [
    1,
    -1,
    True,
    None,
    2**63,
    2**70,
    "1.5",
    "nan",
    b"\xcb" + bytes(8),
    Decimal("1.5"),
    Fraction(1, 2),
    1j,
    [0.5],
]
CROSSING += [{}, (0.5,), np.float64(1.5), np.float32(1.5), math.nan, math.inf, -0.0, 5e-324]
REFUSED = [Float(1.5), FloatMember.HALF, Number.ONE, Int(1), Point(), pytest.param(object(), id="an object")]


@pytest.mark.parametrize("item", CROSSING, ids=repr)
@pytest.mark.parametrize("at", [0, 1, 20, 40])
def test_an_item_among_floats_keeps_its_value_and_its_type(item, at):
    value = [*HALVES[:at], item, *HALVES[at:]]
    parts = encode(value)

    back = decode(parts.structure, parts.buffers)

    assert list(map(type, back)) == list(map(type, value))
    assert repr(back) == repr(value)


@pytest.mark.parametrize("item", REFUSED, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("at", [0, 1, 40])
def test_an_item_that_cannot_cross_is_found_among_floats(item, at):
    with pytest.raises(ValueEncodeError) as caught:
        encode([*HALVES[:at], item, *HALVES[at:]])

    assert caught.value.path == f"value[{at}]"


@pytest.mark.parametrize("item", [item for item in CROSSING + REFUSED if type(item) is not float], ids=repr)
def test_anything_but_floats_is_no_block_of_floats(item):
    assert pack([*HALVES, item]) is None


@pytest.mark.parametrize("count", [33, 2**16 - 1, 2**16])
def test_a_block_of_floats_has_nine_bytes_for_each_and_comes_back(count):
    value = [number / 3 for number in range(count)]

    packed = pack(value)

    assert len(packed) - 9 * count == (3 if count < 2**16 else 5)
    assert unpack(memoryview(packed)) == value


def test_a_lone_surrogate_or_a_long_int_among_floats_is_left_to_the_walk():
    assert pack([*HALVES, "\ud800"]) is None
    assert pack([*HALVES, 2**64]) is None
    assert pack([*HALVES, -(2**63) - 1]) is None
