"""Loading: the version that is meant comes back, or an error says what there is instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import StateDeletedError, VersionNotFoundError
from tests.dspex_actors.state._backends import START_US, opened

START = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=START_US)


def after(seconds):
    return START + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def states():
    """Save one second apart: a=1, a=2, b=1, deletion of a, a=4, a=2 once more."""
    with opened(versioning="hash_based") as store:
        store.save("a", 1)
        store.save("a", 2)
        store.save("b", 1)
        store.delete("a")
        store.save("a", 4)
        store.save("a", 2)
        yield store


def test_without_more_words_the_newest_version_is_loaded(states):
    loaded = states.load("a")
    assert (loaded.state, loaded.revision, loaded.damaged) == (2, 5, ())
    assert loaded.version == states.list_versions("a")[0]


@pytest.mark.parametrize(("revision", "state"), [(1, 1), (2, 2), (4, 4), (5, 2)])
def test_a_revision_is_loaded_whatever_was_saved_after_it(states, revision, state):
    assert states.load("a", revision).state == state


def test_a_label_is_loaded_in_its_newest_version(states):
    label = states.list_versions("a")[-2].label
    assert states.load("a", label).revision == 5


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, 1), (0.9, 1), (1, 2), (2.9, 2), (4, 4), (4.999999, 4), (5, 2), (10**6, 2)]
)
def test_at_a_time_the_state_is_loaded_that_was_the_newest_then(states, seconds, state):
    assert states.load("a", at=after(seconds)).state == state


def test_a_time_in_another_zone_is_the_same_moment(states):
    moment = after(1).astimezone(timezone(timedelta(hours=-7)))
    assert states.load("a", at=moment).state == 2


@pytest.mark.parametrize("which", [{"version": 3}, {"at": after(3)}, {"at": after(3.5)}])
def test_a_version_that_is_a_deletion_has_no_state_to_load(states, which):
    with pytest.raises(StateDeletedError) as caught:
        states.load("a", **which)
    assert (caught.value.id, caught.value.revision) == ("a", 3)


@pytest.mark.parametrize(
    ("name", "which", "nearest"),
    [
        ("c", {}, ()),
        ("a", {"version": 6}, ("5", "4", "3")),
        ("a", {"version": 99}, ("5", "4", "3")),
        ("b", {"version": 2}, ("1",)),
        ("c", {"version": 2}, ()),
        ("c", {"version": "x"}, ()),
    ],
)
def test_a_version_that_is_not_there_is_an_error_that_names_the_nearest(states, name, which, nearest):
    with pytest.raises(VersionNotFoundError) as caught:
        states.load(name, **which)
    assert caught.value.nearest == nearest


def test_a_time_before_the_first_version_and_an_unknown_label_are_errors(states):
    with pytest.raises(VersionNotFoundError, match="or before"):
        states.load("a", at=after(-1))
    with pytest.raises(VersionNotFoundError) as caught:
        states.load("a", "0" * 64)
    assert len(caught.value.nearest) == 3


@pytest.mark.parametrize(
    "which",
    [
        {"version": 0},
        {"version": -1},
        {"version": True},
        {"version": 1.0},
        {"version": None},
        {"version": 1, "at": START},
        {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 -- without a zone is the point
    ],
)
def test_words_that_mean_no_version_are_refused(states, which):
    with pytest.raises(ConfigError):
        states.load("a", **which)


def test_versions_are_listed_from_the_newest_in_pages_with_deletions_among_them(states):
    assert [version.revision for version in states.list_versions("a")] == [5, 4, 3, 2, 1]
    assert [version.deleted for version in states.list_versions("a")] == [False, False, True, False, False]
    page = states.list_versions("a", limit=2)
    assert [version.revision for version in page] == [5, 4]
    assert [version.revision for version in states.list_versions("a", limit=2, before=4)] == [3, 2]
    assert states.list_versions("nobody") == []


@pytest.mark.parametrize("limit", [0, -1, 10_001, 2.0, True])
def test_a_page_of_no_sensible_size_is_refused(states, limit):
    with pytest.raises(ConfigError, match="limit"):
        states.list_versions("a", limit=limit)


def test_ids_are_listed_by_whether_they_have_a_state():
    with opened() as states:
        for each in ("b", "a", "c", "ä"):
            states.save(each, 1)
        states.delete("b")
        assert states.list_ids() == ["a", "c", "ä"]
        assert states.list_ids(deleted=True) == ["b"]


def test_a_future_gives_the_state_as_often_as_it_is_asked(states):
    future = states.submit_load("a", 1)
    assert [future.result().state, future.result().state] == [1, 1]
    assert future.done
    failing = states.submit_load("nobody")
    for _ in range(2):
        with pytest.raises(VersionNotFoundError):
            failing.result()
