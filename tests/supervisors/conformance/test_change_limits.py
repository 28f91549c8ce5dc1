"""OTP's behaviour, rows G03 and G04: other limits for a DynamicSupervisor that runs."""

from __future__ import annotations

import pytest

from supervisors import (
    IGNORE,
    SHUTDOWN,
    Backoff,
    ChildSpecError,
    DynamicSupervisor,
    MaxChildrenError,
    SupervisorFlags,
    SupervisorInit,
    change_code,
    get_state,
    resume,
    suspend,
)
from supervisors.testing import Journal, Misbehaving, wait_exit
from tests.supervisors.conformance._trees import child, crash

pytestmark = pytest.mark.usefixtures("quiet")


class Pool(DynamicSupervisor):
    """A supervisor whose `init` reads something that changes: limits, or what it returns."""

    def init(self, plan):
        now = plan[0]
        if isinstance(now, dict):
            return super().init(**now)
        super().init(max_children=7, extra_arguments=("odd",))
        return now


@pytest.fixture
def plan():
    return [{"max_children": 2, "intensity": 5}]


@pytest.fixture
def pool(plan):
    with Pool.start(plan) as address:
        yield address


@pytest.fixture
def journal():
    return Journal()


def fill(pool):
    """Start children until the supervisor is full; return how many there are then."""
    for _ in range(10):
        try:
            pool.start_child(Misbehaving.child_spec())
        except MaxChildrenError:
            return pool.count_children().specs
    return None


def by_reinit(pool, plan, new):
    plan[0] = new
    pool.reinit()


def by_change_code(pool, plan, new):
    plan[0] = new
    suspend(pool)
    change_code(pool, type("Newer", (Pool,), {}))
    resume(pool)


WAYS = [by_reinit, by_change_code]


@pytest.mark.parametrize("way", WAYS)
def test_g03_an_init_with_another_result_is_taken_over(pool, plan, way):
    """The row changes the one spec of a simple_one_for_one; here each child brings its own: limits change."""
    way(pool, plan, {"max_children": 3})

    assert fill(pool) == 3
    assert get_state(pool)["flags"] == SupervisorFlags()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "outcome", [SupervisorInit(SupervisorFlags(), ()), [Misbehaving.child_spec()] * 2, 42], ids=type
)
def test_g03_a_list_of_specs_is_no_result_and_changes_nothing(pool, plan, way, outcome):
    with pytest.raises(TypeError, match="allowed are None and IGNORE"):
        way(pool, plan, outcome)

    resume(pool)  # in change_code the error comes before
    assert pool.start_child(Misbehaving.child_spec()).call(("do", lambda actor, _: actor.name)) == "child"
    assert fill(pool) == 2
    assert get_state(pool)["flags"].intensity == 5


def test_g03_there_are_no_specs_to_change_in_a_dynamic_supervisor(pool, journal):
    with pytest.raises(TypeError, match="a DynamicSupervisor does not understand ChangeSpecsRequest"):
        pool.change_specs([child(journal, "a")])

    assert fill(pool) == 2


@pytest.mark.parametrize("way", WAYS)
def test_g03_an_init_that_ignores_changes_nothing_and_is_no_error(pool, plan, way):
    way(pool, plan, IGNORE)

    assert fill(pool) == 2


def test_g04_a_child_beyond_the_new_limit_stays_and_no_other_is_started(journal):
    with DynamicSupervisor.start() as pool:
        kept = pool.start_child(child(journal, "a"))
        pid = kept.pid

        pool.reinit(max_children=1)

        assert kept.pid is pid
        with pytest.raises(MaxChildrenError, match="max_children=1"):
            pool.start_child(child(journal, "b"))
        assert crash(kept).generation == 2
        assert journal.entries().count(("init", "b")) == 0


def test_g04_more_children_than_the_new_limit_all_stay(journal):
    with DynamicSupervisor.start() as pool:
        running = [pool.start_child(child(journal, name)) for name in "abc"]

        pool.reinit(max_children=2)

        assert [address.call("hello") for address in running] == ["hello"] * 3
        pool.terminate_child(running[0])
        assert fill(pool) == 2


def test_g04_the_new_intensity_counts_the_restarts_so_far(journal):
    pool = DynamicSupervisor.start(intensity=5, period=3600)
    address = pool.start_child(child(journal, "a"))
    crash(address)

    pool.reinit(intensity=1, period=3600)
    address.cast(("raise", ValueError()))

    assert wait_exit(pool) == SHUTDOWN


def test_g04_limits_that_are_left_out_get_their_defaults():
    with DynamicSupervisor.start(max_children=1, intensity=9, backoff=Backoff()) as pool:
        pool.reinit(intensity=4)

        assert get_state(pool)["flags"] == SupervisorFlags(intensity=4)
        for _ in range(3):
            pool.start_child(Misbehaving.child_spec())


def test_g04_an_init_that_sets_no_limits_this_time_leaves_the_defaults(journal):
    class Once(DynamicSupervisor):
        def init(self, first):
            if first:
                super().init(max_children=1, intensity=9, extra_arguments=(journal, "extra"))

    with Once.start(True) as pool:
        assert fill(pool) == 1

        pool.reinit(False)

        assert get_state(pool)["flags"] == SupervisorFlags()
        journal.clear()
        pool.start_child(child(journal, "a"))
        assert journal.entries() == [("init", "a")]


def test_g04_new_extra_arguments_are_for_new_children_only(journal):
    def name(address):
        return address.call(("do", lambda actor, _: actor.name))

    with DynamicSupervisor.start(extra_arguments=(journal, "old")) as pool:
        first = pool.start_child(Misbehaving.child_spec())
        pool.reinit(extra_arguments=(journal, "new"))
        second = pool.start_child(Misbehaving.child_spec())
        for address in (first, second):
            crash(address)

        assert (name(first), name(second)) == ("old", "new")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_children": -1}, "max_children is -1"),
        ({"intensity": -1}, "intensity is -1"),
        ({"period": 0}, "period is 0"),
        ({"extra_arguments": 1}, "extra_arguments is 1"),
        ({"backoff": 1}, "backoff is 1"),
        ({"max_abandoned": -1}, "max_abandoned is -1"),
        ({"auto_shutdown": "any_significant"}, "auto_shutdown is 'any_significant'"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_g04_a_limit_that_is_wrong_is_refused_and_changes_nothing(pool, plan, way, limits, message):
    with pytest.raises(ChildSpecError, match=message):
        way(pool, plan, {"max_children": 9} | limits)

    resume(pool)  # in change_code the error comes before
    assert fill(pool) == 2
    assert get_state(pool)["flags"].intensity == 5


def test_g04_a_limit_that_does_not_exist_is_refused_and_changes_nothing():
    with DynamicSupervisor.start(max_children=2) as pool:
        with pytest.raises(TypeError, match="most_children"):
            pool.reinit(most_children=1)

        assert fill(pool) == 2
