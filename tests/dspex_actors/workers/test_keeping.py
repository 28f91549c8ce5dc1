"""The books of a keeper: who may fork, who sleeps, who wakes. Tables, and a simulated session."""

from __future__ import annotations

import pytest

from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._keeping import Books, Close, Kill, Rouse, Tell

WORKER, CHILD, GRANDCHILD = 10, 11, 12
PATIENCE = 10.0


@pytest.fixture
def books():
    books = Books()
    assert books.begin(WORKER) == 1
    return books


def told(actions):
    return [action.news for action in actions if isinstance(action, Tell)]


def with_copy(books, number=1, pid=CHILD):
    books.allow(1, number, [])
    assert books.may_fork(WORKER, 1, 0.0) == (True, [])
    assert books.frozen(1, number, pid)[0]
    return books


class TestForks:
    def test_a_process_that_was_not_allowed_to_fork_may_not(self, books):
        assert books.may_fork(WORKER, 1, 0.0) == (False, [])

    def test_a_permit_is_good_for_one_fork(self, books):
        books.allow(1, 7, [])

        assert books.may_fork(WORKER, 1, 0.0) == (True, [])
        assert books.may_fork(WORKER, 1, 0.0) == (False, [])

    def test_a_permit_is_the_workers_alone(self, books):
        books.allow(1, 7, [])

        assert books.may_fork(99, 1, 0.0) == (False, [])
        assert books.may_fork(WORKER, 1, 0.0) == (True, [])

    @pytest.mark.parametrize(("threads", "word"), [(2, "2 threads"), (17, "17 threads"), (0, "counted")])
    def test_a_worker_with_threads_is_not_copied_and_the_host_is_told_why(self, books, threads, word):
        books.allow(1, 7, [])
        allowed, actions = books.may_fork(WORKER, threads, 0.0)

        assert not allowed
        assert word in told(actions)[0].reason
        assert books.may_fork(WORKER, 1, 0.0) == (False, [])

    def test_no_second_fork_is_allowed_before_the_new_process_has_said_what_it_is(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)

        assert told(books.allow(1, 8, [])) == [protocol.NotFrozen(8, "another copy is being made")]

    def test_a_split_takes_two_forks_the_second_by_a_process_that_is_not_known(self, books):
        line, actions = books.split(1)

        assert (line, actions) == (2, [])
        assert books.may_fork(CHILD, 1, 0.0) == (False, [])
        assert books.may_fork(WORKER, 1, 0.0) == (True, [])
        assert books.may_fork(WORKER, 1, 0.0) == (False, [])
        assert books.may_fork(CHILD, 1, 0.0) == (True, [])
        assert books.may_fork(CHILD, 1, 0.0) == (False, [])

    def test_a_fork_that_was_interrupted_may_be_asked_for_again(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)
        books.interrupted(WORKER)

        assert books.may_fork(WORKER, 1, 0.0) == (True, [])

    def test_the_second_fork_of_a_split_may_be_interrupted_too(self, books):
        books.split(1)
        books.may_fork(WORKER, 1, 0.0)
        books.may_fork(CHILD, 1, 0.0)
        books.interrupted(CHILD)

        assert books.may_fork(CHILD, 1, 0.0) == (True, [])

    def test_a_permit_that_was_never_used_ends_with_its_worker(self, books):
        books.allow(1, 7, [])
        actions = books.died(WORKER, 9, 0.5)

        assert told(actions) == [protocol.Ended(9, 0.5), protocol.NotFrozen(7, "the worker has ended")]

    def test_who_has_no_worker_gets_no_permit(self, books):
        books.died(WORKER, 9, 0.0)

        assert told(books.allow(1, 7, [])) == [protocol.NotFrozen(7, "the worker has ended")]
        line, actions = books.split(1)
        assert told(actions) == [protocol.NotFrozen(0, "the worker has ended")]
        assert Close(line) in actions
        assert set(books.lines) == {1}


class TestCopies:
    def test_a_copy_that_was_asked_for_is_told_to_the_host(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)

        assert books.frozen(1, 7, CHILD) == (True, [Tell(1, protocol.Frozen(7))])

    @pytest.mark.parametrize(
        ("line", "number", "pid"), [(1, 8, CHILD), (2, 7, CHILD), (1, 7, WORKER), (0, 0, CHILD)]
    )
    def test_a_copy_that_was_not_asked_for_is_none(self, books, line, number, pid):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)

        assert books.frozen(line, number, pid) == (False, [])

    def test_nobody_is_a_copy_before_the_fork_was_allowed(self, books):
        books.allow(1, 7, [])

        assert books.frozen(1, 7, CHILD) == (False, [])

    def test_superfluous_copies_end_once_the_new_one_is_there(self, books):
        with_copy(books, 1, 21)
        with_copy(books, 2, 22)
        books.allow(1, 3, [1, 9])
        books.may_fork(WORKER, 1, 0.0)

        assert books.frozen(1, 3, 23) == (True, [Kill(21), Tell(1, protocol.Frozen(3))])
        assert books.lines[1].copies == {2: 22, 3: 23}

    def test_a_copy_made_by_a_worker_that_has_ended_since_is_still_a_copy(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)
        books.died(WORKER, 9, 0.0)

        assert books.frozen(1, 7, CHILD) == (True, [Tell(1, protocol.Frozen(7))])
        assert Rouse(CHILD, 1) in books.wake(1, 7, [])

    def test_the_end_of_a_copy_is_told_to_the_host(self, books):
        with_copy(books)

        assert books.died(CHILD, 9, 0.0) == [Tell(1, protocol.Missing(1))]

    def test_the_end_of_a_copy_that_was_dropped_is_no_news(self, books):
        with_copy(books, 1, 21)
        books.allow(1, 2, [1])
        books.may_fork(WORKER, 1, 0.0)
        books.frozen(1, 2, 22)

        assert books.died(21, 9, 0.0) == []

    def test_a_failed_fork_is_told_with_its_reason(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)

        assert books.failed(1, 7, WORKER, "fork: no memory") == [
            Tell(1, protocol.NotFrozen(7, "fork: no memory"))
        ]
        assert books.allow(1, 8, []) == []


class TestWaking:
    def test_the_worker_is_killed_first_and_the_copy_wakes_when_it_has_ended(self, books):
        with_copy(books)

        assert books.wake(1, 1, []) == [Kill(WORKER)]
        assert books.died(WORKER, 9, 1.5) == [
            Tell(1, protocol.Ended(9, 1.5)),
            Rouse(CHILD, 1),
            Tell(1, protocol.Started(1)),
        ]
        assert books.lines[1].worker == CHILD

    def test_where_the_worker_has_ended_the_copy_wakes_at_once(self, books):
        with_copy(books)
        books.died(WORKER, 9, 0.0)

        assert books.wake(1, 1, []) == [Rouse(CHILD, 1), Tell(1, protocol.Started(1))]

    def test_newer_copies_end_when_an_older_one_wakes(self, books):
        with_copy(books, 1, 21)
        with_copy(books, 2, 22)
        with_copy(books, 3, 23)

        assert books.wake(1, 1, [2, 3]) == [Kill(22), Kill(23), Kill(WORKER)]

    def test_a_copy_that_is_not_there_changes_nothing(self, books):
        with_copy(books)

        assert books.wake(1, 5, [1]) == [Tell(1, protocol.Missing(5))]
        assert books.lines[1].copies == {1: CHILD}

    def test_a_copy_that_dies_before_it_wakes_is_told_as_missing(self, books):
        with_copy(books)
        books.wake(1, 1, [])

        assert books.died(CHILD, 9, 0.0) == [Tell(1, protocol.Missing(1))]
        assert told(books.died(WORKER, 9, 0.0)) == [protocol.Ended(9, 0.0)]


class TestLines:
    def split(self, books):
        line, _ = books.split(1)
        books.may_fork(WORKER, 1, 0.0)
        books.may_fork(CHILD, 1, 0.0)
        return line, books.was_split(1, GRANDCHILD)

    def test_a_new_line_begins_with_the_second_process_of_a_split(self, books):
        line, answer = self.split(books)

        assert answer == (True, [Rouse(GRANDCHILD, line), Tell(line, protocol.Started(line))])
        assert books.workers() == {WORKER, GRANDCHILD}

    def test_nobody_is_a_new_line_before_both_forks(self, books):
        books.split(1)
        books.may_fork(WORKER, 1, 0.0)

        assert books.was_split(1, GRANDCHILD) == (False, [])

    def test_lines_fork_independently_of_each_other(self, books):
        line, _ = self.split(books)
        books.allow(1, 5, [])
        books.allow(line, 5, [])

        assert books.may_fork(GRANDCHILD, 1, 0.0) == (True, [])
        assert books.may_fork(WORKER, 1, 0.0) == (True, [])
        assert books.frozen(line, 5, 31)[0]
        assert books.frozen(1, 5, 32)[0]

    def test_a_line_is_over_when_all_of_it_has_ended(self, books):
        with_copy(books)

        assert books.end(1) == [Kill(CHILD), Kill(WORKER)]
        assert told(books.died(WORKER, 9, 0.0)) == [protocol.Ended(9, 0.0)]
        assert books.died(CHILD, 9, 0.0) == [Tell(1, protocol.Over()), Close(1)]
        assert books.lines == {}

    def test_a_copy_that_turns_up_in_a_line_that_ends_is_killed(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 0.0)
        books.end(1)
        books.died(WORKER, 9, 0.0)
        assert books.frozen(1, 7, CHILD) == (True, [Kill(CHILD)])

        assert books.died(CHILD, 9, 0.0) == [Tell(1, protocol.Over()), Close(1)]

    def test_the_end_of_one_line_leaves_the_other_alone(self, books):
        line, _ = self.split(books)
        books.end(1)
        books.died(WORKER, 9, 0.0)

        assert set(books.lines) == {line}
        assert books.workers() == {GRANDCHILD}

    def test_ending_a_line_twice_or_one_that_is_over_is_quiet(self, books):
        books.end(1)
        books.end(1)
        books.died(WORKER, 9, 0.0)

        assert books.end(1) == []


class TestSilence:
    def test_a_process_that_says_nothing_is_due_after_a_while(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 100.0)

        assert not books.strays_due(100.0 + PATIENCE, PATIENCE)
        assert books.strays_due(100.1 + PATIENCE, PATIENCE)
        assert told(books.purged(100.1 + PATIENCE, PATIENCE)) == [
            protocol.NotFrozen(7, "the copy did not say that it was there")
        ]
        assert books.allow(1, 8, []) == []

    def test_a_line_that_ends_does_not_wait_for_a_process_that_may_not_exist(self, books):
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 100.0)
        books.end(1)
        assert not books.strays_due(100.0, PATIENCE)
        books.died(WORKER, 9, 0.0)

        assert books.strays_due(100.0, PATIENCE)
        assert Close(1) in books.purged(100.0, PATIENCE)
        assert books.lines == {}

    def test_nobody_is_purged_while_another_line_has_a_process_on_its_way(self, books):
        line, _ = TestLines().split(books)
        books.allow(1, 7, [])
        books.may_fork(WORKER, 1, 100.0)
        books.allow(line, 7, [])
        books.may_fork(GRANDCHILD, 1, 100.0)
        books.end(1)
        books.died(WORKER, 9, 0.0)
        assert not books.strays_due(100.0, PATIENCE)
        books.frozen(line, 7, 31)

        assert books.strays_due(100.0, PATIENCE)
