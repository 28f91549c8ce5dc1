"""OTP's behaviour, rows A13 to A17 and B14 to B16: what child specs and flags may say.

OTP checks the maps it is given when a supervisor sees them (`start_spec`, `supervisor_data`). Here a wrong
spec or flag cannot be made: its class raises a `ChildSpecError` that says what is allowed. There is no field
for `modules`, which serve release handling only.
"""

from __future__ import annotations

import math
from itertools import product

import pytest

from supervisors import (
    ChildNotFoundError,
    ChildSpec,
    ChildSpecError,
    ChildType,
    Crash,
    DynamicSupervisor,
    Restart,
    Start,
    StartError,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors.testing import Journal, Misbehaving
from tests.supervisors.conformance._trees import child, children

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


def facts(spec):
    """Return what a spec says, defaults filled in."""
    return spec.restart, spec.significant, spec.type, spec.shutdown_limit_s, spec.start.actor_class


def worker(*, shutdown_s):
    return Restart.PERMANENT, False, ChildType.WORKER, shutdown_s, Misbehaving


def test_a13_the_spec_of_a_child_that_only_has_an_id_and_a_start_is_filled_with_defaults():
    with Supervisor.start([ChildSpec("a", Start(Misbehaving))]) as tree:
        assert tree.get_childspec("a").id == "a"
        assert facts(tree.get_childspec("a")) == worker(shutdown_s=5)


def test_a13_a_child_to_be_killed_at_once_keeps_the_other_defaults():
    with Supervisor.start([ChildSpec("a", Start(Misbehaving), shutdown_s=0)]) as tree:
        assert facts(tree.get_childspec("a")) == worker(shutdown_s=0)


def test_a13_a_supervisor_has_no_limit_to_stop_by_default():
    with Supervisor.start([ChildSpec("a", Start(Supervisor), type="supervisor")]) as tree:
        expected = (Restart.PERMANENT, False, ChildType.SUPERVISOR, math.inf, Supervisor)
        assert facts(tree.get_childspec("a")) == expected


def test_a13_there_is_no_spec_of_an_unknown_child():
    with Supervisor.start([ChildSpec("a", Start(Misbehaving))]) as tree:
        with pytest.raises(ChildNotFoundError) as caught:
            tree.get_childspec("b")

        assert (caught.value.child_id, caught.value.known) == ("b", ("a",))


def test_a14_the_spec_of_a_dynamic_child_is_found_by_its_address_and_its_pid():
    """An id finds none: a DynamicSupervisor ignores ids, simple_one_for_one has that of its one spec."""
    with DynamicSupervisor.start() as pool:
        address = pool.start_child(ChildSpec("a", Start(Misbehaving)))

        for target in (address, address.pid):
            assert pool.get_childspec(target).id == "a"
            assert facts(pool.get_childspec(target)) == worker(shutdown_s=5)
        for unknown in ("a", "b", pool, pool.pid):
            with pytest.raises(ChildNotFoundError):
                pool.get_childspec(unknown)


@pytest.mark.parametrize(
    ("fields", "missing"), [({"start": Start(Misbehaving)}, "id"), ({"id": "a"}, "start")]
)
def test_a15_a_spec_without_an_id_or_without_a_start_cannot_be_made(fields, missing):
    with pytest.raises(TypeError, match=f"missing 1 required positional argument: '{missing}'"):
        ChildSpec(**fields)


def test_a15_a_spec_with_an_unknown_field_cannot_be_made():
    """OTP ignores unknown keys of its maps, misspelt ones included."""
    with pytest.raises(TypeError, match="colour"):
        ChildSpec("a", Start(Misbehaving), colour="red")


def test_a15_an_unknown_option_of_child_spec_is_an_argument_of_init_which_refuses_it():
    with pytest.raises(StartError, match="unexpected keyword argument 'colour'"):
        Supervisor.start([Misbehaving.child_spec(id="a", colour="red")])


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize("verb", ["start_child", "start_child_async", "start_child_with_info"])
def test_a15_something_that_is_no_spec_is_refused_before_it_is_sent(kind, verb):
    with kind.start() as supervisor:
        with pytest.raises(ChildSpecError, match=r"expected a ChildSpec, see Actor\.child_spec"):
            getattr(supervisor, verb)(Misbehaving)

        assert supervisor.count_children().specs == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"strategy": "all"}, "strategy is 'all'; allowed are 'one_for_one', 'one_for_all', 'rest_for_one'"),
        ({"intensity": -1}, "intensity is -1; it must be a whole number >= 0"),
        ({"intensity": 1.5}, "intensity is 1.5"),
        ({"intensity": "5"}, "intensity is '5'"),
        ({"period": 0}, "period is 0; it must be a whole number >= 1"),
        ({"period": -1}, "period is -1"),
        ({"period": "5"}, "period is '5'"),
        ({"period": True}, "period is True"),
        (
            {"auto_shutdown": "sometimes"},
            "auto_shutdown is 'sometimes'; allowed are 'never', 'any_significant', 'all_significant'",
        ),
    ],
)
def test_a16_a_wrong_flag_is_refused_with_what_is_allowed(flags, message):
    with pytest.raises(ChildSpecError, match=message):
        SupervisorFlags(**flags)
    with pytest.raises(StartError, match=message) as caught:
        Supervisor.start([], **flags)
    assert caught.value.reason.error_type.endswith("ChildSpecError")


@pytest.mark.parametrize("flags", [None, "one_for_one", {"strategy": "one_for_one"}, ("one_for_one", 1, 5)])
def test_a16_flags_of_another_shape_are_refused(flags):
    with pytest.raises(ChildSpecError, match=r"expected SupervisorFlags\(...\)"):
        SupervisorInit(flags, ())


def test_a16_an_unknown_flag_is_refused():
    """OTP ignores unknown keys of its maps, misspelt ones included."""
    with pytest.raises(TypeError, match="colour"):
        SupervisorFlags(colour="red")
    with pytest.raises(StartError, match="unexpected keyword argument 'colour'"):
        Supervisor.start([], colour="red")


@pytest.mark.parametrize(
    "wrong", [Misbehaving, "b", None, Start(Misbehaving), {"id": "b", "start": Start(Misbehaving)}]
)
def test_a17_a_list_with_something_that_is_no_spec_is_refused_before_anything_starts(journal, wrong):
    with pytest.raises(StartError, match="expected ChildSpec") as caught:
        Supervisor.start([child(journal, "a"), wrong])

    assert caught.value.reason.error_type.endswith("ChildSpecError")
    assert journal.entries() == []


@pytest.mark.parametrize("names", ["", "a", "ab"])
def test_a17_a_dynamic_supervisor_takes_no_list_of_specs_at_its_start(journal, names):
    """simple_one_for_one must be given exactly one; here each `start_child` brings its own."""
    with pytest.raises(StartError) as caught:
        DynamicSupervisor.start(children(journal, names))

    assert caught.value.reason.error_type == "TypeError"
    assert journal.entries() == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": Misbehaving}, r"it must be Start\(actor_class, args, kwargs\)"),
        ({"start": Start(int)}, "with an actor class"),
        (
            {"restart": "sometimes"},
            "restart is 'sometimes'; allowed are 'permanent', 'transient', 'temporary'",
        ),
        ({"shutdown_s": -10}, "shutdown_s is -10; it must be None or a number of seconds >= 0"),
        ({"shutdown_s": math.nan}, "shutdown_s is nan"),
        ({"shutdown_s": True}, "shutdown_s is True"),
        ({"shutdown_s": "brutal_kill"}, "shutdown_s is 'brutal_kill'"),
        ({"start_timeout_s": "5"}, "start_timeout_s is '5'"),
        ({"type": "boss"}, "type is 'boss'; allowed are 'worker', 'supervisor'"),
        ({"significant": "maybe"}, "significant is 'maybe'"),
        ({"id": []}, r"id is \[\]; it must be hashable"),
    ],
)
def test_b14_a_wrong_field_is_refused_with_what_is_allowed(fields, message):
    with pytest.raises(ChildSpecError, match=message):
        ChildSpec(**({"id": "a", "start": Start(Misbehaving)} | fields))


@pytest.mark.parametrize("not_a_list", [5, None, Misbehaving.child_spec(id="a")])
def test_b15_children_that_are_no_list_are_refused(not_a_list):
    with pytest.raises(ChildSpecError, match="expected a list of ChildSpec"):
        SupervisorInit(SupervisorFlags(), not_a_list)
    with pytest.raises(StartError) as caught:
        Supervisor.start(not_a_list)
    assert caught.value.reason.error_type.endswith("ChildSpecError")


def test_b15_two_children_with_one_id_are_refused_before_anything_starts(journal):
    specs = [child(journal, "b"), *children(journal, "aa")]

    with pytest.raises(ChildSpecError, match="two children have the id 'a'"):
        SupervisorInit(SupervisorFlags(), specs)
    with pytest.raises(StartError) as caught:
        Supervisor.start(specs)
    assert caught.value.reason == Crash("supervisors._errors.ChildSpecError", "two children have the id 'a'")
    assert journal.entries() == []


@pytest.mark.parametrize(
    ("restart", "shutdown_s", "type_"),
    list(product(Restart, [None, 0, 1.0, 1000, math.inf], ChildType)),
)
def test_b16_every_combination_of_restart_shutdown_and_type_is_valid(restart, shutdown_s, type_):
    spec = ChildSpec("a", Start(Misbehaving), restart=restart, shutdown_s=shutdown_s, type=type_)

    [checked] = SupervisorInit(SupervisorFlags(), [spec]).children
    assert (checked.restart, checked.shutdown_s, checked.type) == (restart, shutdown_s, type_)
    written = ChildSpec("a", spec.start, restart=restart.value, shutdown_s=shutdown_s, type=type_.value)
    assert written == spec
