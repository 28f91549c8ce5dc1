"""Where two states differ: every part that changed is named once, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.state import Change, Difference, differences
from dspex_actors.state._conflict import equal

ADDED, REMOVED, CHANGED = Change.ADDED, Change.REMOVED, Change.CHANGED


class Own:
    """An object as a pickle may bring it."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(other) is Own and self.value == other.value

    __hash__ = None


def facts(old, new):
    return [(each.path, each.change, each.old, each.new) for each in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (1, 2, [("state", CHANGED, 1, 2)]),
        (1, True, [("state", CHANGED, 1, True)]),
        (1, 1.0, [("state", CHANGED, 1, 1.0)]),
        ([], (), [("state", CHANGED, [], ())]),
        (None, 0, [("state", CHANGED, None, 0)]),
        ({"a": 1}, {"a": 2}, [("state['a']", CHANGED, 1, 2)]),
        ({"a": 1}, {}, [("state['a']", REMOVED, 1, None)]),
        ({}, {"a": None}, [("state['a']", ADDED, None, None)]),
        ({1: "x"}, {True: "x"}, [("state[1]", REMOVED, "x", None), ("state[True]", ADDED, None, "x")]),
        ({"1": "x"}, {1: "x"}, [("state['1']", REMOVED, "x", None), ("state[1]", ADDED, None, "x")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("state['a']['b'][1]", CHANGED, 2, 3)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ([1, 2, 3], [0, 1, 2, 3], [("state[0]", ADDED, None, 0)]),
        ([1, 2, 3], [1, 3], [("state[1]", REMOVED, 2, None)]),
        ([1, 2, 3], [1, 9, 3], [("state[1]", CHANGED, 2, 9)]),
        ([1, 1, 1], [1, 1], [("state[2]", REMOVED, 1, None)]),
        (
            (1, 2),
            (5, 6, 7),
            [("state[0]", CHANGED, 1, 5), ("state[1]", CHANGED, 2, 6), ("state[2]", ADDED, None, 7)],
        ),
        ({1, 2}, {2, 3}, [("state{1}", REMOVED, 1, None), ("state{3}", ADDED, None, 3)]),
        ({"a": {"x"}}, {"a": frozenset("x")}, [("state['a']", CHANGED, {"x"}, frozenset("x"))]),
    ],
)
def test_each_part_that_changed_is_named_with_what_it_was_and_is(old, new, found):
    assert facts(old, new) == found


def test_a_key_that_is_too_long_for_decimal_digits_is_shown_by_others():
    assert differences({2**20000: 1}, {2**20000: 1}) == ()
    assert [each.path for each in differences({2**20000: 1}, {})] == [f"state[{hex(2**20000)}]"]


def test_not_a_number_is_no_difference_and_signs_of_zero_are():
    assert differences({"a": math.nan}, {"a": math.nan}) == ()
    assert [each.path for each in differences([0.0], [-0.0])] == ["state[0]"]


def test_arrays_of_one_shape_say_in_how_many_elements_they_differ():
    old = np.array([1.0, math.nan, 3.0])
    (found,) = differences({"w": old}, {"w": np.array([1.0, math.nan, 4.0])})
    assert (found.path, found.note) == ("state['w']", "1 of 3 elements differ")
    assert differences(old, old.copy()) == ()


def test_arrays_of_other_shapes_or_types_say_what_became_of_them():
    (found,) = differences(np.zeros(2), np.zeros((2, 1), dtype="f4"))
    assert found.note == "float64 of shape (2,) became float32 of shape (2, 1)"


def test_objects_of_somebodys_own_are_one_part_that_is_compared_by_its_own_equality():
    assert differences([Own(1)], [Own(1)]) == ()
    (found,) = differences([Own(1)], [Own(2)])
    assert (found.path, found.change) == ("state[0]", CHANGED)


def test_what_is_nested_deeper_than_any_state_is_compared_as_a_whole():
    old, new = [1], [2]
    for _ in range(210):
        old, new = [old], [new]
    assert differences(old, old.copy()) == ()
    assert [each.path.count("[") for each in differences(old, new)] == [200]


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(width=16) | st.text("ab", max_size=2)
STATES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(SCALARS.filter(lambda key: key == key), inner, max_size=4)  # noqa: PLR0124 -- no NaN as key
        | st.sets(st.integers(-3, 3) | st.text("ab", max_size=2), max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(STATES, STATES)
def test_there_are_differences_exactly_where_two_states_are_not_equal(old, new):
    assert (differences(old, new) == ()) is equal(old, new)
    assert differences(old, old) == ()


@settings(max_examples=50, deadline=None)
@given(STATES, STATES)
def test_the_way_back_takes_away_what_the_way_there_has_added(old, new):
    there, back = differences(old, new), differences(new, old)
    count = {change: sum(each.change is change for each in there) for change in Change}
    assert count[ADDED] == sum(each.change is REMOVED for each in back)
    assert count[CHANGED] == sum(each.change is CHANGED for each in back)
    assert all(isinstance(each, Difference) for each in there)
