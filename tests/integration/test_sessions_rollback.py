"""A session that is killed in a call goes back to the state before it, and can be told to go back further."""

from __future__ import annotations

import os
import threading

import pytest

from dspex_actors import (
    ConfigError,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    RollbackState,
    RollbackUnavailableError,
    SessionState,
    WorkerDied,
)
from tests.integration._sessions import kill_and_wait, members, namespace_of, wait_members
from tests.integration._tools import CEILING_S, SHORT, Events, RunningCall, runtime_of, wait_end

pytestmark = pytest.mark.may_leak("the module's runtime keeps spares")

AVAILABLE = "available"
RECURSION = """
import itertools
chain = ()
for _ in range(10**6): chain = itertools.chain(chain)
next(chain)
"""


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


KILLS = {
    "timeout": ("while True: x += 1", SHORT, LimitExceeded),
    "segfault": ("import ctypes; ctypes.string_at(0)", None, WorkerDied),
    "exit": ("import os; os._exit(0)", None, WorkerDied),
    "memory bomb": ("kept = []\nwhile True: kept.append(bytes(10**7))", None, LimitExceeded),
    "one huge object": ("bytes(2**40)", None, LimitExceeded),
    "recursion": (RECURSION, None, (WorkerDied, LimitExceeded)),
    "cpu": ("while True: pass", Limits(cpu_s=0.5, time_s=CEILING_S), LimitExceeded),
    "killed by itself": ("import os; os.kill(os.getpid(), 9)", None, WorkerDied),
    "broken protocol": ("import os; os.write(3, b'x' * 1000)\nwhile True: pass", None, WorkerDied),
}


@pytest.mark.parametrize(("code", "limits", "kind"), KILLS.values(), ids=KILLS)
def test_a_killed_call_is_undone_and_nothing_else(session, code, limits, kind):
    session.execute("x = 42; y = [1, 2]")
    result = session.execute(f"x = -1; y.append(3)\n{code}", limits=limits)

    assert isinstance(result, kind), result
    assert result.session == SessionState(fate="rolled_back", calls=1)
    assert (session["x"], session["y"]) == (42, [1, 2])
    assert session.execute("x += 1; x").value == 43


def test_the_first_call_is_undone_like_any_other(session):
    result = session.execute("x = 1\nimport os; os._exit(1)")

    assert result.session == SessionState(fate="rolled_back", calls=0)
    assert session.execute("'x' in globals()").value is False


def test_a_cancelled_call_is_undone(session):
    session.execute("x = 42")
    running = RunningCall(session)
    running.future.cancel()

    assert session["x"] == 42


def test_many_kills_in_a_row_cost_nothing_but_the_call(session):
    session.execute("x = 42")
    for _ in range(10):
        session.execute("x = -1\nwhile True: pass", limits=Limits(time_s=0.05))
        session.execute("x = -1\nimport os; os._exit(1)")

    assert session["x"] == 42
    assert session.rollback_state.status == AVAILABLE


def test_a_worker_killed_while_the_session_is_idle_is_brought_back_unseen(session):
    pid = session.execute("x = 42").worker.pid
    assert session.rollback_state.status == AVAILABLE
    kill_and_wait(pid)
    result = session.execute("x + 1")

    assert result.value == 43
    assert result.session == SessionState(fate="kept", calls=2)
    assert result.worker.pid != pid


def test_a_lost_checkpoint_is_told_and_made_again_after_the_next_call(session):
    pid = session.execute("x = 42").worker.pid
    assert session.rollback_state.status == AVAILABLE
    namespace = namespace_of(pid)
    first, keeper, worker = min(members(namespace)), session._lifeline.pids()[1], pid
    for copy in set(members(namespace)) - {first, keeper, worker}:
        kill_and_wait(copy)
    told = wait_status(session, "unavailable")
    session.execute("x += 1")

    assert (told.status, told.reason) == ("unavailable", "its checkpoint was gone")
    assert session.rollback_state.status == AVAILABLE


def test_when_worker_and_checkpoint_are_killed_the_loss_is_told_and_the_code_is_not_run(session):
    pid = session.execute("x = 42").worker.pid
    assert session.rollback_state.status == AVAILABLE
    namespace = namespace_of(pid)
    first, keeper = min(members(namespace)), session._lifeline.pids()[1]
    for victim in set(members(namespace)) - {first, keeper}:
        kill_and_wait(victim)
    result = session.execute("open('ran', 'w')")

    assert isinstance(result, WorkerDied)
    assert (result.session.fate, result.session.undone) == ("lost", 1)
    assert session.execute("import os; os.listdir()").value == []


class TestOnError:
    def test_by_default_what_a_failed_call_did_stays(self, session):
        session.execute("x = 1")
        result = session.execute("x = 2\n1 / 0")

        assert result.session == SessionState(fate="kept", calls=2)
        assert session["x"] == 2

    @pytest.mark.parametrize("code", ["1 / 0", "lambda: 0", "(", "'x' * 10**6", "import sys; sys.exit(3)"])
    def test_a_failed_call_is_undone_where_that_was_asked_for(self, runtime, code):
        with runtime.session(on_error="rollback", limits=Limits(result_bytes=1000)) as session:
            session.execute("x = 1")
            result = session.execute(f"x = 2\n{code}")

            assert isinstance(result, Failed | LimitExceeded)
            assert result.session == SessionState(fate="rolled_back", calls=1)
            assert session["x"] == 1

    def test_a_call_that_completes_is_kept_there_too(self, runtime):
        with runtime.session(on_error="rollback") as session:
            session.execute("x = 1")

            assert session.execute("x = 2").session == SessionState(fate="kept", calls=2)
            assert session["x"] == 2

    def test_without_a_checkpoint_of_the_state_it_stays_and_the_result_says_why(self, runtime):
        with runtime.session(on_error="rollback", checkpoint="never") as session:
            session.execute("x = 1")
            result = session.execute("x = 2\n1 / 0")

            assert (result.session.fate, session["x"]) == ("kept", 2)
            assert "checkpoint='never'" in result.session.reason


class TestGoingBack:
    def test_a_roll_back_undoes_the_last_call(self, session):
        session.execute("x = 1")
        session.execute("x = 2")
        session.rollback()

        assert session["x"] == 1
        assert session.execute("3").session.calls == 2

    def test_history_says_how_many_calls_can_be_undone(self, runtime):
        with runtime.session(history=4) as session:
            for n in range(8):
                session.execute(f"x = {n}")
            assert session.rollback_state.checkpoints == 4
            session.rollback(3)
            value = session["x"]
            session.rollback()
            with pytest.raises(RollbackUnavailableError, match="0 earlier states"):
                session.rollback()

            assert (value, session["x"]) == (4, 3)

    def test_calls_after_a_roll_back_start_a_new_history(self, runtime):
        with runtime.session(history=3) as session:
            for n in range(4):
                session.execute(f"x = {n}")
            session.rollback(2)
            session.execute("x = 'new'")
            session.rollback()

            assert session["x"] == 1

    def test_without_a_history_only_the_present_state_is_kept(self, runtime):
        with runtime.session(history=0) as session:
            pid = session.execute("x = 1").worker.pid
            session.execute("x = 2")
            with pytest.raises(RollbackUnavailableError):
                session.rollback()
            namespace = namespace_of(pid)

            assert session["x"] == 2
            assert len(wait_members(namespace, 4)) == 4

    def test_a_state_that_was_gone_back_to_survives_a_kill(self, session):
        session.execute("x = 1")
        session.execute("x = 2")
        session.rollback()
        session.execute("import os; os._exit(1)")

        assert session["x"] == 1

    @pytest.mark.parametrize("n", [0, -1, True, 1.0, "1", None])
    def test_a_number_of_steps_that_is_none_is_refused(self, session, n):
        with pytest.raises(ConfigError):
            session.rollback(n)

    def test_a_reset_forgets_checkpoints_too(self, session):
        session.execute("x = 1")
        session.execute("x = 2")
        session.reset()
        with pytest.raises(RollbackUnavailableError):
            session.rollback()

        assert session.execute("'x' in globals()").value is False
        assert session.rollback_state.status == AVAILABLE


def test_a_guest_that_closes_what_a_copy_would_report_on_costs_itself_its_copies_once(session):
    session.execute("x = 1")
    session.execute("import os; os.close(4)")
    state = session.rollback_state
    again = [session.execute("x += 1; x") for _ in range(3)]
    result = session.execute("import os; os._exit(1)")

    assert (state.status, state.reason) == ("unavailable", "the copy did not say that it was there")
    assert [each.value for each in again] == [2, 3, 4]
    assert (result.session.fate, result.session.undone) == ("rolled_back", 4)
    assert session["x"] == 1
    assert session.rollback_state.status == AVAILABLE


class TestBranches:
    def test_a_fork_starts_from_the_state_and_goes_its_own_way(self, session):
        session.execute("x = [1]")
        with session.fork() as branch:
            first = branch.execute("x.append(2); x")
            session.execute("x.append(3)")

            assert first.value == [1, 2]
            assert first.session.calls == 2
            assert (branch["x"], session["x"]) == ([1, 2], [1, 3])
        assert session["x"] == [1, 3]

    def test_a_fork_is_rolled_back_by_itself(self, session):
        session.execute("x = 1")
        with session.fork() as branch:
            branch.execute("x = 2")
            result = branch.execute("x = -1\nimport os; os._exit(7)")

            assert (result.exit_code, result.session.fate) == (7, "rolled_back")
            assert (branch["x"], session["x"]) == (2, 1)

    def test_a_fork_of_a_fork_outlives_both(self, session):
        session.execute("x = 1")
        child = session.fork()
        child.execute("x = 2")
        grandchild = child.fork()
        child.close()
        session.close()
        grandchild.execute("x += 1")

        assert grandchild["x"] == 3
        grandchild.close()

    def test_branches_draw_different_numbers_unless_they_are_told_not_to(self, runtime):
        def draws(**options):
            with runtime.session(**options) as session:
                session.execute("import random, numpy\nrandom.seed(1); numpy.random.seed(1)")
                code = "(random.random(), float(numpy.random.rand()))"
                with session.fork() as one, session.fork() as two:
                    return [one.execute(code).value, two.execute(code).value, session.execute(code).value]

        random_numbers, numpy_numbers = zip(*draws(), strict=True)

        assert (len(set(random_numbers)), len(set(numpy_numbers))) == (3, 3)
        assert len(set(draws(reseed=False))) == 1

    @pytest.mark.parametrize("reseed", [True, False])
    def test_what_the_kernel_draws_differs_in_every_branch_whatever_they_are_told(self, runtime, reseed):
        with runtime.session(reseed=reseed) as session:
            session.execute("import secrets, uuid\nuuid.uuid4()")
            code = "(uuid.uuid4().hex, secrets.token_hex(16))"
            with session.fork() as one, session.fork() as two:
                drawn = [each.execute(code).value for each in (one, two, session)]

        assert [len(set(kind)) for kind in zip(*drawn, strict=True)] == [3, 3]

    def test_a_session_with_threads_cannot_be_forked_and_says_why(self, session):
        session.execute(
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
        )
        with pytest.raises(RollbackUnavailableError, match="threads are alive"):
            session.fork()

        assert session.execute("1").value == 1


def test_events_tell_roll_backs(runtime):
    events = Events(runtime.telemetry, "session.rolled_back")
    with runtime.session() as session:
        session.execute("import os; os._exit(1)")
    ((measurements, facts),) = events.wait("session.rolled_back")
    events.detach()

    assert measurements == {"undone": 0}
    assert facts == {"session": session.number, "fate": "rolled_back", "reason": ""}


def test_a_session_s_processes_end_with_it(runtime):
    with runtime.session(history=3) as session:
        for _ in range(5):
            pid = session.execute("1").worker.pid
        namespace = namespace_of(pid)
        assert len(wait_members(namespace, 7)) == 7
        pidfd = os.pidfd_open(pid)
    ended = wait_end(pidfd, 0)
    os.close(pidfd)

    assert ended
    assert wait_members(namespace, 0) == {}


@pytest.mark.parametrize("profile", ["trusted", "shell"])
def test_where_guests_may_start_processes_the_session_works_without_roll_back(profile):
    with runtime_of(spares=0, policy=Policy(profile=profile)) as runtime, runtime.session() as session:
        session.execute("x = 42")
        state = session.rollback_state
        with pytest.raises(RollbackUnavailableError, match="processes of their own"):
            session.checkpoint()
        with pytest.raises(RollbackUnavailableError):
            session.fork()
        with pytest.raises(RollbackUnavailableError):
            session.rollback()
        lost = session.execute("import os; os._exit(1)")

        assert (state.status, "processes of their own" in state.reason) == ("unavailable", True)
        assert lost.session.fate == "lost"
        assert "processes of their own" in lost.session.reason
        assert session.execute("1 + 1").value == 2


def test_a_strict_session_is_rolled_back_too():
    with runtime_of(spares=0, policy=Policy(profile="strict")) as runtime, runtime.session() as session:
        session.execute("x = 42")
        result = session.execute("x = 0\nwhile True: pass", limits=SHORT)

        assert result.session == SessionState(fate="rolled_back", calls=1)
        assert session["x"] == 42
        assert session.rollback_state == RollbackState(status=AVAILABLE, checkpoints=1)
