"""How sessions begin and end: closed, forgotten, with their sandbox or their runtime; what they leave."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from dspex_actors import (
    Completed,
    Execute,
    ExecutorConfig,
    Failed,
    Limits,
    Policy,
    PythonExecutor,
    Runtime,
    RuntimeClosedError,
    RuntimeConfig,
    SessionClosedError,
    SessionConfig,
    SessionLimitError,
    WorkerDied,
)
from dspex_actors.executors import OpenSession, SessionCall
from supervisors import Supervisor
from supervisors.testing import wait_exit, wait_restarted
from tests.integration._tools import (
    CEILING_S,
    Events,
    RunningCall,
    generations,
    pidfds_of,
    runtime_of,
    sigkill,
    wait_end,
    wait_stats,
)


def test_a_closed_session_says_so_and_closing_is_quiet_the_second_time():
    with runtime_of(spares=0) as runtime:
        with runtime.session() as session:
            pidfd = os.pidfd_open(session.execute("x = 1").worker.pid)
        ended = wait_end(pidfd, 0)
        os.close(pidfd)
        session.close()

        assert ended
        assert session.closed
        for door in (
            lambda: session.execute("x"),
            lambda: session.submit("x").result(),
            lambda: session["x"],
            session.reset,
            session.fork,
            session.rollback,
            session.checkpoint,
            lambda: session.rollback_state,
        ):
            with pytest.raises(SessionClosedError, match="it was closed"):
                door()


def test_closing_under_a_running_call_kills_it_and_answers_the_waiting():
    with runtime_of(spares=0) as runtime:
        session = runtime.session()
        running = RunningCall(session)
        waiting = [session.submit("1") for _ in range(3)]
        session.close()
        outcomes = [future.exception(CEILING_S) for future in waiting]
        result = running.future.exception(CEILING_S) or running.future.result()

        assert isinstance(result, WorkerDied | SessionClosedError)
        assert [type(outcome) for outcome in outcomes] == [SessionClosedError] * 3


def test_an_idle_session_is_closed_and_its_next_use_says_for_how_long_it_was_idle():
    with runtime_of(spares=0) as runtime:
        events = Events(runtime.telemetry, "session.closed")
        session = runtime.session(idle_timeout_s=0.3)
        actor = session._address.pid
        ((_, facts),) = events.wait("session.closed")
        wait_exit(actor)
        with pytest.raises(SessionClosedError, match=r"idle for 0\.3 s"):
            session.execute("1")

        assert facts == {"session": session.number, "reason": "it was idle for 0.3 s"}


def test_a_session_that_was_closed_leaves_no_timer_behind_however_long_it_might_have_been_idle():
    with runtime_of(spares=0) as runtime:
        sessions = [runtime.session(idle_timeout_s=10**6) for _ in range(3)]
        timers = sessions[0]._address.system.timers
        heap = list(timers._heap)
        for session in sessions:
            actor = session._address.pid
            session.close()
            wait_exit(actor)

        assert len(heap) >= 3
        assert all(timer.callback is None for _, _, timer in heap)


def test_a_session_in_use_is_not_idle():
    with runtime_of(spares=0) as runtime, runtime.session(idle_timeout_s=0.4) as session:
        session.execute("x = 1")
        result = session.execute("import threading; threading.Event().wait(1.0); x")

        assert result.value == 1


def test_there_are_never_more_sessions_than_the_runtime_allows():
    with runtime_of(spares=0, max_sessions=2) as runtime:
        first, second = runtime.session(), runtime.session()
        with pytest.raises(SessionLimitError, match="max_sessions") as caught:
            runtime.session()
        first.close()
        third = runtime.session()

        assert caught.value.allowed == 2
        assert [second.execute("2").value, third.execute("3").value] == [2, 3]


def test_sessions_do_not_use_up_the_workers_of_single_executions():
    with runtime_of(spares=0, max_workers=1) as runtime, runtime.session() as one, runtime.session() as two:
        assert [one.execute("1").value, two.execute("2").value, runtime.execute("3").value] == [1, 2, 3]


def test_two_sessions_do_not_see_each_other_s_variables():
    with runtime_of(spares=0) as runtime, runtime.session() as one, runtime.session() as two:
        one.execute("x = 1")

        assert isinstance(two.execute("x"), Failed)
        assert one["x"] == 1


def test_a_strict_session_keeps_names_and_rules():
    with runtime_of(spares=0) as runtime, runtime.session(policy=Policy(profile="strict")) as session:
        session.execute("x = [1, 2]")
        refused = session.execute("import os")

        assert session.execute("x.append(3); x").value == [1, 2, 3]
        assert isinstance(refused, Failed)
        assert session["x"] == [1, 2, 3]


def test_a_trusted_session_works_too():
    with runtime_of(spares=0) as runtime, runtime.session(policy=Policy(profile="trusted")) as session:
        session.execute("text = open('/etc/passwd').read(4)")

        assert session["text"] == "root"


def test_a_session_is_an_actor_beside_the_workers_of_its_sandbox():
    with runtime_of(spares=1) as runtime:
        wait_stats(runtime, lambda stats: stats.ready == 1)
        workers = next(node for node in runtime.tree().walk() if node.id == "workers")
        with runtime.session():
            more = next(node for node in runtime.tree().walk() if node.id == "workers")

            assert len(more.children) == len(workers.children) + 1


def test_guests_that_die_again_and_again_use_up_no_restart():
    with runtime_of(spares=0) as runtime, runtime.session() as session:
        events = Events(runtime.telemetry, "supervisor.*")
        for _ in range(20):
            session.execute("import os; os._exit(1)")

        assert session.execute("1 + 1").value == 2
        assert events.named("supervisor.child_restarted") == []
        assert set(generations(runtime).values()) == {1}


def test_a_session_outlives_the_executor_actor_of_its_sandbox():
    with runtime_of(spares=1) as runtime, runtime.session() as session:
        session.execute("x = 42")
        runtime.executor.pid.kill()
        runtime.executor.wait_available(CEILING_S)
        fresh = runtime.execute("1").value

        assert (session["x"], fresh) == (42, 1)


def test_a_session_ends_with_its_zygote_and_a_new_one_can_be_opened():
    with runtime_of(spares=1) as runtime:
        session = runtime.session()
        session.execute("x = 42")
        actor, executor = session._address.pid, runtime.executor.pid
        with pidfds_of(runtime.executor) as pidfds:
            sigkill(next(iter(pidfds.values())))
        wait_exit(actor)
        with pytest.raises(SessionClosedError, match="sandbox"):
            session.execute("x")
        wait_restarted(runtime.executor, executor)
        with runtime.session() as another:
            value = another.execute("1").value

        assert value == 1


def test_a_zygote_killed_under_a_call_is_told_to_its_caller():
    with runtime_of(spares=1) as runtime:
        session = runtime.session()
        running = RunningCall(session)
        waiting = session.submit("1")
        with pidfds_of(runtime.executor) as pidfds:
            sigkill(next(iter(pidfds.values())))

        assert isinstance(running.future.exception(CEILING_S), SessionClosedError)
        assert isinstance(waiting.exception(CEILING_S), SessionClosedError)


def test_a_stop_of_the_runtime_lets_the_calls_of_sessions_finish():
    runtime = runtime_of(spares=0)
    session = runtime.session()
    futures = [session.submit("import threading; threading.Event().wait(0.02); 1") for _ in range(5)]
    report = runtime.stop()

    assert [future.result(CEILING_S).value for future in futures] == [1] * 5
    assert (report.drained, report.killed, report.clean) == (True, 0, True)
    with pytest.raises(SessionClosedError, match="the runtime was closed"):
        session.execute("1")
    with pytest.raises(RuntimeClosedError):
        runtime.session()


def test_a_stop_kills_what_does_not_finish_in_time_and_counts_it():
    runtime = runtime_of(spares=0)
    session = runtime.session()
    running = RunningCall(session)
    pidfd = os.pidfd_open(session._lifeline.pids()[0])
    waiting = session.submit("1")
    report = runtime.stop(0.2)
    ended = wait_end(pidfd, 0)
    os.close(pidfd)

    assert (report.drained, report.killed, report.clean) == (False, 2, True)
    assert ended
    assert isinstance(
        running.future.exception(CEILING_S) or running.future.result(), WorkerDied | SessionClosedError
    )
    assert isinstance(waiting.exception(CEILING_S), SessionClosedError)


def test_a_session_takes_no_call_while_its_runtime_drains():
    runtime = runtime_of(spares=0)
    session = runtime.session()
    running = RunningCall(session)
    stopper = threading.Thread(target=runtime.stop, args=(1.0,))
    stopper.start()
    late = []
    while not late:
        future = session.submit("1")
        if runtime.closed and isinstance(
            future.exception(CEILING_S), RuntimeClosedError | SessionClosedError
        ):
            late.append(future)
    stopper.join(CEILING_S)

    assert running.future.done()
    assert not stopper.is_alive()


def test_events_tell_the_life_of_a_session():
    with runtime_of(spares=0) as runtime:
        events = Events(runtime.telemetry, "*")
        with runtime.session(checkpoint="never") as session:
            session.execute("1", tag="one")
            session.execute("import os; os._exit(1)", tag="two")
        ((_, started),) = events.wait("session.started")
        ((lost, facts),) = events.wait("session.rolled_back")
        ((_, closed),) = events.wait("session.closed")
        calls = [facts for _, facts in events.wait("execution.finished", 2)]

    assert started == {"session": session.number, "profile": "process"}
    assert lost == {"undone": 1}
    assert (facts["session"], facts["fate"]) == (session.number, "lost")
    assert closed == {"session": session.number, "reason": "it was closed"}
    assert [(call["session"], call["execution"], call["tag"], call["outcome"]) for call in calls] == [
        (session.number, 1, "one", "completed"),
        (session.number, 2, "two", "worker_died"),
    ]


def test_a_session_can_be_had_from_an_executor_in_a_tree_of_ones_own():
    specs = [PythonExecutor.child_spec(ExecutorConfig(spares=0), id="py")]
    with Supervisor.start(specs, strategy="one_for_one") as tree:
        opened = tree.child("py").call(OpenSession(SessionConfig()))
        opened.address.call(SessionCall(Execute("x = 5"), 0.0))
        result = opened.address.call(SessionCall(Execute("x"), 0.0))

    assert result.value == 5


def test_a_session_that_nobody_closes_ends_with_its_runtime():
    with runtime_of(spares=0) as runtime:
        session = runtime.session()
        pidfd = os.pidfd_open(session.execute("1").worker.pid)
        del session
        gc.collect()
    ended = wait_end(pidfd, 0)
    os.close(pidfd)

    assert ended


def test_a_session_in_a_runtime_of_another_policy_starts_that_sandbox():
    with Runtime(RuntimeConfig(executor=ExecutorConfig(spares=0), max_policies=2)) as runtime:
        with runtime.session(policy=Policy(environment={"COLOUR": "red"})) as session:
            result = session.execute("import os; os.environ['COLOUR']")

        assert isinstance(result, Completed)
        assert result.value == "red"


def test_limits_of_the_runtime_are_those_of_its_sessions():
    with runtime_of(spares=0, limits=Limits(time_s=0.2)) as runtime, runtime.session() as session:
        result = session.execute("while True: pass")

        assert (result.limit, result.allowed) == ("time", 0.2)


def test_tools_of_a_session_can_be_called_by_all_its_calls_and_a_call_may_have_more():
    calls = []

    def note(word):
        calls.append(word)
        return len(calls)

    with runtime_of(spares=0) as runtime, runtime.session(tools={"note": note}) as session:
        session.execute("def f(word): return note(word)")
        second = session.execute("f('two'), extra()", tools={"extra": lambda: "more"})
        third = session.execute(
            "try:\n    extra()\nexcept ToolError as error:\n    r = error.error_type\n(f('three'), r)"
        )

    assert (second.value, third.value) == ((1, "more"), (2, "LookupError"))
    assert calls == ["two", "three"]


def test_a_session_killed_in_a_tool_is_answered_and_goes_on():
    gate = threading.Event()
    with runtime_of(spares=0) as runtime:
        with runtime.session(tools={"wait": gate.wait}) as session:
            result = session.execute("wait()", limits=Limits(time_s=0.2))
            after = session.execute("1")
        gate.set()

    assert (result.limit, after.value) == ("time", 1)
