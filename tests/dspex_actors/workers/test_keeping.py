"""The books of a keeper: who may fork, who sleeps, who wakes. Tables, and a simulated session."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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

        assert told(books.allow(1, 8, [])) == [protocol.NotFrozen("another copy is being made")]

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

        assert told(actions) == [protocol.Ended(9, 0.5), protocol.NotFrozen("the worker has ended")]

    def test_who_has_no_worker_gets_no_permit(self, books):
        books.died(WORKER, 9, 0.0)

        assert told(books.allow(1, 7, [])) == [protocol.NotFrozen("the worker has ended")]
        line, actions = books.split(1)
        assert told(actions) == [protocol.NotFrozen("the worker has ended")]
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
            Tell(1, protocol.NotFrozen("fork: no memory"))
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
            protocol.NotFrozen("the copy did not say that it was there")
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


class Session(RuleBasedStateMachine):
    """Random lives of a session, whose processes fork, report and die in any order."""

    def __init__(self):
        super().__init__()
        self.books = Books()
        self.pids = iter(range(10, 10**6))
        first = next(self.pids)
        self.now = 0.0
        self.alive = {first}
        self.dying = set()
        self.awake = {self.books.begin(first): {first}}  # line: processes that run calls
        self.unborn = []  # (line, number, parent) of forks that were allowed
        self.between = []  # (line, pid) of processes in the middle of a split
        self.silent = []  # (line, number, pid) of new processes
        self.numbers = iter(range(1, 10**6))
        self.wakes = {}  # line: number that was asked for, until it is answered
        self.over = set()
        self.ended = set()

    def perform(self, actions):
        for action in actions:
            match action:
                case Kill(pid):
                    assert pid in self.alive
                    self.dying.add(pid)
                case Rouse(pid, line):
                    assert not self.awake.get(line, set()) & self.alive, "two workers in one line"
                    self.awake.setdefault(line, set()).add(pid)
                case Tell(line, protocol.Started() | protocol.Missing() as news):
                    if isinstance(news, protocol.Started) or self.wakes.get(line) == news.number:
                        self.wakes.pop(line, None)
                case Tell(line, protocol.Over()):
                    assert line not in self.over
                    self.over.add(line)
                    assert not self.awake.get(line, set()) & self.alive

    def die(self, pid):
        self.alive.discard(pid)
        self.dying.discard(pid)
        self.silent = [each for each in self.silent if each[2] != pid]
        self.between = [each for each in self.between if each[1] != pid]
        self.perform(self.books.died(pid, 9, 0.0))

    @property
    def open_lines(self):
        return sorted(line for line in self.books.lines if line not in self.ended)

    @precondition(lambda self: self.open_lines)
    @rule(data=st.data())
    def the_host_asks_for_a_copy(self, data):
        line = data.draw(st.sampled_from(self.open_lines))
        copies = sorted(self.books.lines[line].copies)
        superfluous = data.draw(st.lists(st.sampled_from(copies), unique=True)) if copies else []
        self.perform(self.books.allow(line, next(self.numbers), superfluous))

    @precondition(lambda self: self.open_lines and len(self.books.lines) < 4)
    @rule(data=st.data())
    def the_host_asks_for_a_branch(self, data):
        _, actions = self.books.split(data.draw(st.sampled_from(self.open_lines)))
        self.perform(actions)

    @precondition(lambda self: [line for line in self.open_lines if line not in self.wakes])
    @rule(data=st.data())
    def the_host_wakes_a_copy(self, data):
        line = data.draw(st.sampled_from([line for line in self.open_lines if line not in self.wakes]))
        known = sorted(self.books.lines[line].copies)
        number = data.draw(st.sampled_from([*known, 0]))
        self.wakes[line] = number
        self.perform(self.books.wake(line, number, [each for each in known if each > number]))

    @precondition(lambda self: self.open_lines)
    @rule(data=st.data())
    def the_host_ends_a_line(self, data):
        line = data.draw(st.sampled_from(self.open_lines))
        self.ended.add(line)
        self.wakes.pop(line, None)
        self.perform(self.books.end(line))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), threads=st.sampled_from([1, 1, 1, 2]), interrupted=st.booleans())
    def a_process_tries_to_fork(self, data, threads, interrupted):
        pid = data.draw(st.sampled_from(sorted(self.alive)))
        permits = {
            id(permit): (line, permit) for line, each in self.books.lines.items() for permit in each.permits()
        }
        before = {key: permit.forks for key, (_, permit) in permits.items()}
        allowed, actions = self.books.may_fork(pid, threads, self.now)
        self.perform(actions)
        if not allowed:
            return
        used = [value for key, value in permits.items() if value[1].forks < before[key]]
        assert len(used) == 1, "a fork without a permit"
        if interrupted:
            self.books.interrupted(pid)
            return
        (line, permit), child = used[0], next(self.pids)
        self.alive.add(child)
        if permit.new_line is not None and permit.forks:
            self.between.append((line, child))
        else:
            self.silent.append((line, permit.number, child))

    @precondition(lambda self: self.silent)
    @rule(data=st.data())
    def a_new_process_says_what_it_is(self, data):
        line, number, pid = data.draw(st.sampled_from(self.silent))
        self.silent.remove((line, number, pid))
        if number:
            _, actions = self.books.frozen(line, number, pid)
        else:
            _, actions = self.books.was_split(line, pid)
        self.perform(actions)

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), what=st.sampled_from(["frozen", "split", "failed"]))
    def somebody_lies(self, data, what):
        pid = data.draw(st.sampled_from(sorted(self.alive)))
        line = data.draw(st.integers(0, 3))
        number = data.draw(st.integers(0, 5))
        if any(each == (line, number, pid) for each in self.silent) or (line, pid) in self.between:
            return
        known = pid in self.books.known()
        if what == "frozen":
            taken, actions = self.books.frozen(line, number, pid)
        elif what == "split":
            taken, actions = self.books.was_split(line, pid)
        else:
            taken, actions = False, self.books.failed(line, number, pid, "no")
        assert not (taken and known)
        if taken:  # one of the new processes took another's place, which the guest can do
            self.silent = [each for each in self.silent if each[2] != pid]
        self.perform(actions)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def a_process_dies(self, data):
        self.die(data.draw(st.sampled_from(sorted(self.alive))))

    @precondition(lambda self: self.dying)
    @rule(data=st.data())
    def a_killed_process_is_seen_dead(self, data):
        self.die(data.draw(st.sampled_from(sorted(self.dying))))

    @rule(seconds=st.sampled_from([1.0, 11.0]))
    def time_passes(self, seconds):
        self.now += seconds
        if self.books.strays_due(self.now, PATIENCE):
            known = self.books.known()
            for pid in sorted(self.alive - known):
                self.die(pid)
            self.perform(self.books.purged(self.now, PATIENCE))

    @invariant()
    def every_process_has_one_place(self):
        places = [
            pid
            for line in self.books.lines.values()
            for pid in (*line.copies.values(), *([] if line.worker is None else [line.worker]))
        ]
        assert len(places) == len(set(places))

    @invariant()
    def what_the_books_know_is_alive(self):
        assert self.books.known() <= self.alive

    @invariant()
    def a_line_that_is_over_was_ended_by_the_host_and_has_nothing_left(self):
        assert self.over <= self.ended

    def teardown(self):
        """End everything: the session must come to its end whatever has happened."""
        for line in sorted(self.books.lines):
            self.perform(self.books.end(line))
        for _ in range(200):
            if not self.books.lines:
                break
            for pid in sorted(self.dying & self.alive):
                self.die(pid)
            self.time_passes(11.0)
        assert self.books.lines == {}
        assert self.books.known() == set()


Session.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
test_books_of_a_keeper_hold_in_random_lives = Session.TestCase
