"""Random crashes over a tree of more than 200 actors; afterwards everything is there, and nothing else.

make soak                                   for 60 seconds
SOAK_SECONDS=600 SOAK_SEED=7 make soak      for ten minutes, with the dice of an earlier run
"""

# ruff: noqa: T201 -- the seed is for whoever reads the log

from __future__ import annotations

import gc
import os
import random
import threading
import time

import pytest

from supervisors import ActorExitedError, ChildState, SupervisorAddress, System
from tests._leaks import Snapshot, become_subreaper, leaks_since
from tests.supervisors.soak._tree import CROWDS, PROCESSES, World, expected_counts, expected_names, start
from tests.supervisors.soak._trouble import CEILING_S, Troublemaker

SHORT_S = 2.0
OTHER_THREADS = {"timers", "reaper", "idle"}


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(60)


def until(condition, what):
    """Look again and again; the actors have a turn between two looks."""
    deadline = time.monotonic() + CEILING_S
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {CEILING_S:g} s still: {what()}"
        pause.wait(0.005)
    return found


class Soak:
    """One tree, those who make trouble in it, and what it must look like afterwards."""

    def __init__(self, seed):
        self.world = World()
        self.system = System(kill_grace_s=0.05)
        self.root = start(self.world, self.system)
        self.system.telemetry.attach("*", lambda event, _measurements, _metadata: self.world.count(event))
        crowds = [self.root.supervisor(f"crowd-{serial}") for serial in range(CROWDS)]
        self.makers = [
            Troublemaker(self.root, self.world, f"{seed}.{serial}", crowd)
            for serial, crowd in enumerate(crowds)
        ]

    def make_trouble(self, seconds):
        deadline = time.monotonic() + seconds
        for maker in self.makers:
            maker.deadline = deadline
            maker.thread.start()
        for maker in self.makers:
            maker.thread.join(seconds + 2 * CEILING_S)
            assert not maker.thread.is_alive(), f"{maker.thread.name} hangs"
            if maker.failure is not None:
                raise maker.failure

    # -- what there should be, and what there is

    def expected(self):
        counts = {path: (number, number) for path, number in expected_counts().items()}
        for serial, maker in enumerate(self.makers):
            counts[f"crowd-{serial}",] = (len(maker.mine), len(maker.mine))
        return counts

    def counts(self):
        return {path: self.count(path) for path in self.expected()}

    def count(self, path):
        try:
            found = SupervisorAddress(self.root.root, path).count_children()
        except ActorExitedError:
            return None
        return (found.specs, found.active)

    def names(self):
        return expected_names() | {name for maker in self.makers for name, _ in maker.mine.values()}

    def nodes(self):
        return list(self.root.snapshot().walk())

    def is_settled(self):
        nodes = self.nodes()
        return self.counts() == self.expected() and all(node.state is ChildState.RUNNING for node in nodes)

    def threads(self, before):
        return sorted(thread.name for thread in set(threading.enumerate()) - before.threads)

    def expected_threads(self):
        of_actors = [node.thread for node in self.nodes()]
        return [*of_actors, *(record.thread for record in self.system.abandoned.records())]


def own_threads(names):
    return sorted(name for name in names if not any(other in name for other in OTHER_THREADS))


def soak(seconds, seed):
    become_subreaper()
    gc.collect()
    before = Snapshot.take()
    run = Soak(seed)
    try:
        run.make_trouble(seconds)
        check(run, before)
    finally:
        run.world.release.set()
        run.root.stop()
    assert run.world.names == set()
    run.system.close()
    until(lambda: not run.system.abandoned.records(), run.system.abandoned.records)
    assert leaks_since(before, settle_s=CEILING_S) == []
    gc.collect()
    assert len(run.world.actors) == 0
    return run.world.counted


def check(run, before):
    """Compare the tree with what it should be, to the last thread."""
    until(
        run.is_settled,
        lambda: {path: got for path, got in run.counts().items() if got != run.expected()[path]},
    )
    stuck = len(set(run.world.stuck))
    until(lambda: len(run.system.abandoned.records()) == stuck, run.system.abandoned.records)
    until(
        lambda: own_threads(run.threads(before)) == own_threads(run.expected_threads()),
        lambda: set(run.threads(before)) ^ set(run.expected_threads()),
    )
    assert run.world.names == run.names()
    assert run.world.counted["names taken twice"] == 0
    until(
        lambda: len(Snapshot.take().children - before.children) == PROCESSES,
        lambda: Snapshot.take().children - before.children,
    )
    for node, path in walk(run.root.snapshot()):
        if node.actor_class.endswith(".Worker") and not str(path[0]).startswith("crowd"):
            assert SupervisorAddress(run.root.root, path).call("who") == "/".join(map(str, path))


def walk(node, path=()):
    yield node, path
    for child in node.children:
        yield from walk(child, (*path, child.id))


def run_and_report(seconds):
    seed = os.environ.get("SOAK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nsoak: {seconds:g} s, SOAK_SEED={seed}")
    counted = soak(seconds, seed)
    print("soak: " + ", ".join(f"{number} x {what}" for what, number in sorted(counted.items())))
    return counted


@pytest.mark.integration
def test_two_seconds_of_random_crashes_leave_a_big_tree_as_it_should_be():
    counted = run_and_report(SHORT_S)
    assert counted["crash"] > 10
    assert counted["supervisor.child_restarted"] > 10


@pytest.mark.soak
@pytest.mark.integration
def test_a_long_time_of_random_crashes_leaves_a_big_tree_as_it_should_be():
    run_and_report(float(os.environ.get("SOAK_SECONDS", "60")))
