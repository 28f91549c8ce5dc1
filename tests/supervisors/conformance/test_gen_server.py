"""OTP's behaviour, rows K01 to K07 and K16: calls, casts, signals and start_link of servers."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    IGNORE,
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    Address,
    CallCycleError,
    CallTimeoutError,
    Crash,
    Exit,
    GenServer,
    NameTakenError,
    Shutdown,
    StartError,
    Stop,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def parent(journal):
    with Misbehaving.start(journal, "parent", trap_exit=True) as address:
        yield address


def heard(journal, name):
    """Return the messages that arrived in `handle_info` of an actor."""
    return [entry[2] for entry in journal.entries() if entry[:2] == ("info", name)]


def linked(parent, *args, start_timeout_s=None, **kwargs):
    """Start a `Misbehaving` linked to `parent`; return its address or what its start raised, and its Pid."""
    pids = Journal()

    class Noted(Misbehaving):
        def init(self, *args, **kwargs):
            pids.add(self.pid)
            return super().init(*args, **kwargs)

    def start(_server, _sender):
        try:
            return Noted.start_link(*args, start_timeout_s=start_timeout_s, **kwargs)
        except StartError as error:
            return error

    outcome = parent.call(("do", start))
    (pid,) = pids.entries()
    return outcome, pid


def test_k01_a_call_brings_the_reply_and_a_cast_nothing(journal):
    with Misbehaving.start(journal) as server:
        assert server.cast("one way") is None
        assert server.call("there and back") == "there and back"

    assert ("cast", "child", "one way") in journal.entries()


def test_k01_a_cast_to_a_name_that_nobody_has_does_not_fail(names, actor):
    assert names.via("nobody").cast("x") is None
    assert Address(actor.root, ("no", "such", "child")).cast("x") is None

    assert (names.address.system.dropped_casts, actor.system.dropped_casts) == (1, 1)


def test_k02_a_call_to_oneself_is_refused(actor, inside):
    error = inside(actor, actor.call, "x")

    assert isinstance(error, CallCycleError)
    assert error.cycle == ("actor", "actor")


def test_k02_a_call_that_is_not_answered_in_time_raises_a_timeout(actor):
    with pytest.raises(CallTimeoutError) as caught:
        actor.call(("hold",), timeout=0.01)
    assert (caught.value.target, caught.value.timeout) == ("actor", 0.01)


def test_k02_a_call_to_a_dead_actor_says_why_it_ended(actor):
    """OTP says only that there is no such process; a Pid here remembers the reason."""
    pid = actor.pid
    actor.stop(Shutdown("why"))

    for target in (actor, pid):
        with pytest.raises(ActorExitedError) as caught:
            target.call("x")
        assert caught.value.reason == Shutdown("why")


def test_k02_a_call_to_a_name_that_nobody_has_finds_no_process(names, actor):
    for unknown in (names.via("nobody"), Address(actor.root, ("no such child",))):
        with pytest.raises(ActorExitedError) as caught:
            unknown.call("x")
        assert (caught.value.target, caught.value.reason) == (unknown.name, NO_PROCESS)


def test_k03_no_late_reply_arrives_after_a_timeout_and_the_server_lives_on(journal, parent):
    entered, release, answered = threading.Event(), threading.Event(), Journal()

    class Slow(GenServer):
        def handle_call(self, message, sender):
            if message == "slow":
                entered.set()
                release.wait(CEILING_S)
                answered.add(sender.reply("late"))
            return message

    with Slow.start() as server:

        def call(_server, _sender):
            with pytest.raises(CallTimeoutError):
                server.call("slow", timeout=0.01)
            return "gave up"

        assert parent.call(("do", call)) == "gave up"
        entered.wait(CEILING_S)
        release.set()

        assert server.call("alive") == "alive"
        assert parent.call("anything queued was handled") == "anything queued was handled"
    assert answered.entries() == [False]
    assert journal.entries() == [("init", "parent")]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda pid: pid.kill(), KILLED),
        (lambda pid: pid.request_stop(SHUTDOWN), SHUTDOWN),
        (lambda pid: pid.cast(("raise", ValueError("x"))), Crash("ValueError", "x")),
        (lambda pid: pid.cast(("stop", NORMAL)), NORMAL),
        (lambda pid: pid.exit(Shutdown("signal")), Shutdown("signal")),
    ],
)
def test_k04_the_end_of_a_server_ends_a_call_without_a_limit_with_its_reason(actor, end, reason):
    pending = actor.call_async(("hold",))
    actor.call("it is held")

    end(actor.pid)

    with pytest.raises(ActorExitedError) as caught:
        pending.get(timeout=CEILING_S)
    assert (caught.value.target, caught.value.reason) == ("actor", reason)


def test_k05_a_handler_that_stops_with_a_reply_answers_before_terminate_runs():
    order, answered = Journal(), threading.Event()

    class Server(GenServer):
        def handle_call(self, message, sender):
            return Stop(NORMAL, reply="bye")

        def terminate(self, reason):
            answered.wait(CEILING_S)
            order.add(("terminate", reason))

    server = Server.start()
    order.add(server.call("stop"))
    answered.set()

    assert wait_exit(server) == NORMAL
    assert order.entries() == ["bye", ("terminate", NORMAL)]


@pytest.mark.parametrize("traps", [True, False])
def test_k06_a_shutdown_signal_of_the_parent_runs_terminate_whether_it_traps_exits_or_not(
    journal, parent, traps
):
    """In OTP a server that traps no exits ends without it; here a parent always asks for an orderly end."""
    _, pid = linked(parent, journal, "server", trap_exit=traps)

    parent.call(("do", lambda _server, _sender: pid.exit(SHUTDOWN)))

    assert wait_exit(pid) == SHUTDOWN
    assert journal.entries()[2] == ("terminate", "server", SHUTDOWN)


@pytest.mark.parametrize("reason", [SHUTDOWN, Shutdown("why"), Crash("ValueError", "x")])
def test_k06_a_signal_of_another_actor_does_not_run_terminate_of_a_server_that_traps_no_exits(
    journal, actor, inside, reason
):
    server = Misbehaving.start(journal, "server")
    pid = server.pid

    inside(actor, server.exit, reason)

    assert wait_exit(pid) == reason
    pid.join()
    assert journal.entries() == [("init", "server")]


def test_k07_a_parent_gets_the_error_and_the_exit_of_an_init_that_fails(journal, parent):
    def fail(_generation):
        raise ValueError("bad")

    error, pid = linked(parent, on_init=fail)
    parent.call("the exit was handled")

    bad = Crash("ValueError", "bad")
    assert isinstance(error, StartError)
    assert (error.child_id, error.reason) == ("Noted", bad)
    assert heard(journal, "parent") == [Exit(pid, bad)]


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("no licence")])
def test_k07_a_parent_gets_the_reason_of_an_init_that_stops(journal, parent, reason):
    error, pid = linked(parent, on_init=lambda _: Stop(reason))
    parent.call("the exit was handled")

    assert error.reason == reason
    assert heard(journal, "parent") == [Exit(pid, reason)]


def test_k07_an_init_that_ignores_is_a_start_error_with_a_normal_exit(journal, parent):
    """OTP returns `ignore`, which is no error; here `start_link` returns an address or raises."""
    error, pid = linked(parent, on_init=lambda _: IGNORE)

    assert error.reason == NORMAL
    journal.wait_for(("info", "parent", Exit(pid, NORMAL)))


def test_k07_a_name_that_is_taken_is_an_error_with_its_owner_and_no_exit(
    journal, names, actor, parent, inside
):
    via = names.via("server")
    inside(actor, names.register, "server", None)

    error = inside(parent, via.start_link, Misbehaving, journal, "second")
    parent.call("anything queued was handled")

    assert isinstance(error, NameTakenError)
    assert (error.key, error.owner) == ("server", actor.pid)
    assert journal.entries() == [("init", "parent")]


def test_k07_an_init_longer_than_the_start_timeout_is_killed_and_the_parent_gets_its_exit(journal, parent):
    release = threading.Event()

    error, pid = linked(parent, on_init=lambda _: release.wait(CEILING_S), start_timeout_s=0.01)
    parent.call("the exit was handled")
    release.set()

    assert error.reason == Crash("TimeoutError", "init took over 0.01 s")
    assert pid.exit_reason == KILLED
    assert heard(journal, "parent") == [Exit(pid, KILLED)]


def test_k16_a_cast_to_a_dead_server_does_not_fail(actor):
    pid = actor.pid
    actor.stop()

    assert actor.cast("x") is None
    assert pid.cast("x") is None
    assert actor.system.dropped_casts == 2
