"""What the versions of a batch say of each other before a database has seen them."""

from __future__ import annotations

import pytest

from dspex_actors.state._batches import Run, fit, results_of, runs
from dspex_actors.state._redis_storage import _shares
from dspex_actors.testing._conformance import entry


def batch(text):
    return [entry(each[0], int(each[1:])) for each in text.split()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a1", [Run("a", (0,), ())]),
        ("b1 a1 b2", [Run("a", (1,), ()), Run("b", (0, 2), ())]),
        ("a2 a3 a5 a4", [Run("a", (0, 1), (2, 3))]),
        ("a1 a1 a2", [Run("a", (0,), (1, 2))]),
    ],
)
def test_versions_of_one_id_run_as_far_as_they_follow_each_other(text, expected):
    assert runs(batch(text)) == expected


@pytest.mark.parametrize(
    ("text", "stored", "heads", "expected"),
    [
        ("a1 b2 a2 a2 c1", "ac", {"b": 0}, [None, 0, None, 2, None]),
        ("a2 a3 b1 a3", "b", {"a": 2}, [2, 2, None, 2]),
        ("a5", "", {}, [0]),
    ],
)
def test_each_version_of_a_batch_has_a_result_by_what_became_of_its_run(text, stored, heads, expected):
    assert results_of(batch(text), set(stored), heads) == expected


@pytest.mark.parametrize(
    ("text", "heads", "expected"),
    [
        ("a1 a2 b1", {}, [None, None, None]),
        ("a1 b3 c1", {"b": 3}, [None, 3, None]),
        ("a5 a6", {"a": 3}, [3, 3]),
        ("a1 a1 a2", {}, [None, 1, None]),
    ],
)
def test_together_each_version_is_judged_after_those_before_it(text, heads, expected):
    assert fit(batch(text), heads) == expected


def test_a_batch_for_redis_is_shared_out_by_size_and_never_between_versions_of_one_id():
    big = bytes(3 * 2**20)
    entries = [entry("b", 1, body=big), entry("a", 1, body=big), entry("c", 1), entry("a", 2), entry("b", 2)]
    assert _shares(entries) == [[1, 3, 0, 4], [2]]
    assert _shares(entries[2:]) == [[1, 2, 0]]
    assert _shares([]) == []
