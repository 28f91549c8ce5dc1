"""OTP's behaviour, rows H01 to H10: what only a DynamicSupervisor does."""

from __future__ import annotations

import inspect

import pytest

from supervisors import (
    IGNORE,
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    ChildNotFoundError,
    ChildSpecError,
    Crash,
    DynamicSupervisor,
    GenServer,
    Info,
    MaxChildrenError,
    Shutdown,
    StartError,
    Stop,
    SupervisorFlags,
    get_state,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import (
    BOOM,
    Gate,
    busy,
    child,
    children,
    counts,
    crash,
    end,
    stopping,
    watch,
)

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def pool():
    with DynamicSupervisor.start() as address:
        yield address


class Told(GenServer):
    """Answers with the arguments of its `init`."""

    def init(self, *args, **kwargs):
        self.arguments = args, kwargs

    def handle_call(self, _message, _sender):
        return self.arguments


def raising(error):
    def on_init(_generation):
        raise error

    return on_init


def test_h01_the_defaults_are_one_for_one_three_restarts_in_five_seconds_and_no_limit_of_children(pool):
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(DynamicSupervisor.init).parameters.items()
    }

    assert get_state(pool)["flags"] == SupervisorFlags(strategy="one_for_one", intensity=3, period=5)
    assert (defaults["max_children"], defaults["extra_arguments"]) == (None, ())


def test_h01_by_default_the_fourth_restart_in_five_seconds_is_one_too_many(journal):
    pool = DynamicSupervisor.start(system=ManualClock().system())
    a, b = (pool.start_child(spec) for spec in children(journal, "ab"))
    sibling = b.pid
    for _ in range(3):
        crash(a)
    assert b.pid is sibling

    a.cast(("raise", ValueError("boom")))
    assert wait_exit(pool) == SHUTDOWN


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("intensity", -1),
        ("period", 0),
        ("max_children", -1),
        ("max_children", "2"),
        ("max_children", True),
        ("extra_arguments", -1),
        ("extra_arguments", "text"),
    ],
)
def test_h02_a_limit_that_is_wrong_fails_the_start_and_is_named(option, value):
    with pytest.raises(StartError, match=f"{option} is {value!r}") as caught:
        DynamicSupervisor.start(**{option: value})
    assert caught.value.reason.error_type.endswith(ChildSpecError.__name__)


@pytest.mark.parametrize(
    ("option", "value"), [("strategy", "rest_for_one"), ("auto_shutdown", "any_significant")]
)
def test_h02_strategy_and_auto_shutdown_cannot_be_chosen(option, value):
    """Elixir takes the one value that makes sense of each; here there are no such options."""
    with pytest.raises(StartError, match=option):
        DynamicSupervisor.start(**{option: value})


@pytest.mark.parametrize("outcome", [42, {"max_children": 1}, SupervisorFlags()], ids=repr)
def test_h02_an_init_that_returns_something_else_is_told_what_is_allowed(outcome):
    class Odd(DynamicSupervisor):
        def init(self):
            return outcome

    with pytest.raises(StartError, match="allowed are None and IGNORE") as caught:
        Odd.start()
    assert caught.value.reason.error_type == "TypeError"


def test_h02_an_init_that_ignores_ends_normally():
    class Idle(DynamicSupervisor):
        def init(self):
            return IGNORE

    with pytest.raises(StartError) as caught:
        Idle.start()
    assert caught.value.reason == NORMAL


def test_h03_the_extra_arguments_come_before_those_of_the_spec():
    with DynamicSupervisor.start(extra_arguments=[1, 2]) as pool:
        assert pool.start_child(Told.child_spec(3, key=4)).call("arguments?") == ((1, 2, 3), {"key": 4})
        assert pool.start_child(Told.child_spec()).call("arguments?") == ((1, 2), {})


@pytest.mark.parametrize("wrong", [None, "a", Misbehaving, {"id": "a"}], ids=repr)
@pytest.mark.parametrize("verb", ["start_child", "start_child_async", "start_child_with_info"])
def test_h04_what_is_no_spec_is_refused_before_the_supervisor_is_looked_for(names, pool, verb, wrong):
    ended = DynamicSupervisor.start()
    ended.stop()

    with busy(pool):
        for supervisor in (pool, ended, names.via("nobody")):
            with pytest.raises(ChildSpecError, match="expected a ChildSpec"):
                getattr(supervisor, verb)(wrong)


def test_h04_a_right_spec_is_sent_and_meets_no_supervisor(names):
    with pytest.raises(ActorExitedError):
        names.via("nobody").start_child(Misbehaving.child_spec())


@pytest.mark.parametrize(
    "options",
    [{"restart": "sometimes"}, {"shutdown_s": -1}, {"type": "manager"}, {"id": ["a"]}, {"significant": 1}],
    ids=repr,
)
def test_h04_a_spec_with_a_wrong_field_cannot_be_made(options):
    with pytest.raises(ChildSpecError, match=next(iter(options))):
        Misbehaving.child_spec(**options)


def test_h05_a_start_that_succeeds_gives_the_address_and_the_information(pool):
    address, info = pool.start_child_with_info(Misbehaving.child_spec(on_init=lambda _: Info("extra")))
    plain = pool.start_child(Misbehaving.child_spec())

    assert (address.call("hello"), info) == ("hello", "extra")
    assert plain.call("hello") == "hello"
    assert counts(pool) == [2, 2, 0, 2]


def test_h05_a_start_that_is_ignored_gives_no_address_and_keeps_nothing(pool):
    """An ordinary supervisor keeps the spec; this one has no id by which it could be started later."""
    assert pool.start_child(Misbehaving.child_spec(on_init=lambda _: IGNORE)) is None
    assert counts(pool) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("on_init", "reason"),
    [
        (lambda _: Stop(Shutdown("found")), Shutdown("found")),
        (lambda _: Stop(NORMAL), NORMAL),
        (raising(ValueError("boom")), BOOM),
        (raising(SystemExit(3)), Crash("SystemExit", "3")),
        (raising(KeyboardInterrupt()), Crash("KeyboardInterrupt", "")),
    ],
    ids=["stop", "normal", "raise", "exit", "interrupt"],
)
def test_h05_a_start_that_fails_says_why_and_keeps_nothing(pool, on_init, reason):
    with pytest.raises(StartError) as caught:
        pool.start_child(Misbehaving.child_spec(on_init=on_init, id="a"))
    assert (caught.value.child_id, caught.value.reason) == ("a", reason)
    assert counts(pool) == [0, 0, 0, 0]


def test_h05_a_start_that_returns_something_else_is_told_what_is_allowed(pool):
    with pytest.raises(StartError, match="allowed are None, Continue") as caught:
        pool.start_child(Misbehaving.child_spec(on_init=lambda _: "unknown"))
    assert caught.value.reason.error_type == "TypeError"
    assert counts(pool) == [0, 0, 0, 0]


def test_h06_a_supervisor_for_no_children_refuses_the_first():
    with DynamicSupervisor.start(max_children=0) as pool:
        with pytest.raises(MaxChildrenError) as caught:
            pool.start_child(Misbehaving.child_spec())
        assert caught.value.max_children == 0
        assert counts(pool) == [0, 0, 0, 0]


def test_h07_a_child_that_was_restarted_still_counts_towards_the_limit(journal):
    with DynamicSupervisor.start(max_children=1) as pool:
        address = pool.start_child(child(journal, "a"))
        crash(address)
        with pytest.raises(MaxChildrenError, match="max_children=1"):
            pool.start_child(child(journal, "b"))

        pool.terminate_child(address)
        assert pool.start_child(child(journal, "b")).call("hello") == "hello"


def test_h07_a_child_that_is_being_restarted_counts_towards_the_limit(journal):
    gate = Gate()

    def slow_restart(generation):
        if generation == 2:
            gate.wait()

    with DynamicSupervisor.start(max_children=1) as pool:
        address = pool.start_child(child(journal, "a", on_init=slow_restart))
        old = address.pid
        address.cast(("raise", ValueError("boom")))
        gate.wait_entered()
        with pytest.raises(MaxChildrenError, match="max_children=1"):
            pool.start_child(child(journal, "b"))

        gate.open()
        assert wait_restarted(address, old).generation == 2


def test_h08_two_children_with_one_id_both_start_and_are_listed_without_it(pool, journal):
    first, second = (pool.start_child(child(journal, "same")) for _ in range(2))

    assert first != second
    assert [(known.id, known.pid) for known in pool.which_children()] == [
        (None, second.pid),
        (None, first.pid),
    ]
    assert counts(pool) == [2, 2, 0, 2]


def test_h09_all_are_asked_to_stop_at_once_and_the_longest_limit_is_the_time_it_takes(journal):
    """OTP has one timer for each distinct limit, here there is one for each child."""
    clock = ManualClock()
    pool = DynamicSupervisor.start(system=clock.system())
    gates = {name: Gate() for name in "abc"}
    started = {
        name: pool.start_child(
            child(journal, name, shutdown_s=limit, on_terminate=lambda _, gate=gates[name]: gate.wait())
        )
        for name, limit in (("a", 3), ("b", 1), ("c", 2))
    }
    downs = watch(**started, pool=pool)
    thread, _ = stopping(pool)
    for gate in gates.values():
        gate.wait_entered()
    clock.wait_armed(3)

    seen = []
    for name in "bca":
        clock.advance(1)
        downs.wait_for((name, KILLED))
        seen.append((name, KILLED))
        gates[name].open()
        assert downs.entries()[:3] == seen
    thread.join(CEILING_S)
    assert downs.entries() == [*seen, ("pool", SHUTDOWN)]
    assert clock.now() == 1000 + 3


@pytest.mark.parametrize("ignored", [2, 3], ids=["first try", "second try"])
def test_h10_a_child_that_ignores_its_restart_is_dropped(pool, journal, ignored):
    """As in Elixir; OTP's simple_one_for_one keeps an entry without an actor that counts as active."""

    def ignore(generation):
        if 1 < generation < ignored:
            raise OSError
        return IGNORE if generation == ignored else None

    address = pool.start_child(child(journal, "a", on_init=ignore))
    end(pool, address, BOOM)
    journal.wait_for(("init", "a"), times=ignored)
    with pytest.raises(ChildNotFoundError):
        pool.terminate_child(address)  # answered when the restart is over

    assert journal.entries().count(("init", "a")) == ignored
    assert counts(pool) == [0, 0, 0, 0]
