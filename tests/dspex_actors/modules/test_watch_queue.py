"""A queue keeps events in order; where some did not fit stands how many."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.modules import EventsMissed, ModuleEvent, ModuleRegistered
from dspex_actors.modules._watch_queue import WatchQueue


def event(number):
    return ModuleEvent("a", ModuleRegistered(new="1"), number)


def test_an_event_that_finds_the_queue_full_is_counted_where_it_would_have_stood():
    queue = WatchQueue(2)
    for number in range(1, 6):
        queue.put(event(number))
    assert queue.take() == event(1)
    queue.put(event(6))
    assert [queue.take() for _ in range(4)] == [event(2), EventsMissed(3), event(6), None]


def test_what_was_missed_last_is_told_even_if_nothing_comes_after():
    queue = WatchQueue(1)
    for number in range(1, 4):
        queue.put(event(number))
    assert len(queue) == 2
    assert [queue.take() for _ in range(3)] == [event(1), EventsMissed(2), None]


@given(st.integers(1, 4), st.lists(st.booleans(), max_size=60))
@settings(max_examples=50)
def test_every_event_is_taken_or_missed_once_in_order_and_none_is_lost_while_there_is_room(size, steps):
    queue, put, taken, waiting = WatchQueue(size), 0, [], 0
    for is_put in steps:
        if is_put:
            put += 1
            had_room = len(queue) < size
            queue.put(event(put))
            waiting += had_room
        else:
            taken.append(queue.take())
    while (rest := queue.take()) is not None:
        taken.append(rest)
    place = 0
    for each in taken:
        if isinstance(each, EventsMissed):
            place += each.count
        elif each is not None:
            place += 1
            assert each.number == place
    assert place == put
    assert waiting <= sum(isinstance(each, ModuleEvent) for each in taken)
