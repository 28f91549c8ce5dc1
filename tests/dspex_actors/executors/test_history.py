"""What becomes of a session's state, decided without a session."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dspex_actors._config import OnError
from dspex_actors.executors._history import Checkpoint, Ending, Fate, History

KEEP, RESTORE, LOSE = Fate.KEEP, Fate.RESTORE, Fate.LOSE


def history_of(*checkpoints, calls=0, earlier=1, on_error=OnError.KEEP):
    """Return a history; checkpoints are given as (number, calls)."""
    history = History(earlier, on_error, calls, [Checkpoint(*each) for each in checkpoints])
    history._numbers = max((number for number, _ in checkpoints), default=0)
    return history


CURRENT, STALE, NONE = [(1, 3)], [(1, 2)], []


@pytest.mark.parametrize(
    ("ending", "on_error", "checkpoints", "fate"),
    [
        (Ending.DONE, OnError.KEEP, CURRENT, KEEP),
        (Ending.DONE, OnError.ROLLBACK, CURRENT, KEEP),
        (Ending.DONE, OnError.KEEP, NONE, KEEP),
        (Ending.ERROR, OnError.KEEP, CURRENT, KEEP),
        (Ending.ERROR, OnError.ROLLBACK, CURRENT, RESTORE),
        (Ending.ERROR, OnError.ROLLBACK, STALE, KEEP),
        (Ending.ERROR, OnError.ROLLBACK, NONE, KEEP),
        (Ending.MEMORY, OnError.KEEP, CURRENT, RESTORE),
        (Ending.MEMORY, OnError.KEEP, STALE, KEEP),
        (Ending.MEMORY, OnError.KEEP, NONE, KEEP),
        (Ending.GONE, OnError.KEEP, CURRENT, RESTORE),
        (Ending.GONE, OnError.KEEP, STALE, RESTORE),
        (Ending.GONE, OnError.KEEP, NONE, LOSE),
        (Ending.GONE, OnError.ROLLBACK, NONE, LOSE),
    ],
)
def test_the_fate_of_a_state_follows_from_the_ending_and_the_checkpoints(ending, on_error, checkpoints, fate):
    history = history_of(*checkpoints, calls=3, on_error=on_error)
    before = (history.calls, list(history.checkpoints))

    assert history.fate(ending) is fate
    assert (history.calls, history.checkpoints) == before


@pytest.mark.parametrize(
    ("checkpoints", "calls", "undone"),
    [([], 0, 0), ([], 4, 4), ([(1, 0)], 0, 0), ([(1, 0)], 4, 4), ([(1, 1), (2, 3)], 4, 1), ([(9, 4)], 4, 0)],
)
def test_what_a_roll_back_undoes_is_counted_from_the_newest_checkpoint(checkpoints, calls, undone):
    assert history_of(*checkpoints, calls=calls).undone == undone


@pytest.mark.parametrize(
    ("checkpoints", "calls", "earlier", "answer"),
    [
        ([], 0, 1, (1, [])),
        ([(1, 0)], 1, 1, (2, [])),
        ([(1, 0), (2, 1)], 2, 1, (3, [1])),
        ([(1, 0), (2, 1)], 2, 2, (3, [])),
        ([(1, 0), (2, 1)], 2, 5, (3, [])),
        ([(1, 0), (2, 1), (3, 2), (4, 3)], 4, 3, (5, [1])),
        ([(1, 0)], 1, 0, (2, [1])),
        ([(1, 0), (2, 1)], 2, 0, (3, [1, 2])),
        ([(1, 0), (2, 1)], 1, 1, (3, [2])),  # the same state again, after its copy was used up
        ([(5, 7)], 9, 1, (6, [])),
    ],
)
def test_a_new_checkpoint_replaces_those_that_nobody_can_go_back_to(checkpoints, calls, earlier, answer):
    assert history_of(*checkpoints, calls=calls, earlier=earlier).freezing() == answer


@pytest.mark.parametrize(
    ("calls", "steps", "answer"),
    [
        (5, 0, Checkpoint(3, 5)),
        (5, 1, Checkpoint(2, 4)),
        (5, 2, Checkpoint(1, 2)),
        (5, 3, None),
        (6, 0, Checkpoint(3, 5)),
        (6, 1, Checkpoint(3, 5)),
        (6, 3, Checkpoint(1, 2)),
        (6, 4, None),
    ],
)
def test_steps_back_count_the_states_that_differ_from_the_present_one(calls, steps, answer):
    assert history_of((1, 2), (2, 4), (3, 5), calls=calls).restorable(steps) == answer


def test_a_checkpoint_that_became_the_present_state_is_used_up_with_all_newer_ones():
    history = history_of((1, 2), (2, 4), (3, 5), calls=6)
    chosen = history.restorable(2)

    assert history.restoring(chosen) == [3]
    history.restored(chosen)

    assert (history.calls, history.checkpoints) == (4, [Checkpoint(1, 2)])
    assert not history.is_current


def test_a_session_that_was_lost_starts_at_nothing_and_reuses_no_number():
    history = history_of((1, 2), (2, 4), calls=4)
    history.lost()

    assert (history.calls, history.checkpoints, history.undone) == (0, [], 0)
    assert history.freezing() == (3, [])


class Sessions(RuleBasedStateMachine):
    """Random lives of a session, beside a model that keeps every state as a tuple of calls."""

    def __init__(self):
        super().__init__()
        self.earlier = 1
        self.history = History(self.earlier, OnError.ROLLBACK)
        self.state = ()  # the calls that made it
        self.copies = {}  # number: state
        self.serial = 0

    @initialize(earlier=st.integers(0, 4))
    def a_session_begins(self, earlier):
        self.earlier = self.history.earlier = earlier

    def restore(self, checkpoint):
        for number in self.history.restoring(checkpoint):
            del self.copies[number]
        self.history.restored(checkpoint)
        self.state = self.copies.pop(checkpoint.number)

    @rule(ending=st.sampled_from(Ending))
    def call_ends(self, ending):
        before, answered = self.state, len(self.state)
        self.serial += 1
        match self.history.fate(ending):
            case Fate.KEEP:
                self.state = (*self.state, self.serial)
                self.history.finished()
            case Fate.RESTORE:
                undone = self.history.undone
                self.restore(self.history.restorable())
                assert self.state == before[: answered - undone]
                assert ending is Ending.GONE or self.state == before
            case Fate.LOSE:
                assert not self.copies
                self.history.lost()
                self.state = ()

    @precondition(lambda self: not self.history.is_current)
    @rule(works=st.booleans())
    def freeze(self, works):
        number, superfluous = self.history.freezing()
        assert number not in self.copies
        earlier = [each for each, state in self.copies.items() if state != self.state]
        assert len(set(earlier) - set(superfluous)) == min(self.earlier, len(earlier))
        if works:
            self.copies[number] = self.state
            for each in superfluous:
                del self.copies[each]
            self.history.frozen(number, superfluous)
            assert self.history.is_current

    @rule(steps=st.integers(1, 4))
    def go_back(self, steps):
        states = [self.copies[each.number] for each in self.history.checkpoints]
        older = [state for state in states if state != self.state]
        chosen = self.history.restorable(steps)
        if chosen is None:
            assert len(older) < steps
            return
        self.restore(chosen)
        assert self.state == older[-steps]

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def a_copy_dies(self, data):
        number = data.draw(st.sampled_from(sorted(self.copies)))
        del self.copies[number]
        self.history.vanished(number)

    @invariant()
    def the_books_are_those_of_the_model(self):
        assert self.history.calls == len(self.state)
        assert {each.number: each.calls for each in self.history.checkpoints} == {
            number: len(state) for number, state in self.copies.items()
        }

    @invariant()
    def no_more_copies_are_kept_than_asked_for(self):
        assert len(self.copies) <= self.earlier + 1
        assert self.history.earlier_states == sum(state != self.state for state in self.copies.values())

    @invariant()
    def an_older_checkpoint_is_of_an_older_state(self):
        calls = [each.calls for each in self.history.checkpoints]
        assert calls == sorted(set(calls))


Sessions.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_books_of_a_session_hold_in_random_lives = Sessions.TestCase
