"""The rules of OTP's supervisor, as a table: no thread, no clock, no sleep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import AutoShutdown, Restart, Strategy
from supervisors._intensity import RestartWindow
from supervisors._plan import (
    ForgetChild,
    GiveUp,
    Member,
    Plan,
    RestartLater,
    ShutDown,
    StartChild,
    StopChild,
    on_child_exit,
    on_restart,
    restart_actions,
)

A, B, C = Member("a"), Member("b"), Member("c")
WINDOW = RestartWindow(intensity=3, period=5)


def plan_for(*members, exited="b", **options):
    defaults = {"abnormal": True, "strategy": Strategy.ONE_FOR_ONE, "window": WINDOW, "now": 100.0}
    return on_child_exit(members, exited, **(defaults | options))


@pytest.mark.parametrize(
    ("strategy", "actions"),
    [
        (Strategy.ONE_FOR_ONE, (StartChild("b"),)),
        (Strategy.REST_FOR_ONE, (StopChild("c"), StartChild("b"), StartChild("c"))),
        (
            Strategy.ONE_FOR_ALL,
            (StopChild("c"), StopChild("a"), StartChild("a"), StartChild("b"), StartChild("c")),
        ),
    ],
)
def test_the_strategy_decides_which_siblings_restart_in_which_order(strategy, actions):
    assert plan_for(A, B, C, strategy=strategy).actions == actions


@pytest.mark.parametrize(
    ("restart", "abnormal", "actions"),
    [
        (Restart.PERMANENT, True, (StartChild("b"),)),
        (Restart.PERMANENT, False, (StartChild("b"),)),
        (Restart.TRANSIENT, True, (StartChild("b"),)),
        (Restart.TRANSIENT, False, ()),
        (Restart.TEMPORARY, True, (ForgetChild("b"),)),
        (Restart.TEMPORARY, False, (ForgetChild("b"),)),
    ],
)
def test_the_restart_type_decides_what_an_exit_leads_to(restart, abnormal, actions):
    assert plan_for(Member("b", restart), abnormal=abnormal).actions == actions


def test_exits_that_lead_to_no_restart_do_not_count():
    assert plan_for(Member("b", Restart.TEMPORARY)).window == WINDOW
    assert plan_for(Member("b", Restart.TRANSIENT), abnormal=False).window == WINDOW


def test_one_incident_counts_once_however_many_siblings_restart():
    assert plan_for(A, B, C, strategy=Strategy.ONE_FOR_ALL).window.count == 1


def test_the_incident_beyond_the_intensity_gives_up():
    full = RestartWindow(3, 5, ((98, 1), (96, 2)))

    assert plan_for(B, window=full).actions == (GiveUp(),)


def test_incidents_older_than_the_window_are_forgotten():
    window = RestartWindow(3, 5, ((98, 1), (97, 1), (90, 5)))

    assert plan_for(B, window=window) == Plan(
        (StartChild("b"),), RestartWindow(3, 5, ((100, 1), (98, 1), (97, 1)))
    )


def test_a_temporary_sibling_stopped_for_the_group_is_forgotten():
    temporary = Member("c", Restart.TEMPORARY)

    plan = plan_for(A, B, temporary, strategy=Strategy.REST_FOR_ONE)

    assert plan.actions == (StopChild("c"), ForgetChild("c"), StartChild("b"))


def test_a_start_that_failed_is_tried_again_by_the_same_strategy_and_counted():
    plan = on_restart((A, B, C), "b", strategy=Strategy.REST_FOR_ONE, window=WINDOW, now=100)

    assert plan.actions == (StopChild("c"), StartChild("b"), StartChild("c"))
    assert plan.window.seconds == ((100, 1),)


NEVER, ANY, ALL = AutoShutdown
OTHER = Member("other", Restart.TRANSIENT, significant=True)
ENDED = Member("ended", Restart.TRANSIENT, significant=True, active=False)


@pytest.mark.parametrize(
    ("auto_shutdown", "significant", "siblings", "shuts_down"),
    [
        (NEVER, True, (), False),  # left over from a change of the flags
        (NEVER, False, (), False),
        (ANY, False, (), False),
        (ANY, True, (), True),
        (ANY, True, (OTHER,), True),
        (ALL, False, (), False),
        (ALL, False, (ENDED,), False),
        (ALL, True, (), True),
        (ALL, True, (A, C), True),  # those that are not significant do not matter
        (ALL, True, (ENDED,), True),
        (ALL, True, (OTHER,), False),  # runs, or is being restarted
        (ALL, True, (ENDED, OTHER), False),
    ],
)
@pytest.mark.parametrize("restart", [Restart.TEMPORARY, Restart.TRANSIENT])
def test_the_end_of_a_significant_child_shuts_down_as_the_flag_says(
    auto_shutdown, significant, siblings, shuts_down, restart
):
    child = Member("b", restart, significant)

    plan = plan_for(*siblings, child, abnormal=False, auto_shutdown=auto_shutdown)

    forgotten = (ForgetChild("b"),) if restart is Restart.TEMPORARY else ()
    assert plan.actions == (*forgotten, *((ShutDown(),) if shuts_down else ()))
    assert plan.window == WINDOW


@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
def test_the_crash_of_a_significant_child_counts_only_when_it_is_not_restarted(auto_shutdown):
    transient, temporary = (
        plan_for(Member("b", restart, significant=True), abnormal=True, auto_shutdown=auto_shutdown)
        for restart in (Restart.TRANSIENT, Restart.TEMPORARY)
    )

    assert transient.actions == (StartChild("b"),)
    assert (ShutDown() in temporary.actions) is (auto_shutdown is not NEVER)


def test_a_sibling_that_is_stopped_for_the_group_shuts_nothing_down():
    temporary = Member("c", Restart.TEMPORARY, significant=True)

    plan = plan_for(A, B, temporary, strategy=Strategy.ONE_FOR_ALL, auto_shutdown=ANY)

    assert ShutDown() not in plan.actions


def test_a_delayed_plan_stops_the_group_now_and_starts_nothing():
    temporary = Member("c", Restart.TEMPORARY)
    plan = plan_for(A, B, temporary, strategy=Strategy.ONE_FOR_ALL)

    delayed = plan.delayed("b", 2.5)

    assert delayed.actions == (StopChild("c"), ForgetChild("c"), StopChild("a"), RestartLater("b", 2.5))
    assert delayed.window == plan.window
    assert (plan.restarts, delayed.restarts, plan_for(temporary, exited="c").restarts) == (True, False, False)


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_done_after_a_delay_is_what_would_have_been_done_at_once(strategy):
    members = (A, B, C)

    assert restart_actions(members, "b", strategy=strategy) == plan_for(*members, strategy=strategy).actions


def test_a_child_whose_new_spec_is_temporary_is_still_restarted_once():
    """Its restart was decided under the old spec, as in OTP, which looks at the type at an exit only."""
    child = Member("b", Restart.TEMPORARY)

    assert restart_actions((A, child), "b", strategy=Strategy.ONE_FOR_ONE) == (StartChild("b"),)


def test_the_exit_of_an_unknown_child_names_the_known_ones():
    with pytest.raises(LookupError, match=r"no child 'x'; children are \['b'\]"):
        plan_for(B, exited="x")


MEMBERS = st.lists(st.sampled_from(Restart), min_size=1, max_size=8).map(
    lambda kinds: [Member(position, kind) for position, kind in enumerate(kinds)]
)


@given(MEMBERS, st.sampled_from(Strategy), st.booleans(), st.data())
def test_every_plan_stops_backwards_and_starts_forwards_and_leaves_nobody_down(
    members, strategy, abnormal, data
):
    exited = data.draw(st.integers(0, len(members) - 1))

    plan = plan_for(*members, exited=exited, abnormal=abnormal, strategy=strategy)

    stops = [action.id for action in plan.actions if isinstance(action, StopChild)]
    starts = [action.id for action in plan.actions if isinstance(action, StartChild)]
    forgotten = {action.id for action in plan.actions if isinstance(action, ForgetChild)}
    assert stops == sorted(stops, reverse=True)
    assert starts == sorted(starts)
    assert exited not in stops
    assert forgotten == {m.id for m in members if m.restart is Restart.TEMPORARY} & ({*stops} | {exited})
    assert {*stops} <= {*starts} | forgotten
