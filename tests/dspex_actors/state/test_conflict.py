"""What is kept of two states that grew from one, by tables and by drawn changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.serialization import canonical
from dspex_actors.state import (
    Divergence,
    Side,
    UnresolvedConflictError,
    divergence,
    first_of,
    last_writer_wins,
    merge_disjoint,
    reject,
    resolve,
)
from dspex_actors.state._conflict import equal

BASE = {"a": 1, "b": {"x": 1, "y": [1]}, "c": None}


def merged(base, mine, theirs):
    return merge_disjoint(None if base is None else Side(base), Side(mine), Side(theirs))


MERGES = {
    "one side alone": (BASE, BASE | {"a": 2}, BASE, BASE | {"a": 2}),
    "different keys": (BASE, BASE | {"a": 2}, BASE | {"c": 3}, BASE | {"a": 2, "c": 3}),
    "the same change twice": (BASE, BASE | {"a": 2}, BASE | {"a": 2}, BASE | {"a": 2}),
    "keys of a dict within": (
        BASE,
        BASE | {"b": {"x": 2, "y": [1]}},
        BASE | {"b": {"x": 1, "y": []}},
        BASE | {"b": {"x": 2, "y": []}},
    ),
    "two new keys": ({}, {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "a key removed": ({"a": 1, "b": 2}, {"b": 2}, {"a": 1, "b": 3}, {"b": 3}),
    "a key removed by both": ({"a": 1, "b": 2}, {"b": 2}, {"b": 2}, {"b": 2}),
    "every key removed by one or the other": ({"a": 1, "b": 2}, {"b": 2}, {"a": 1}, {}),
    "a new key with dicts of both": ({}, {"d": {"x": 1}}, {"d": {"y": 2}}, {"d": {"x": 1, "y": 2}}),
    "no base": (None, {"a": 1, "b": 2}, {"b": 2, "c": 3}, {"a": 1, "b": 2, "c": 3}),
    "keys that are no texts": ({}, {1: "a", (2,): "b"}, {b"3": "c"}, {1: "a", (2,): "b", b"3": "c"}),
    "arrays and nan that did not change": (
        {"w": np.array([1.0, math.nan]), "n": math.nan},
        {"w": np.array([1.0, math.nan]), "n": 1.0},
        {"w": np.array([2.0]), "n": math.nan},
        {"w": np.array([2.0]), "n": 1.0},
    ),
}


@pytest.mark.parametrize("name", MERGES)
def test_changes_of_different_keys_are_merged_whoever_is_mine(name):
    base, mine, theirs, result = MERGES[name]

    assert equal(merged(base, mine, theirs), result)
    assert equal(merged(base, theirs, mine), result)


CONFLICTS = {
    "one key changed twice": (BASE, BASE | {"a": 2}, BASE | {"a": 3}, ["state['a']"]),
    "a type changed": (BASE, BASE | {"a": True}, BASE | {"a": 1.0}, ["state['a']"]),
    "removed and changed": ({"a": 1}, {}, {"a": 2}, ["state['a']"]),
    "a list changed twice": (
        BASE,
        BASE | {"b": {"x": 1, "y": []}},
        BASE | {"b": {"x": 1, "y": [2]}},
        ["state['b']['y']"],
    ),
    "a dict and what is none": (BASE, BASE | {"b": {}}, BASE | {"b": 0}, ["state['b']"]),
    "several at once": (
        {},
        {"a": 1, "b": {"c": 1}, 3: 1},
        {"a": 2, "b": {"c": 2}, 3: 2},
        ["state['a']", "state['b']['c']", "state[3]"],
    ),
    "states that are no dicts": ([1], [1, 2], [1, 3], ["state"]),
    "no base and other values": (None, {"a": 1}, {"a": 2}, ["state['a']"]),
    "keys that Python takes for one": ({"k": {}}, {"k": {1: "a"}}, {"k": {True: "a"}}, ["state['k']"]),
    "keys within keys that Python takes for one": ({}, {(1,): "a"}, {(1.0,): "a"}, ["state"]),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_changes_of_one_key_are_a_conflict_that_names_it_whoever_is_mine(name):
    base, mine, theirs, paths = CONFLICTS[name]

    for one, other in ((mine, theirs), (theirs, mine)):
        with pytest.raises(UnresolvedConflictError) as caught:
            merged(base, one, other)
        assert sorted(caught.value.paths) == paths


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "kept"),
    [(1, 2, 1, 2), (1, 1, 2, 2), (1, 2, 2, 2), (1, 1, 1, 1), (None, 2, 2, 2)],
)
def test_where_only_one_side_changed_no_resolver_is_asked(base, mine, theirs, kept):
    before = None if base is None else Side(base)

    assert resolve(reject, before, Side(mine), Side(theirs)) == kept


@pytest.mark.parametrize(("base", "mine", "theirs"), [(1, 2, 3), (None, 2, 3), (1, True, 1.0)])
def test_where_both_changed_the_resolver_is_asked_and_its_answer_is_taken(base, mine, theirs):
    asked = []
    sides = (None if base is None else Side(base), Side(mine), Side(theirs))

    def resolver(*given_):
        asked.append(given_)
        return "kept"

    assert resolve(resolver, *sides) == "kept"
    assert asked == [sides]
    with pytest.raises(UnresolvedConflictError, match="state"):
        resolve(reject, *sides)


def test_an_error_of_a_resolver_comes_out_as_it_is():
    with pytest.raises(ZeroDivisionError):
        resolve(lambda _base, _mine, _theirs: 1 // 0, None, Side(1), Side(2))


def test_the_last_writer_wins_whoever_is_mine():
    early, late = Side("early", 5), Side("late", 6)

    assert last_writer_wins(None, early, late) == last_writer_wins(None, late, early) == "late"


def test_of_two_writers_at_once_both_sides_choose_the_same():
    one, other = Side({"a": 1, "b": 2}, 5), Side({"b": 2, "a": 3}, 5)

    assert last_writer_wins(None, one, other) == last_writer_wins(None, other, one)


def test_resolvers_are_asked_in_turn_until_one_chooses():
    resolver = first_of(merge_disjoint, last_writer_wins)

    assert resolver(Side({}), Side({"a": 1}, 1), Side({"b": 2}, 2)) == {"a": 1, "b": 2}
    assert resolver(Side({}), Side({"a": 1}, 1), Side({"a": 2}, 2)) == {"a": 2}
    with pytest.raises(UnresolvedConflictError, match=r"state\['a'\]"):
        first_of(reject, merge_disjoint)(None, Side({"a": 1}), Side({"a": 2}))
    with pytest.raises(UnresolvedConflictError):
        first_of()(None, Side(1), Side(2))


def test_merging_changes_none_of_the_states():
    base, mine, theirs = {"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "z": 3}}

    assert merged(base, mine, theirs) == {"a": {"x": 1, "y": 2, "z": 3}}
    assert (base, mine, theirs) == ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "z": 3}})


class Own:
    """An object that has no encoding and compares by its number."""

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return self.number == other.number

    def __hash__(self):
        return hash(self.number)


def test_objects_of_ones_own_are_compared_as_they_say():
    assert merged({"o": Own(1)}, {"o": Own(1), "a": 1}, {"o": Own(2)}) == {"o": Own(2), "a": 1}
    assert merged({}, {Own(1): 1}, {Own(2): 2}) == {Own(1): 1, Own(2): 2}
    assert not equal(Own(1), 1)


values = st.recursive(
    st.sampled_from([0, 1, True, 1.0, "x", None, math.nan]),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=5,
)
trees = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)
times = st.integers(0, 3)


@given(base=trees | st.none(), mine=trees, theirs=trees, mine_us=times, theirs_us=times)
def test_two_stores_that_resolve_for_themselves_end_with_equal_states(base, mine, theirs, mine_us, theirs_us):
    before = None if base is None else Side(base)
    one, other = Side(mine, mine_us), Side(theirs, theirs_us)
    for resolver in (last_writer_wins, merge_disjoint, first_of(merge_disjoint, last_writer_wins), reject):
        results = []
        for sides in ((one, other), (other, one)):
            try:
                results.append(canonical(resolve(resolver, before, *sides)))
            except UnresolvedConflictError as error:
                results.append(sorted(error.paths))
        assert results[0] == results[1]


@given(base=trees, mine=trees)
def test_a_merge_with_a_side_that_did_not_change_is_the_other_side(base, mine):
    assert equal(merged(base, mine, base), mine)
    assert equal(merged(base, mine, mine), mine)


@given(base=trees, mine=trees, theirs=trees)
def test_every_change_of_either_side_is_in_the_merge(base, mine, theirs):
    try:
        result = merged(base, mine, theirs)
    except UnresolvedConflictError:
        return
    for side, other in ((mine, theirs), (theirs, mine)):
        for key in side.keys() | base.keys():
            changed = not equal(side.get(key, ...), base.get(key, ...))
            if changed and equal(other.get(key, ...), base.get(key, ...)):
                assert equal(result.get(key, ...), side.get(key, ...))


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ("", "", (0, 0, 0, False)),
        ("ab", "ab", (2, 0, 0, False)),
        ("abc", "ab", (2, 1, 0, False)),
        ("ab", "abcd", (2, 0, 2, False)),
        ("abx", "aby", (2, 1, 1, True)),
        ("ax", "bx", (0, 2, 2, True)),
        ("aba", "abb", (2, 1, 1, True)),
    ],
)
def test_histories_part_after_the_versions_that_they_begin_with_alike(mine, theirs, found):
    parted = divergence(mine, theirs)

    assert parted == Divergence(*found[:3])
    assert parted.diverged is found[3]
