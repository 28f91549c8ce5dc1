"""Which type in Rust a variable has, so that equal types are compiled once."""

from __future__ import annotations

import pytest

from dspex_actors.executors.languages._rust_types import ANY, declare, type_of

MAP = "std::collections::BTreeMap<String, {}>"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (1, "i64"),
        (2**63 - 1, "i64"),
        (2**63, "i128"),
        (-(2**127), "i128"),
        (2**127, ANY),
        (1.5, "f64"),
        ("x", "String"),
        (b"x", "Vec<u8>"),
        (None, ANY),
        ([], f"Vec<{ANY}>"),
        ([1, 2], "Vec<i64>"),
        ([1, 2**64], "Vec<i128>"),
        ([1, 2.5], "Vec<f64>"),
        ([1, "x"], f"Vec<{ANY}>"),
        ([True, 1], f"Vec<{ANY}>"),
        ([[1], [2]], "Vec<Vec<i64>>"),
        ((1, "x"), "(i64, String,)"),
        ((1,) * 7, "Vec<i64>"),
        ((), f"Vec<{ANY}>"),
        (range(3), "Vec<i64>"),
        ({1, 2}, "Vec<i64>"),
        ({"a": 1}, MAP.format("i64")),
        ({"a": 1, "b": "x"}, MAP.format(ANY)),
        ({1: "a"}, ANY),
    ],
)
def test_a_value_has_the_narrowest_type_that_all_of_it_fits(value, kind):
    assert type_of(value) == kind


def test_what_lies_too_deep_has_no_type_of_its_own():
    nested = 1
    for _ in range(20):
        nested = [nested]

    assert type_of(nested) == "Vec<" * 8 + ANY + ">" * 8


def test_each_variable_is_declared_in_a_line_of_its_own():
    assert declare({"a": 1, "b": [True]}) == "a: i64\nb: Vec<bool>"
