"""Watchers are told of each change once, in order; a slow one is told how many it missed."""

from __future__ import annotations

import gc
import threading

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import (
    EventsMissed,
    ModuleRegistered,
    Modules,
    ModuleSpec,
    ModuleUnregistered,
    WatchClosedError,
)
from supervisors import GenServer
from supervisors.testing import CEILING_S, Journal, wait_exit


class Listener(GenServer):
    """Notes the numbers of events; can be told to wait in the middle of one, and to watch by itself."""

    def init(self, journal, modules=None, release=None):
        self.journal, self.modules, self.release = journal, modules, release
        self.watch = None

    def handle_call(self, message, sender):
        del sender
        self.watch = self.modules.watch(message)
        return self.watch

    def handle_info(self, message):
        self.journal.add(getattr(message, "number", message))
        if self.release is not None:
            self.release.wait(CEILING_S)


@pytest.fixture
def change(modules, tmp_path):
    """Register and unregister, which are two events."""
    path = tmp_path / "a.py"
    path.write_text("class A: pass\n", encoding="utf-8")

    def change(module_id):
        modules.register(ModuleSpec(module_id, target="A", version="1", source=path))
        modules.unregister(module_id)

    return change


def kinds(events):
    return [(event.module_id, type(event.change)) for event in events]


def test_an_iterator_gets_what_its_pattern_means_from_then_on(modules, change):
    change("agents.early")
    with modules.watch("agents.*") as events:
        change("agents.a")
        change("other")
        change("agents.b")
        got = [events.get(CEILING_S) for _ in range(4)]
        assert events.get_nowait() is None
    assert kinds(got) == [
        (f"agents.{name}", kind) for name in "ab" for kind in (ModuleRegistered, ModuleUnregistered)
    ]
    assert [event.number for event in got] == sorted({event.number for event in got})


def test_waiting_for_an_event_has_a_limit(modules):
    with modules.watch("a") as events, pytest.raises(TimeoutError, match="no event of 'a' within 0 s"):
        events.get(timeout=0)


def test_a_closed_watch_gives_what_came_before_and_then_ends(modules, change):
    events = modules.watch()
    change("a")
    events.close()
    events.close()
    change("b")
    assert kinds(events) == [("a", ModuleRegistered), ("a", ModuleUnregistered)]
    with pytest.raises(WatchClosedError):
        events.get()
    assert modules._core.tables.subscribers() == []


def test_closing_a_watch_wakes_whoever_waits_for_it(modules):
    events, ended = modules.watch(), threading.Event()
    thread = threading.Thread(target=lambda: (list(events), ended.set()))
    thread.start()
    events.close()
    assert ended.wait(CEILING_S)
    thread.join()


def test_a_watch_that_nobody_has_any_more_is_dropped_at_the_next_event(modules, change):
    events = modules.watch()
    modules.watch()
    gc.collect()
    change("a")
    assert len(modules._core.tables.subscribers()) == 1
    assert kinds(iter(events.get_nowait, None)) == [("a", ModuleRegistered), ("a", ModuleUnregistered)]


def test_the_end_of_the_tree_ends_its_iterators():
    modules = Modules()
    with modules.start():
        events = modules.watch()
    assert events.closed
    assert list(events) == []


def test_a_slow_iterator_is_told_how_many_it_missed(modules, change):
    with modules.watch(size=3) as events:
        change("a")
        change("b")
        change("c")
        assert kinds(events.get(0) for _ in range(3)) == [
            ("a", ModuleRegistered),
            ("a", ModuleUnregistered),
            ("b", ModuleRegistered),
        ]
        assert events.get(0) == EventsMissed(3)
        change("d")
        assert kinds(events.get(0) for _ in range(2)) == [("d", ModuleRegistered), ("d", ModuleUnregistered)]


def test_an_actor_finds_events_in_its_mailbox_until_it_ends(modules, change):
    journal = Journal()
    with Listener.start(journal) as listener:
        modules.subscribe("*", listener)
        change("a")
        journal.wait_for(2)
        listener.stop()
    change("b")
    modules.watch().close()  # the keeper of the tables has heard of the end by now
    assert journal.entries() == [1, 2]
    assert modules._core.tables.subscribers() == []


def test_an_actor_with_a_full_mailbox_is_told_how_many_it_missed(modules, change):
    journal, release = Journal(), threading.Event()
    with Listener.start(journal, None, release) as listener:
        modules.subscribe("*", listener, size=2)
        change("first")
        journal.wait_for(1)
        change("a")  # with the second of the first, two wait now and one is missed
        release.set()
        journal.wait_for(EventsMissed(1))
    assert journal.entries() == [1, 2, 3, EventsMissed(1)]


def test_an_iterator_ends_with_the_actor_that_asked_for_it(modules):
    with Listener.start(Journal(), modules) as listener:
        events = listener.call("*")
        pid = listener.pid
        listener.stop()
    wait_exit(pid)
    assert list(events) == []


def test_a_function_is_called_with_one_event_after_the_other_and_may_take_its_time(modules, change):
    journal, release = Journal(), threading.Event()

    def called(event):
        journal.add(event.number)
        release.wait(CEILING_S)

    modules.subscribe("*", called)
    change("a")
    change("b")
    journal.wait_for(1)
    assert journal.entries() == [1]
    release.set()
    journal.wait_for(4)
    assert journal.entries() == [1, 2, 3, 4]


def test_a_function_may_use_the_modules_it_is_told_of(modules, change):
    journal = Journal()

    def called(event):
        journal.add((event.number, len(modules.discover())))
        modules.watch("x").close()

    modules.subscribe("*", called)
    change("a")
    journal.wait_for((2, 0))


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_a_function_that_fails_harms_neither_itself_nor_others(modules, change, caplog, error):
    journal = Journal()

    def called(event):
        journal.add(event.number)
        raise error

    modules.subscribe("*", called)
    change("a")
    journal.wait_for(2)
    assert "modules.watcher_failed" in caplog.text


def test_a_slow_function_is_told_how_many_it_missed(modules, change):
    journal, release = Journal(), threading.Event()

    def called(event):
        journal.add(event)
        release.wait(CEILING_S)

    modules.subscribe("*", called, size=1)
    change("a")
    change("b")
    release.set()
    journal.wait_for(EventsMissed(2))


def test_a_subscription_that_was_ended_hears_nothing_more(modules, change):
    journal = Journal()
    end = modules.subscribe("*", journal.add)
    end()
    end()
    change("a")
    with modules.watch() as events:
        change("b")
        events.get(CEILING_S)
    assert journal.entries() == []


@pytest.mark.parametrize("target", [None, 1, "function"])
def test_only_an_actor_or_a_function_can_be_told(modules, target):
    with pytest.raises(ConfigError, match="an address, or a function"):
        modules.subscribe("*", target)


def test_an_actor_that_is_not_there_cannot_be_told(modules):
    with Listener.start(Journal()) as listener:
        pass
    with pytest.raises(ConfigError, match="an actor that is there"):
        modules.subscribe("*", listener)


@pytest.mark.parametrize("size", [0, -1, 1.5, None])
def test_a_size_is_a_whole_number_above_zero(modules, size):
    with pytest.raises(ConfigError):
        modules.watch(size=size)
    with pytest.raises(ConfigError):
        modules.subscribe("*", print, size=size)
