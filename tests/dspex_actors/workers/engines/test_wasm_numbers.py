"""Numbers that go into a module are checked against its types, so that none is changed on the way."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.workers.engines.wasm._numbers import (
    ArgumentMismatchError,
    check_arguments,
    check_number,
    check_results,
)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("i32", 0, 0),
        ("i32", 2**31 - 1, 2**31 - 1),
        ("i32", 2**31, -(2**31)),
        ("i32", 2**32 - 1, -1),
        ("i32", -(2**31), -(2**31)),
        ("i32", True, 1),
        ("i64", 2**63 - 1, 2**63 - 1),
        ("i64", 2**64 - 1, -1),
        ("i64", -(2**63), -(2**63)),
        ("f64", 2**53, 2.0**53),
        ("f64", 1, 1.0),
        ("f32", 0.5, 0.5),
        ("f32", 16777216, 16777216.0),
        ("f64", math.inf, math.inf),
    ],
)
def test_a_number_that_its_type_can_hold_is_taken(kind, value, taken):
    assert check_number("it", kind, value) == taken
    assert type(check_number("it", kind, value)) is type(taken)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("i32", 2**32, "2**32 - 1"),
        ("i32", -(2**31) - 1, "-2**31"),
        ("i32", 2**40, "2**32 - 1"),
        ("i32", 1.0, "whole number"),
        ("i32", "1", "whole number"),
        ("i32", None, "whole number"),
        ("i64", 2**64, "2**64 - 1"),
        ("i64", -(2**63) - 1, "-2**63"),
        ("i64", 2**10000, "a number of 10001 bits"),
        ("f64", 2**53 + 1, "cannot hold"),
        ("f64", 2**2000, "too large"),
        ("f64", "1.0", "a number"),
        ("f32", 16777217, "cannot hold"),
        ("f32", 1e39, "too large"),
        ("v128", 0, "v128"),
        ("externref", "x", "externref"),
    ],
)
def test_a_number_that_its_type_cannot_hold_is_refused_with_what_it_can(kind, value, said):
    with pytest.raises(ArgumentMismatchError) as caught:
        check_number("argument 1 of add", kind, value)

    assert said in str(caught.value)
    assert "argument 1 of add" in str(caught.value)


@given(st.integers(-(2**65), 2**65), st.sampled_from([("i32", 32), ("i64", 64)]))
def test_an_integer_keeps_its_value_modulo_the_width_or_is_refused(value, kind):
    name, bits = kind
    try:
        taken = check_number("it", name, value)
    except ArgumentMismatchError:
        assert not -(2 ** (bits - 1)) <= value < 2**bits
    else:
        assert -(2 ** (bits - 1)) <= taken < 2 ** (bits - 1)
        assert (taken - value) % 2**bits == 0


@given(st.floats(allow_nan=False, width=32))
def test_a_float_of_32_bits_is_taken_as_it_is(value):
    taken = check_number("it", "f32", value)

    assert struct.pack("<f", taken) == struct.pack("<f", value)


def test_too_many_and_too_few_arguments_are_refused_with_the_signature():
    for given_ in ((), (1,), (1, 2, 3)):
        with pytest.raises(ArgumentMismatchError, match=r"takes 2 arguments \(i32, f64\)"):
            check_arguments("add", ["i32", "f64"], given_)


def test_a_tools_results_are_checked_like_arguments():
    assert check_results("t", [], "anything") is None
    assert check_results("t", ["i32"], 7) == 7
    assert check_results("t", ["i32", "f64"], (1, 2.5)) == [1, 2.5]
    for types, value in ((["i32"], None), (["i32"], 2**32), (["i32", "i32"], 1), (["i32", "i32"], [1])):
        with pytest.raises(ArgumentMismatchError):
            check_results("t", types, value)
