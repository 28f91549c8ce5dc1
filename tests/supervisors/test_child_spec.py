"""Child specs: how `child_spec` makes them. What they may say is in conformance/test_child_specs.py."""

from __future__ import annotations

import math

import pytest

from supervisors import (
    ChildType,
    GenServer,
    Restart,
    Start,
    Strategy,
    Supervisor,
    SupervisorFlags,
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


@pytest.mark.parametrize("shutdown_s", [None, 0, 0.5, 1000, math.inf])
def test_both_sides_of_the_shutdown_range_are_accepted(shutdown_s):
    assert Server.child_spec(shutdown_s=shutdown_s).shutdown_s == shutdown_s
