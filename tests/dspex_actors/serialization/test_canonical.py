"""Equal values have one canonical encoding, and values that are not equal have different ones."""

from __future__ import annotations

import copy
import math
import pickle
import struct
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.serialization import canonical, content_hash
from dspex_actors.serialization._protobuf_read import decode
from tests._same import same
from tests.dspex_actors.serialization._states import AGENT, states

MINUS_NAN = struct.unpack("<d", b"\x00\x00\x00\x00\x00\x00\xf8\xff")[0]
ODD_NAN = struct.unpack("<d", b"\x01\x02\x00\x00\x00\x00\xf8\x7f")[0]


def shuffled(value, rng):
    """Return an equal value whose dicts and sets were filled in another order."""
    kind = type(value)
    if kind is dict:
        items = [(key, shuffled(item, rng)) for key, item in value.items()]
        rng.shuffle(items)
        return dict(items)
    if kind is set or kind is frozenset:
        items = list(value)
        rng.shuffle(items)
        return kind(items)
    if kind is list or kind is tuple:
        return kind(shuffled(item, rng) for item in value)
    return copy.copy(value)


def unordered_same(left, right):
    if type(left) is dict and type(right) is dict:
        pairs = [(key, other) for key in left for other in right if same(key, other)]
        return len(left) == len(right) == len(pairs) and all(
            unordered_same(left[key], right[other]) for key, other in pairs
        )
    if type(left) is type(right) and type(left) in {list, tuple}:
        return len(left) == len(right) and all(map(unordered_same, left, right))
    return same(left, right)


@given(state=states, rng=st.randoms(use_true_random=False))
@settings(max_examples=70, deadline=None)
def test_an_equal_state_built_in_another_order_has_the_same_encoding(state, rng):
    assert canonical(shuffled(state, rng)) == canonical(state)


small = st.recursive(
    st.sampled_from([None, 0, 0.0, -0.0, False, 1, True, "", "0", b"", ()]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.sampled_from([0, "0", True]), inner, max_size=2)
        | st.sets(st.sampled_from([0, "0", True, ()]), max_size=2)
    ),
    max_leaves=3,
)


@given(left=small, right=small)
@settings(max_examples=250, deadline=None)
def test_two_states_have_one_encoding_exactly_if_they_are_equal_in_all_but_order(left, right):
    assert (canonical(left) == canonical(right)) == unordered_same(left, right)


@given(state=states)
@settings(max_examples=70, deadline=None)
def test_the_encoding_can_be_read_and_its_value_has_it_again(state):
    assert canonical(decode(canonical(state))) == canonical(state)


@pytest.mark.parametrize("kind", [">f2", ">f4", ">f8", ">c8", ">c16", ">i4", ">M8[s]", "<f4"])
@pytest.mark.parametrize("items", [1, [1, 2], [[0, 1], [2, 3]]])
def test_the_encoding_keeps_the_order_of_bytes_that_an_array_has(kind, items):
    array = np.asfortranarray(np.array(items, kind))

    read = decode(canonical(array))

    assert read.dtype == array.dtype
    assert (read == array).all()


EQUAL = {
    "dicts in another order": ({"a": 1, "b": {2: 3, "2": 4}}, {"b": {"2": 4, 2: 3}, "a": 1}),
    "sets of texts": ({"x", "y", "z", "w"}, {"w", "z", "y", "x"}),
    "frozensets as keys": ({frozenset({1, 9, 17}): 1}, {frozenset({17, 9, 1}): 1}),
    "nan of any sign": ([math.nan], [MINUS_NAN]),
    "nan with a payload": ({"a": math.nan}, {"a": ODD_NAN}),
    "nan in a long list": ([1.0, math.nan], [1.0, ODD_NAN]),
    "nan in a complex number": (complex(1, math.nan), complex(1, MINUS_NAN)),
    "nan in an array": (np.array([1.0, math.nan]), np.array([1.0, ODD_NAN])),
    "nan in a complex array": (np.array([complex(math.nan, 1)]), np.array([complex(MINUS_NAN, 1)])),
    "nan as numpy's number": (np.float64(math.nan), np.float64(ODD_NAN)),
    "arrays in either order": (
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ),
    "texts in either order": (
        np.array([["a", "bc"], ["d", "e"]]),
        np.asfortranarray(np.array([["a", "bc"], ["d", "e"]])),
    ),
    "a slice and a copy of it": (np.arange(10)[::2], np.arange(10)[::2].copy()),
}


@pytest.mark.parametrize("name", EQUAL)
def test_these_are_equal_and_have_one_encoding(name):
    left, right = EQUAL[name]

    assert canonical(left) == canonical(right)


DIFFERENT = {
    "an int and a float": (1, 1.0),
    "an int and a truth value": (1, True),
    "the zeros": (0.0, -0.0),
    "a list and a tuple": ([1], (1,)),
    "a set and a frozenset": ({1}, frozenset({1})),
    "a text and bytes": ("a", b"a"),
    "bytes and a bytearray": (b"a", bytearray(b"a")),
    "keys of two types": ({1: 0}, {"1": 0}),
    "keys that Python takes for one": ({1: 0}, {True: 0}),
    "a dict and its items": ({"a": 1}, ["a", 1]),
    "the order of a list": ([1, 2], [2, 1]),
    "where a list ends": ([[1], [2]], [[1, 2], []]),
    "a decimal with more digits": (Decimal("1.0"), Decimal("1.00")),
    "one moment in two zones": (
        datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 1, 0, tzinfo=timezone(timedelta(0))),
    ),
    "the fold of a time": (datetime(2026, 1, 1), datetime(2026, 1, 1, fold=1)),  # noqa: DTZ001 -- naive on purpose
    "the width of an array's items": (np.array([1], "<i4"), np.array([1], "<i8")),
    "the shape of an array": (np.zeros((2, 3)), np.zeros((3, 2))),
    "an array and a list": (np.array([1.0]), [1.0]),
    "a number of numpy's": (np.float64(1.0), 1.0),
    "what looks like a tag": ({"$t": "tuple", "v": []}, ()),
    "None and nothing": ([None], []),
    "floats and a tuple of them": ([1.0, 2.0], (1.0, 2.0)),
    "big and small integers": (2**63 - 1, 2**63),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_these_differ_and_so_do_their_encodings(name):
    left, right = DIFFERENT[name]

    assert canonical(left) != canonical(right)


def test_equal_states_have_equal_hashes_where_their_pickles_differ():
    left, right = {"a": 1, "b": 2}, {"b": 2, "a": 1}

    assert pickle.dumps(left) != pickle.dumps(right)
    assert content_hash(left) == content_hash(right)


def test_the_hash_of_a_state_is_the_one_it_always_had():
    assert content_hash(None) == "fb8da7eb5b1b399e7321179dac9e9f65773d7331e1e30554e3911e4325e1ef19"
    assert content_hash(AGENT) == "e51951ec09b6544e7090f5ae2af90f139097a703c685cb0960ebf05abe6dec56"
