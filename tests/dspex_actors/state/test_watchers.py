"""Who is told of what: each change once to each who watches it, from where he starts."""

from __future__ import annotations

from dspex_actors.state import StateChanged
from dspex_actors.state._watchers import Watchers


def change(name, revision):
    return StateChanged(name, revision, deleted=False)


def test_a_change_is_told_to_those_who_watch_its_id_or_all_ids_and_only_once():
    watchers = Watchers()
    watchers.add("a", "of a", {"a": 3})
    watchers.add("b", "of b", {})
    watchers.add(None, "of all", {"a": 3, "c": 1})
    assert watchers.told(change("a", 4)) == ["of a", "of all"]
    assert watchers.told(change("a", 4)) == watchers.told(change("a", 3)) == []
    assert watchers.told(change("b", 1)) == ["of b", "of all"]
    assert watchers.told(change("c", 1)) == []


def test_a_watcher_that_comes_later_is_not_told_of_what_was_before_it():
    watchers = Watchers()
    watchers.add("b", "of b", {})
    first = watchers.add("a", "first", {"a": 5})
    watchers.remove(first)
    watchers.add("a", "second", {"a": 7})
    assert watchers.told(change("a", 7)) == []
    assert watchers.told(change("a", 8)) == ["second"]


def test_what_is_watched_is_all_as_soon_as_one_watches_all():
    watchers = Watchers()
    assert not watchers
    watchers.add("a", "of a", {})
    watchers.add("b", "of b", {})
    assert watchers.ids == {"a", "b"}
    every = watchers.add(None, "of all", {})
    assert watchers.ids is None
    assert watchers.remove(every)
    assert not watchers.remove(every)
    assert watchers.ids == {"a", "b"}
