"""When a session's state is copied, and when it cannot be."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import Completed, Policy, SessionState
from dspex_actors.executors import _session_body
from tests.integration._sessions import namespace_of, wait_members
from tests.integration._tools import runtime_of

pytestmark = pytest.mark.may_leak("the module's runtime keeps spares")

AVAILABLE = "available"


@pytest.fixture
def session(runtime):
    with runtime.session() as session:
        yield session


def wait_status(session, status):
    """Wait until a session says that it can be rolled back, or cannot; return what it says in the end."""
    tick = threading.Event()
    for _ in range(1000):
        state = session.rollback_state
        if state.status == status:
            return state
        tick.wait(0.005)
    return state


class TestWhenCheckpointsAreMade:
    def test_never_means_when_told_to_and_a_kill_goes_back_to_that(self, runtime):
        with runtime.session(checkpoint="never") as session:
            session.execute("x = 1")
            before = session.rollback_state
            session.checkpoint()
            at = session.rollback_state
            session.execute("x = 2")
            session.execute("x = 3")
            result = session.execute("import os; os._exit(1)")

            assert (before.status, at.status) == ("unavailable", AVAILABLE)
            assert (result.session.fate, result.session.calls, result.session.undone) == ("rolled_back", 1, 2)
            assert "checkpoint='never'" in result.session.reason
            assert session["x"] == 1

    def test_a_checkpoint_of_a_state_that_has_one_costs_nothing(self, session):
        session.execute("x = 1")
        namespace = namespace_of(session.execute("x = 2").worker.pid)
        for _ in range(3):
            session.checkpoint()

        assert len(wait_members(namespace, 5)) == 5

    def test_rolling_back_to_a_checkpoint_made_by_hand(self, runtime):
        with runtime.session(checkpoint="never") as session:
            session.execute("x = 1")
            session.checkpoint()
            session.execute("x = 2")
            session.execute("x = 3")
            session.rollback()
            first = session["x"]
            session.execute("x = 4")
            session.rollback()

            assert (first, session["x"]) == (1, 1)

    def test_an_idle_session_makes_one_by_itself(self, runtime):
        with runtime.session(checkpoint="idle") as session:
            session.execute("x = 1")
            state = wait_status(session, AVAILABLE)
            result = session.execute("x = 2\nimport os; os._exit(1)")

            assert state.status == AVAILABLE
            assert result.session == SessionState(fate="rolled_back", calls=1)
            assert session["x"] == 1

    def test_before_it_is_idle_a_kill_undoes_more_and_says_how_much(self, runtime, monkeypatch):
        from dspex_actors.executors import _session_actor  # noqa: PLC0415 -- the constant of that module

        monkeypatch.setattr(_session_actor, "_IDLE_S", 3600)
        with runtime.session(checkpoint="idle") as session:
            for n in range(3):
                session.execute(f"x = {n}")
            result = session.execute("import os; os._exit(1)")

            assert (result.session.fate, result.session.calls, result.session.undone) == ("rolled_back", 0, 3)
            assert "checkpoint='idle'" in result.session.reason

    def test_a_heap_that_is_too_big_to_copy_after_every_call_is_copied_when_idle(self, runtime, monkeypatch):
        monkeypatch.setattr(_session_body, "_SLOW_S", 0.0)  # any copy takes longer
        with runtime.session() as session:
            for _ in range(3):
                session.execute("x = 1")
            result = session.execute("x = 2")
            seen = []
            while not seen or seen[-1].status != AVAILABLE:
                seen.append(session.rollback_state)
            session.execute("x = 3\nimport os; os._exit(1)")

            assert isinstance(result, Completed)
            assert session["x"] == 2
            assert {state.reason.split(" takes")[0] for state in seen[:-1]} <= {"making a checkpoint"}


class TestThreads:
    START = (
        "import threading\ngate = threading.Event()\n"
        "t = threading.Thread(target=gate.wait, daemon=True)\nt.start()"
    )

    def test_with_threads_alive_the_session_works_on_and_says_that_it_could_not_be_rolled_back(self, session):
        session.execute("x = 1")
        session.execute(self.START)
        state = session.rollback_state
        value = session.execute("x += 1; x").value

        assert state.status == "unavailable"
        assert "2 threads are alive" in state.reason
        assert value == 2

    def test_a_kill_then_undoes_all_since_the_thread_was_started_and_says_so(self, session):
        session.execute("x = 1")
        session.execute(self.START)
        session.execute("x = 2")
        result = session.execute("import os; os._exit(1)")

        assert (result.session.fate, result.session.calls, result.session.undone) == ("rolled_back", 1, 2)
        assert "threads are alive" in result.session.reason
        assert session["x"] == 1

    def test_when_the_threads_have_ended_it_can_be_rolled_back_again(self, session):
        session.execute(self.START)
        session.execute("gate.set(); t.join(); x = 5")

        assert session.rollback_state.status == AVAILABLE
        session.execute("import os; os._exit(1)")
        assert session["x"] == 5


def test_the_limits_of_a_call_hold_after_a_checkpoint_as_before(session):
    code = (
        "import resource\n"
        "[resource.getrlimit(getattr(resource, f'RLIMIT_{name}')) for name in ('AS', 'DATA', 'NOFILE')]"
    )
    first = session.execute(code).value
    session.execute("import os; os._exit(1)")

    assert session.rollback_state.status == AVAILABLE
    assert session.execute(code).value == first
    assert all(soft < hard for soft, hard in first)


@pytest.mark.parametrize(("reseed", "numbers"), [(True, 3), (False, 1)])
def test_generators_that_were_loaded_before_the_fork_do_as_the_session_was_told(reseed, numbers):
    policy = Policy(preload=("numpy.random", "random"))
    with runtime_of(spares=0, policy=policy) as runtime, runtime.session(reseed=reseed) as session:
        session.execute("import random, numpy\nrandom.seed(1); numpy.random.seed(1)")
        code = "(random.random(), float(numpy.random.rand()))"
        with session.fork() as one, session.fork() as two:
            drawn = [each.execute(code).value for each in (one, two, session)]

    assert [len(set(each)) for each in zip(*drawn, strict=True)] == [numbers, numbers]
