"""The rules of OTP's supervisor, as a table: no thread, no clock, no sleep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import Restart, Strategy
from supervisors._intensity import RestartWindow
from supervisors._plan import (
    ForgetChild,
    GiveUp,
    Member,
    Plan,
    StartChild,
    StopChild,
    on_child_exit,
    on_restart,
)

A, B, C = Member("a"), Member("b"), Member("c")
WINDOW = RestartWindow(intensity=3, period=5)


def plan_for(*members, exited="b", abnormal=True, strategy=Strategy.ONE_FOR_ONE, window=WINDOW, now=100.0):
    return on_child_exit(members, exited, abnormal=abnormal, strategy=strategy, window=window, now=now)


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
