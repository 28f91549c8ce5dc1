"""The books of an executor: first come first served, and never a worker too many."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dspex_actors.executors._pool import Pool


def pool_of(
    *, ready=(), busy=None, starting=(), queue=(), spares=0, max_workers=8, max_queue=2, is_new=False
) -> Pool:
    pool = Pool(spares, max_workers, max_queue)
    if not is_new:
        pool.started("the first", 0)
        pool.gone("the first")
    pool.ready.extend(ready)
    pool.busy.update(busy or {})
    pool.starting.update(starting)
    pool.queue.update(dict.fromkeys(queue))
    pool._tokens = max(starting, default=0)
    return pool


def books(pool) -> dict:
    parts = {
        "ready": list(pool.ready),
        "busy": pool.busy,
        "starting": sorted(pool.starting),
        "queue": list(pool.queue),
    }
    return {name: value for name, value in parts.items() if value}


@pytest.mark.parametrize(
    ("before", "step", "answer", "after"),
    [
        ({"ready": "ab"}, lambda p: p.request(1), "b", {"ready": ["a"], "busy": {"b": 1}}),
        ({}, lambda p: p.request(1), None, {"queue": [1]}),
        ({"queue": [1]}, lambda p: p.request(2), None, {"queue": [1, 2]}),
        ({"busy": {"a": 1}}, lambda p: p.request(2), None, {"busy": {"a": 1}, "queue": [2]}),
        ({"starting": [1]}, lambda p: p.started("a", 1), None, {"ready": ["a"]}),
        (
            {"starting": [1], "queue": [7, 8]},
            lambda p: p.started("a", 1),
            7,
            {"busy": {"a": 7}, "queue": [8]},
        ),
        ({"starting": [1]}, lambda p: p.started("a", 9), None, {"ready": ["a"], "starting": [1]}),
        ({"busy": {"a": 1}}, lambda p: p.free("a"), None, {"ready": ["a"]}),
        ({"busy": {"a": 1}, "queue": [2, 3]}, lambda p: p.free("a"), 2, {"busy": {"a": 2}, "queue": [3]}),
        ({"ready": "a"}, lambda p: p.free("a"), None, {"ready": ["a"]}),
        ({"ready": "ab"}, lambda p: p.gone("a"), None, {"ready": ["b"]}),
        ({"busy": {"a": 1}, "ready": "b"}, lambda p: p.gone("a"), 1, {"ready": ["b"]}),
        ({"ready": "b"}, lambda p: p.gone("stranger"), None, {"ready": ["b"]}),
        ({"starting": [1], "queue": [5, 6]}, lambda p: p.start_failed(1), 5, {"queue": [6]}),
        ({"starting": [1]}, lambda p: p.start_failed(1), None, {}),
        (
            {"starting": [1, 2], "queue": [5]},
            lambda p: p.start_failed(1),
            None,
            {"starting": [2], "queue": [5]},
        ),
        (
            {"starting": [1], "queue": [5], "busy": {"a": 4}},
            lambda p: p.start_failed(1),
            None,
            {"queue": [5], "busy": {"a": 4}},
        ),
        ({"queue": [1, 2]}, lambda p: p.withdraw(1), None, {"queue": [2]}),
        ({"busy": {"a": 1}}, lambda p: p.withdraw(1), "a", {"busy": {"a": 1}}),
        ({"queue": [1]}, lambda p: p.withdraw(9), None, {"queue": [1]}),
    ],
)
def test_each_step_changes_exactly_what_it_says(before, step, answer, after):
    pool = pool_of(**before)

    assert step(pool) == answer
    assert books(pool) == after


@pytest.mark.parametrize(
    ("state", "spares", "max_workers", "count"),
    [
        ({}, 0, 8, 0),
        ({}, 2, 8, 2),
        ({}, 5, 3, 3),
        ({"queue": [1]}, 0, 8, 1),
        ({"queue": [1, 2, 3]}, 2, 8, 5),
        ({"queue": [1, 2, 3]}, 2, 4, 4),
        ({"ready": "ab"}, 2, 8, 0),
        ({"ready": "abc"}, 2, 8, 0),
        ({"busy": {"a": 1}}, 2, 8, 2),
        ({"busy": {"a": 1}, "ready": "bc"}, 2, 8, 0),
        ({"busy": {"a": 1, "b": 2}, "queue": [3]}, 2, 2, 0),
        ({"starting": [1, 2]}, 2, 8, 0),
        ({"starting": [1], "queue": [1]}, 2, 8, 2),
        ({"is_new": True}, 0, 8, 0),
        ({"is_new": True}, 2, 8, 1),
        ({"is_new": True, "starting": [1]}, 2, 8, 0),
        ({"is_new": True, "starting": [1], "queue": [1]}, 2, 8, 0),
        ({"is_new": True, "starting": [1], "queue": [1, 2]}, 2, 8, 1),
        ({"is_new": True, "queue": [1]}, 0, 8, 1),
    ],
)
def test_wanted_reaches_the_target_and_asks_for_nothing_twice(state, spares, max_workers, count):
    pool = pool_of(**state, spares=spares, max_workers=max_workers)

    assert len(pool.wanted()) == count
    assert pool.wanted() == []


def test_the_other_spares_are_wanted_when_the_first_worker_of_all_has_got_ready():
    pool = pool_of(spares=3, is_new=True)
    (first,) = pool.wanted()

    pool.started("a", first)

    assert len(pool.wanted()) == 2


def test_start_tokens_are_never_used_again():
    pool = pool_of(spares=2)
    first = pool.wanted()
    for token in first:
        pool.start_failed(token)

    assert set(first) & set(pool.wanted()) == set()


@pytest.mark.parametrize(
    ("state", "max_queue", "full"),
    [
        ({}, 0, True),
        ({"ready": "a"}, 0, False),
        ({"queue": [1]}, 2, False),
        ({"queue": [1, 2]}, 2, True),
        ({"busy": {"a": 1}, "queue": []}, 1, False),
    ],
)
def test_a_pool_is_full_when_nobody_is_ready_and_the_queue_has_no_room(state, max_queue, full):
    assert pool_of(**state, max_queue=max_queue).full is full


@pytest.mark.parametrize(
    ("state", "idle"),
    [
        ({}, True),
        ({"ready": "a", "starting": [1]}, True),
        ({"queue": [1]}, False),
        ({"busy": {"a": 1}}, False),
    ],
)
def test_a_pool_is_idle_when_nothing_is_queued_or_running(state, idle):
    assert pool_of(**state).idle is idle


class PoolMachine(RuleBasedStateMachine):
    """Any order of events that an executor could see."""

    def __init__(self):
        super().__init__()
        self.pool = Pool(spares=2, max_workers=4, max_queue=3)
        self.served = []
        self.arrived = []
        self.dropped = set()
        self.requests = 0
        self.workers = 0

    def note(self, request):
        if request is not None:
            self.served.append(request)

    @rule()
    def request_arrives(self):
        self.requests += 1
        self.arrived.append(self.requests)
        if self.pool.request(self.requests) is not None:
            self.note(self.requests)

    @rule()
    def executor_refills(self):
        before = len(self.pool.ready) + len(self.pool.busy) + len(self.pool.starting)
        queued = len(self.pool.queue)
        target = min(4, len(self.pool.busy) + queued + 2 if self.workers else max(queued, 1))

        tokens = self.pool.wanted()

        assert len(tokens) == max(0, target - before)

    @precondition(lambda self: self.pool.starting)
    @rule(data=st.data())
    def worker_gets_ready(self, data):
        token = data.draw(st.sampled_from(sorted(self.pool.starting)))
        self.workers += 1
        self.note(self.pool.started(f"w{self.workers}", token))

    @precondition(lambda self: self.pool.starting)
    @rule(data=st.data())
    def start_fails(self, data):
        request = self.pool.start_failed(data.draw(st.sampled_from(sorted(self.pool.starting))))
        if request is not None:
            self.dropped.add(request)

    @precondition(lambda self: self.pool.busy)
    @rule(data=st.data())
    def busy_worker_is_free_again(self, data):
        self.note(self.pool.free(data.draw(st.sampled_from(sorted(self.pool.busy)))))

    @precondition(lambda self: self.pool.busy or self.pool.ready)
    @rule(data=st.data())
    def worker_ends(self, data):
        worker = data.draw(st.sampled_from([*sorted(self.pool.busy), *sorted(self.pool.ready)]))
        running = self.pool.busy.get(worker)
        assert self.pool.gone(worker) == running
        assert worker not in self.pool.ready

    @precondition(lambda self: self.pool.queue)
    @rule(data=st.data())
    def queued_request_is_withdrawn(self, data):
        request = data.draw(st.sampled_from(list(self.pool.queue)))
        assert self.pool.withdraw(request) is None
        self.dropped.add(request)

    @invariant()
    def no_worker_is_in_two_places(self):
        ready = list(self.pool.ready)
        assert len(ready) == len(set(ready))
        assert set(ready) & set(self.pool.busy) == set()

    @invariant()
    def there_are_never_more_workers_than_allowed(self):
        assert len(self.pool.ready) + len(self.pool.busy) + len(self.pool.starting) <= 4

    @invariant()
    def no_request_runs_twice_or_is_queued_while_it_runs(self):
        running = list(self.pool.busy.values())
        assert len(running) == len(set(running))
        assert set(running) & set(self.pool.queue) == set()

    @invariant()
    def nobody_idles_while_somebody_waits(self):
        assert not (self.pool.ready and self.pool.queue)

    @invariant()
    def requests_are_served_in_the_order_of_their_arrival(self):
        kept = [request for request in self.arrived if request not in self.dropped]
        assert self.served == kept[: len(self.served)]


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
