"""Child specs and flags: defaults, strings, and the errors that say what is allowed."""

from __future__ import annotations

import math

import pytest

from supervisors import (
    ChildSpec,
    ChildSpecError,
    ChildType,
    GenServer,
    Restart,
    Start,
    Strategy,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)


class Server(GenServer):
    pass


def test_a_worker_is_permanent_and_has_five_seconds_to_stop():
    spec = Server.child_spec()

    assert (spec.id, spec.restart, spec.type) == ("Server", Restart.PERMANENT, ChildType.WORKER)
    assert spec.shutdown_limit_s == 5


def test_a_supervisor_child_may_take_for_ever_to_stop():
    spec = Supervisor.child_spec([], id="sub")

    assert (spec.type, spec.shutdown_limit_s) == (ChildType.SUPERVISOR, math.inf)


def test_arguments_that_are_no_options_go_to_init():
    assert Server.child_spec(1, 2, id="a", port=3).start == Start(Server, (1, 2), {"port": 3})


def test_strings_are_accepted_for_the_enumerations():
    spec = Server.child_spec(restart="transient", type="supervisor")

    assert (spec.restart, spec.type) == (Restart.TRANSIENT, ChildType.SUPERVISOR)
    assert SupervisorFlags(strategy="rest_for_one").strategy is Strategy.REST_FOR_ONE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"restart": "sometimes"},
            "restart is 'sometimes'; allowed are 'permanent', 'transient', 'temporary'",
        ),
        ({"type": "boss"}, "type is 'boss'; allowed are 'worker', 'supervisor'"),
        ({"shutdown_s": -1}, "shutdown_s is -1; it must be None or a number of seconds >= 0"),
        ({"shutdown_s": math.nan}, "shutdown_s is nan"),
        ({"shutdown_s": True}, "shutdown_s is True"),
        ({"start_timeout_s": "5"}, "start_timeout_s is '5'"),
        ({"significant": True}, "significant is True; only False is supported"),
        ({"id": []}, r"id is \[\]; it must be hashable"),
        ({"start": Server}, r"it must be Start\(actor_class, args, kwargs\)"),
        ({"start": Start(int)}, "with an actor class"),
    ],
)
def test_a_wrong_field_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ChildSpecError, match=message):
        ChildSpec(**({"id": "a", "start": Start(Server)} | options))


@pytest.mark.parametrize("shutdown_s", [None, 0, 0.5, 1000, math.inf])
def test_both_sides_of_the_shutdown_range_are_accepted(shutdown_s):
    assert Server.child_spec(shutdown_s=shutdown_s).shutdown_s == shutdown_s


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"strategy": "all"}, "strategy is 'all'; allowed are 'one_for_one', 'one_for_all', 'rest_for_one'"),
        ({"intensity": -1}, "intensity is -1; it must be a whole number >= 0"),
        ({"intensity": 1.5}, "intensity is 1.5"),
        ({"period": 0}, "period is 0; it must be a whole number >= 1"),
        ({"period": True}, "period is True"),
    ],
)
def test_a_wrong_flag_is_refused_with_what_is_allowed(flags, message):
    with pytest.raises(ChildSpecError, match=message):
        SupervisorFlags(**flags)


def test_two_children_with_one_id_are_refused_before_anything_starts():
    with pytest.raises(ChildSpecError, match="two children have the id 'a'"):
        SupervisorInit(SupervisorFlags(), (Server.child_spec(id="a"), Server.child_spec(id="a")))


def test_something_that_is_no_spec_is_refused():
    with pytest.raises(ChildSpecError, match="expected ChildSpec"):
        SupervisorInit(SupervisorFlags(), (Server,))
