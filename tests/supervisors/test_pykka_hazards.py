"""What goes wrong with bare pykka actors, each shown to be cured or out of reach.

The letters are those of the list of observations: F for pykka's facts, R for its races.
"""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref

import pykka
import pytest

from supervisors import (
    NORMAL,
    ActorExitedError,
    CallCycleError,
    CallTimeoutError,
    Crash,
    Refuse,
    StartError,
    Supervisor,
)
from supervisors.testing import Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def server(journal):
    with Misbehaving.start(journal) as address:
        yield address


def test_f1_a_failing_cast_ends_the_actor_after_its_terminate_hook(server, journal):
    server.cast(("raise", ValueError("x")))

    assert wait_exit(server) == Crash("ValueError", "x")
    assert journal.entries() == [("init", "child"), ("terminate", "child", Crash("ValueError", "x"))]


def test_f2_a_failing_call_gives_the_caller_the_error_and_ends_the_actor(server):
    with pytest.raises(ValueError, match="x"):
        server.call(("raise", ValueError("x")))

    assert wait_exit(server) == Crash("ValueError", "x")


def test_f2_a_caller_that_has_the_error_finds_the_actor_closed(server):
    with pytest.raises(ValueError, match="x"):
        server.call(("raise", ValueError("x")))

    with pytest.raises(ActorExitedError) as caught:
        server.call("again")
    assert caught.value.reason == Crash("ValueError", "x")


def test_f2_a_refusal_gives_the_caller_the_error_and_leaves_the_actor_alive(server):
    with pytest.raises(KeyError):
        server.call(("raise", Refuse(KeyError("no such thing"))))

    assert server.call("still here") == "still here"


def test_f3_proxies_are_refused_instead_of_calling_methods_behind_the_handlers_back(server):
    ref = server.call(("do", lambda actor, _: actor.actor_ref))

    with pytest.raises(TypeError, match="proxies are not supported"):
        ref.ask(pykka.messages.ProxyGetAttr(("pid",)))


def test_f4_a_start_that_fails_is_seen_by_the_starter():
    def fail(_):
        raise ValueError("no")

    with pytest.raises(StartError) as caught:
        Misbehaving.start(on_init=fail)
    assert caught.value.reason == Crash("ValueError", "no")


def test_f4_the_starter_goes_on_only_after_init_is_through(journal):
    with Misbehaving.start(journal, on_init=lambda _: journal.add("ready") or None):
        assert journal.entries() == [("init", "child"), "ready"]


def test_f5_a_constructor_that_raises_leaves_nothing_behind():
    class Broken(Misbehaving):
        def __init__(self, boot):
            raise ValueError("no")

    before = threading.active_count()
    with pytest.raises(ValueError, match="no"):
        Broken.start()
    with pytest.raises(StartError):
        Supervisor.start([Broken.child_spec(id="a")])

    assert threading.active_count() <= before + 1


def test_f6_a_terminate_that_raises_shows_in_the_exit_reason(journal):
    def fail(_):
        raise OSError("disk full")

    address = Misbehaving.start(journal, on_terminate=fail)

    assert address.stop().reason == Crash("OSError", "disk full")


def test_f7_a_stop_does_not_wait_behind_queued_messages(server, journal):
    entered, release = threading.Event(), threading.Event()
    server.cast(("block", entered, release))
    entered.wait(5)
    for number in range(100):
        server.cast(number)
    waiting = server.call_async("queued")
    pid = server.pid

    pid.request_stop(NORMAL)
    release.set()

    assert wait_exit(pid) == NORMAL
    assert not [entry for entry in journal.entries() if entry[0] == "cast"]
    with pytest.raises(ActorExitedError):
        waiting.get(timeout=5)


def test_f7_stopping_twice_is_quiet(server):
    server.stop()

    assert server.stop().clean


def test_f8_a_reply_after_the_timeout_is_dropped(server):
    entered, release = threading.Event(), threading.Event()

    with pytest.raises(CallTimeoutError):
        server.call(("block", entered, release), timeout=0)

    release.set()
    assert server.call("next") == "next"


def test_f9_a_call_to_itself_is_refused_and_not_even_sent(server):
    with pytest.raises(CallCycleError, match="Misbehaving -> Misbehaving"):
        server.call(("do", lambda actor, _: actor.address.call("me", timeout=None)))


def test_f10_a_call_that_closes_a_cycle_is_refused():
    with Misbehaving.start(name="a") as a, Misbehaving.start(name="b") as b, Misbehaving.start(name="c") as c:

        def ask_around(*_):
            return b.call(("do", ask_c), timeout=None)

        def ask_c(*_):
            return c.call(("do", back_to_a), timeout=None)

        def back_to_a(*_):
            return a.call("closes the cycle", timeout=None)

        with pytest.raises(CallCycleError) as caught:
            a.call(("do", ask_around), timeout=None)

    assert caught.value.cycle == ("c", "a", "b", "c")


def test_f10_a_reply_ends_the_waiting_so_the_other_way_round_is_no_cycle():
    with Misbehaving.start(name="a") as a, Misbehaving.start(name="b") as b:
        back = Journal()

        def answer_then_ask(_, sender):
            sender.reply("early")
            back.add(a.call("now the other way"))

        assert a.call(("do", lambda *_: b.call(("do", answer_then_ask)))) == "early"
        back.wait_for("now the other way")


def test_f10_waiting_for_a_future_counts_like_a_call(server):
    with pytest.raises(CallCycleError):
        server.call(("do", lambda actor, _: actor.address.call_async("me").get()))


def test_f11_a_stop_with_a_limit_fences_a_stuck_actor_off_and_says_so(journal):
    entered, release = threading.Event(), threading.Event()
    server = Misbehaving.start(journal)
    server.system.kill_grace_s = 0
    server.cast(("block", entered, release))
    entered.wait(5)
    thread = server.pid.thread

    result = server.stop(timeout=0)

    assert (result.killed, result.clean) == (True, False)
    assert [record.thread for record in result.abandoned] == [thread.name]
    with pytest.raises(ActorExitedError):
        server.call("x")
    release.set()
    thread.join(5)
    assert server.system.abandoned.records() == ()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
@pytest.mark.parametrize("verb", ["call", "cast"])
def test_f14_any_exception_in_one_handler_ends_that_actor_only(error, verb, journal):
    ours = Misbehaving.start(journal)
    stock = pykka.ThreadingActor
    bystander = type("Bystander", (stock,), {"use_daemon_thread": True}).start()
    with Misbehaving.start() as other:
        if verb == "call":
            with pytest.raises(type(error)):
                ours.call(("raise", error))
        else:
            ours.cast(("raise", error))

        assert wait_exit(ours).error_type == type(error).__name__
        assert other.call("alive") == "alive"
        assert bystander.is_alive()
    bystander.stop()


def test_f14_a_stock_actor_that_stops_all_actors_does_not_reach_ours(server):
    class Bomb(pykka.ThreadingActor):
        use_daemon_thread = True

        def on_receive(self, message):
            raise SystemExit

    bomb = Bomb.start()
    bomb.tell("tick")
    bomb.actor_stopped.wait(5)
    pykka.ActorRegistry.stop_all()

    assert server.call("alive") == "alive"


def test_f15_an_address_that_was_dropped_does_not_keep_a_dead_actors_state_alive():
    class State:
        pass

    state = State()
    gone = weakref.ref(state)
    server = Misbehaving.start()
    server.call(("do", lambda actor, _, held=state: setattr(actor, "state", held)))
    del state
    pid = server.pid

    server.stop()
    gc.collect()

    assert gone() is None
    assert not pid.alive


def test_f16_no_public_name_hands_out_a_ref_or_a_proxy(server):
    assert not any(
        isinstance(getattr(thing, name, None), pykka.ActorRef | pykka.ActorProxy)
        for thing in (server, server.pid)
        for name in dir(thing)
        if not name.startswith("__")
    )


def test_f18_a_stuck_actor_does_not_keep_the_interpreter_from_ending():
    program = (
        "import threading\n"
        "from supervisors.testing import Misbehaving\n"
        "entered = threading.Event()\n"
        "Misbehaving.start().cast(('block', entered, threading.Event()))\n"
        "entered.wait(5)\n"
    )

    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


def test_r3_stopping_many_goes_on_past_one_that_is_stuck(journal):
    entered, release = threading.Event(), threading.Event()
    stuck = Misbehaving.child_spec(journal, "stuck", id="stuck", shutdown_s=0)
    tree = Supervisor.start([Misbehaving.child_spec(journal, "first", id="first"), stuck])
    tree.system.kill_grace_s = 0
    tree.child("stuck").cast(("block", entered, release))
    entered.wait(5)

    result = tree.stop()

    assert [record.id for record in result.abandoned] == ["Supervisor/stuck"]
    assert ("terminate", "first", result.reason) in journal.entries()
    release.set()


def test_r4_a_cast_to_a_dead_actor_is_dropped_and_counted(server):
    server.stop()

    server.cast("into the void")

    assert server.system.dropped_casts == 1


def test_r5_a_cast_never_blocks_however_many_are_queued(server):
    entered, release = threading.Event(), threading.Event()
    server.cast(("block", entered, release))
    entered.wait(5)

    for number in range(10_000):
        server.cast(number)

    release.set()
    assert server.call("through", timeout=None) == "through"


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), ValueError()])
def test_r6_any_exception_in_init_ends_the_start_and_nothing_hangs(error):
    def fail(_):
        raise error

    with pytest.raises(StartError) as caught:
        Misbehaving.start(on_init=fail)
    assert caught.value.reason.error_type == type(error).__name__


def test_stopping_through_pykkas_own_ref_is_an_orderly_end(journal):
    server = Misbehaving.start(journal)
    ref = server.call(("do", lambda actor, _: actor.actor_ref))
    pid = server.pid

    assert ref.stop() is True
    assert ref.stop() is False
    assert wait_exit(pid) == NORMAL
    assert ("terminate", "child", NORMAL) in journal.entries()
    assert not ref.is_alive()


def test_asking_through_pykkas_own_ref_is_a_call(server):
    ref = server.call(("do", lambda actor, _: actor.actor_ref))
    ref.tell("as a cast")

    assert ref.ask("hello") == "hello"
    assert ref.ask("hello", block=False).get(timeout=5) == "hello"
