"""The books of a keeper over random lives of a session: exactly one process serves, and no state is lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._keeping import Books, Kill, Rouse, Tell

WORKER, CHILD, GRANDCHILD = 10, 11, 12
PATIENCE = 10.0


def told(actions):
    return [action.news for action in actions if isinstance(action, Tell)]


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
