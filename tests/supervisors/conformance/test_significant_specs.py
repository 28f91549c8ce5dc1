"""OTP's behaviour, row B17: which children may be significant under which supervisor."""

from __future__ import annotations

from itertools import product

import pytest

from supervisors import (
    AutoShutdown,
    ChildSpecError,
    StartError,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors.testing import Misbehaving

pytestmark = pytest.mark.usefixtures("quiet")

MODES = [mode.value for mode in AutoShutdown]
COMBINATIONS = list(product(["permanent", "transient", "temporary", None], [True, False], MODES))


def is_allowed(restart, significant, mode):
    return not significant or (restart in ("transient", "temporary") and mode != "never")


def make(restart, significant):
    options = {} if restart is None else {"restart": restart}
    return Misbehaving.child_spec(id="a", significant=significant, **options)


@pytest.mark.parametrize(
    ("restart", "significant", "mode"), [row for row in COMBINATIONS if is_allowed(*row)]
)
def test_b17_every_other_combination_of_restart_significant_and_auto_shutdown_is_valid(
    restart, significant, mode
):
    spec, flags = make(restart, significant), SupervisorFlags(auto_shutdown=mode)

    assert SupervisorInit(flags, (spec,)).children == (spec,)
    with Supervisor.start([], auto_shutdown=mode) as tree:
        assert tree.start_child(spec).call("hello") == "hello"
        tree.change_specs([spec])
        assert tree.get_childspec("a").significant is significant


@pytest.mark.parametrize("restart", ["permanent", None])
def test_b17_a_significant_permanent_child_is_refused_and_both_options_are_named(restart):
    with pytest.raises(ChildSpecError, match=r"'a' has significant=True and restart='permanent'"):
        make(restart, significant=True)


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_b17_a_significant_child_under_never_is_refused_and_both_options_are_named(restart):
    spec = make(restart, significant=True)
    message = r"'a' has significant=True under auto_shutdown='never'"

    with pytest.raises(StartError, match=message) as caught:
        Supervisor.start([spec])
    assert caught.value.reason.error_type.endswith(ChildSpecError.__name__)
    with Supervisor.start([]) as tree:
        for request in (tree.start_child, lambda spec: tree.change_specs([spec])):
            with pytest.raises(ChildSpecError, match=message):
                request(spec)
        assert tree.which_children() == ()
    with pytest.raises(ChildSpecError, match=message):
        SupervisorInit(SupervisorFlags(), (spec,))


@pytest.mark.parametrize("wrong", ["maybe", 1, None])
def test_b17_significant_is_yes_or_no_and_nothing_else(wrong):
    with pytest.raises(ChildSpecError, match="it must be True or False"):
        make("transient", wrong)
