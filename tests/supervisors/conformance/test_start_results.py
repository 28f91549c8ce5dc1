"""OTP's behaviour, rows A05 to A12 and B13: how the start of one child can turn out.

`start_child` returns the address where OTP returns `{ok, Pid}`, None for `{ok, undefined}`, and raises a
`StartError` for `{error, Reason}`; `start_child_with_info` returns a `StartedChild` for `{ok, Pid, Info}`.
The rows about simple_one_for_one hold here for a DynamicSupervisor.
"""

from __future__ import annotations

import gc
import weakref
from itertools import count

import pytest

from supervisors import (
    IGNORE,
    SHUTDOWN,
    Continue,
    Crash,
    DynamicSupervisor,
    Info,
    Shutdown,
    StartedChild,
    StartError,
    Stop,
    Supervisor,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, fail_later, ignore_first, wait_restarted
from tests.supervisors.conformance._trees import child, counts

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def tree():
    with Supervisor.start([]) as address:
        yield address


@pytest.fixture
def pool():
    with DynamicSupervisor.start() as address:
        yield address


def listed(supervisor):
    return [(known.id, known.pid) for known in supervisor.which_children()]


def ignore_once():
    """Return an `on_init` that ignores the first start, whichever incarnation that is of whichever child."""
    starts = count(1)
    return lambda _: IGNORE if next(starts) == 1 else None


def test_a05_a_permanent_child_that_ignores_its_start_is_listed_without_an_actor(tree, journal):
    assert tree.start_child(child(journal, "child1", on_init=ignore_first)) is None
    second = tree.start_child(child(journal, "child2"))

    assert listed(tree) == [("child2", second.pid), ("child1", None)]
    assert counts(tree) == [2, 1, 0, 2]


def test_a06_a_temporary_child_of_the_list_that_ignores_its_start_is_not_listed(journal):
    ignoring = child(journal, "child1", on_init=ignore_first, restart="temporary")
    with Supervisor.start([ignoring, child(journal, "child2", restart="temporary")]) as tree:
        assert listed(tree) == [("child2", tree.child("child2").pid)]
        assert counts(tree) == [1, 1, 0, 1]


def test_a06_a_permanent_child_of_the_list_that_ignores_its_start_stays_listed(journal):
    with Supervisor.start([child(journal, "child1", on_init=ignore_first)]) as tree:
        assert listed(tree) == [("child1", None)]
        assert tree.restart_child("child1").call("hello") == "hello"


def test_a07_a_temporary_child_that_ignores_its_start_is_not_listed(tree, journal):
    assert tree.start_child(child(journal, "child1", on_init=ignore_first, restart="temporary")) is None
    second = tree.start_child(child(journal, "child2", restart="temporary"))

    assert listed(tree) == [("child2", second.pid)]
    assert counts(tree) == [1, 1, 0, 1]


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
def test_a08_a_dynamic_child_that_ignores_its_start_is_not_listed(pool, journal, restart):
    spec = child(journal, "child1", on_init=ignore_once(), restart=restart)

    assert pool.start_child(spec) is None
    second = pool.start_child(spec)

    assert listed(pool) == [(None, second.pid)]
    assert counts(pool) == [1, 1, 0, 1]


def test_a09_a_permanent_dynamic_child_that_ignored_its_start_does_not_disturb_the_stop(journal):
    pool = DynamicSupervisor.start()
    spec = child(journal, "child1", on_init=ignore_once())
    assert pool.start_child(spec) is None
    pool.start_child(spec)

    result = pool.stop()

    assert (result.reason, result.clean) == (SHUTDOWN, True)
    assert journal.entries()[-1] == ("terminate", "child1", SHUTDOWN)


STARTS_THAT_FAIL = [
    (lambda _: Stop(Shutdown("reason")), Shutdown("reason")),
    (
        lambda _: "error_reason",
        Crash(
            "TypeError",
            "Misbehaving.init returned 'error_reason'; "
            "allowed are None, Continue, Timeout, Info, IGNORE and Stop",
        ),
    ),
]


@pytest.mark.parametrize(("on_init", "reason"), STARTS_THAT_FAIL)
def test_a10_a_start_that_fails_says_which_child_and_why_and_keeps_nothing(tree, journal, on_init, reason):
    with pytest.raises(StartError) as caught:
        tree.start_child(child(journal, "child1", on_init=on_init))

    assert (caught.value.child_id, caught.value.reason) == ("child1", reason)
    assert listed(tree) == []
    assert counts(tree) == [0, 0, 0, 0]


@pytest.mark.parametrize(("on_init", "reason"), STARTS_THAT_FAIL)
def test_a11_a_start_of_a_dynamic_child_that_fails_says_why_and_keeps_nothing(pool, journal, on_init, reason):
    """The error names the id of the spec, which simple_one_for_one leaves out."""
    with pytest.raises(StartError) as caught:
        pool.start_child(child(journal, "child1", on_init=on_init))

    assert (caught.value.child_id, caught.value.reason) == ("child1", reason)
    assert listed(pool) == []
    assert counts(pool) == [0, 0, 0, 0]


def test_a12_a_restart_by_request_that_fails_keeps_the_child_without_an_actor(journal):
    with Supervisor.start([child(journal, "child1", on_init=fail_later)]) as tree:
        tree.terminate_child("child1")

        with pytest.raises(StartError) as caught:
            tree.restart_child("child1")

        assert caught.value.reason == Crash("RuntimeError", "does not start again")
        assert listed(tree) == [("child1", None)]
        assert counts(tree) == [1, 0, 0, 1]


def told(generation):
    """Return, as `init` does, what there is to say about this incarnation."""
    return Info(f"start {generation}")


def test_b13_what_a_child_says_at_its_start_is_handed_to_whoever_started_it(tree, journal):
    started = tree.start_child_with_info(child(journal, "a", on_init=told))

    assert started == StartedChild(tree.child("a"), "start 1")
    assert started.address.call("hello") == "hello"


def test_b13_what_a_child_says_at_a_restart_by_request_is_handed_to_whoever_asked(tree, journal):
    tree.start_child(child(journal, "a", on_init=told))
    tree.terminate_child("a")

    assert tree.restart_child_with_info("a") == StartedChild(tree.child("a"), "start 2")


def test_b13_a_child_that_says_something_is_restarted_by_itself_like_any_other(tree, journal):
    address, _ = tree.start_child_with_info(child(journal, "a", on_init=told))
    old = address.pid
    address.cast(("raise", ValueError()))

    assert wait_restarted(address, old).generation == 2
    assert address.call("hello") == "hello"


def test_b13_who_does_not_ask_for_the_information_gets_the_address(tree, journal):
    address = tree.start_child(child(journal, "a", on_init=told))
    assert address == tree.child("a")
    tree.terminate_child("a")

    assert tree.restart_child("a") == address


def test_b13_a_dynamic_child_says_something_too_and_a_future_can_hold_it(pool, journal):
    first = pool.start_child_with_info(child(journal, "a", on_init=told))
    second = pool.start_child_with_info_async(child(journal, "a", on_init=told)).get(timeout=CEILING_S)

    assert [first.info, second.info] == ["start 1", "start 1"]
    assert [first.address.call(1), second.address.call(2)] == [1, 2]


@pytest.mark.parametrize(
    ("outcome", "info"),
    [(None, None), (Continue("later"), None), (Info("both", Continue("later")), "both")],
)
def test_b13_a_child_that_says_nothing_or_goes_on_later_is_started_all_the_same(tree, outcome, info):
    class Server(Misbehaving):
        def init(self):
            super().init()
            self.term = None
            return outcome

        def handle_continue(self, term):
            self.term = term

    started = tree.start_child_with_info(Server.child_spec(id="a"))

    assert started.info == info
    goes_on = "later" if outcome is not None else None
    assert started.address.call(("do", lambda server, _: server.term)) == goes_on


def test_b13_a_child_that_ignores_its_start_has_neither_address_nor_information(tree, pool, journal):
    for supervisor in (tree, pool):
        spec = child(journal, "a", on_init=ignore_once())
        assert supervisor.start_child_with_info(spec) == StartedChild(None, None)


class Large:
    """Something that a weak reference can watch."""


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize("verb", ["start_child", "start_child_with_info"])
def test_b13_nobody_keeps_the_information_once_it_is_handed_over(journal, kind, verb):
    watched = []

    def say_something_large(_):
        large = Large()
        watched.append(weakref.ref(large))
        return Info(large)

    with kind.start() as supervisor:
        started = getattr(supervisor, verb)(child(journal, "a", on_init=say_something_large))
        address = started.address if verb == "start_child_with_info" else started
        del started
        old = address.pid
        address.cast(("raise", ValueError()))
        wait_restarted(address, old)
        assert address.call("init is through") == "init is through"
        assert supervisor.count_children().active == 1
        gc.collect()

        assert [large() for large in watched] == [None, None]
