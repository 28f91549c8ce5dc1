"""OTP's behaviour, rows B21, B22 and B24: what a supervisor keeps of a child that ended or never started."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import gc
import weakref

import pytest

from supervisors import (
    NORMAL,
    ChildCounts,
    Crash,
    DuplicateChildError,
    DynamicSupervisor,
    GenServer,
    StartError,
    Supervisor,
)
from supervisors.testing import Events, Journal, Misbehaving, wait_restarted
from tests.supervisors.conformance._trees import child, counts, end

pytestmark = pytest.mark.usefixtures("quiet")

KINDS = [Supervisor, DynamicSupervisor]
STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
STARTS_ANEW = "starts anew"
AFTER = {  # what start_child with the id of a child says after it has ended
    ("permanent", "kill"): "running",
    ("permanent", "normal"): "running",
    ("permanent", "abnormal"): "running",
    ("permanent", "terminate_child"): "stopped",
    ("transient", "kill"): "running",
    ("transient", "normal"): "stopped",
    ("transient", "abnormal"): "running",
    ("transient", "terminate_child"): "stopped",
    ("temporary", "kill"): STARTS_ANEW,
    ("temporary", "normal"): STARTS_ANEW,
    ("temporary", "abnormal"): STARTS_ANEW,
    ("temporary", "terminate_child"): STARTS_ANEW,
}


@pytest.fixture
def journal():
    return Journal()


def end_by(how, tree, address):
    """End a child; return when its supervisor has begun to deal with that."""
    if how == "terminate_child":
        tree.terminate_child("a")
    elif how == "kill":
        events = Events(tree.system, "supervisor.child_exited")
        address.pid.kill()
        events.names.wait_for("supervisor.child_exited")
    else:
        end(tree, address, NORMAL if how == "normal" else Crash("ValueError", "boom"))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("restart", "how"), AFTER)
def test_b21_whether_a_spec_outlives_its_child_depends_on_its_restart_type_and_its_end(
    journal, strategy, restart, how
):
    with Supervisor.start([child(journal, "a", restart=restart)], strategy=strategy) as tree:
        end_by(how, tree, tree.child("a"))

        if AFTER[restart, how] == STARTS_ANEW:
            assert tree.start_child(child(journal, "a", restart=restart)).pid.generation == 1
        else:
            with pytest.raises(DuplicateChildError, match=AFTER[restart, how]):
                tree.start_child(child(journal, "a", restart=restart))
        assert counts(tree)[0] == 1


class Large:
    """A start argument that a weak reference can watch."""

    def __init__(self, size=1):
        self.elements = list(range(size))


class Taker(GenServer):
    """Takes start arguments and keeps none."""

    def init(self, argument, option=None):
        self.taken = True

    def handle_call(self, message, sender):
        return message


@pytest.mark.parametrize("kind", KINDS)
def test_b22_the_start_arguments_of_a_hundred_temporary_children_are_not_kept(kind):
    with kind.start() as supervisor:
        watched = []
        for number in range(100):
            argument, option = Large(), Large()
            watched += [weakref.ref(argument), weakref.ref(option)]
            spec = Taker.child_spec(argument, option=option, id=number, restart="temporary")
            address = supervisor.start_child(spec)
            del argument, option, spec
            assert address.call("init is through") == "init is through"
        assert counts(supervisor) == [100, 100, 0, 100]
        gc.collect()

        assert [reference() for reference in watched] == [None] * 200


def test_b22_the_spec_of_a_temporary_child_that_can_be_read_has_lost_its_arguments():
    with Supervisor.start([Taker.child_spec(Large(), id="a", restart="temporary")]) as tree:
        start = tree.get_childspec("a").start

        assert (start.actor_class, start.args, start.kwargs) == (Taker, (), {})


@pytest.mark.parametrize("kind", KINDS)
def test_b22_a_large_argument_of_the_next_child_is_not_kept_after_one_has_died(kind):
    with kind.start() as supervisor:
        small = supervisor.start_child(Taker.child_spec(1, id="a", restart="temporary"))
        events = Events(supervisor.system, "supervisor.child_exited")
        small.pid.kill()
        events.names.wait_for("supervisor.child_exited")
        argument = Large(50_000)
        gone = weakref.ref(argument)
        address = supervisor.start_child(Taker.child_spec(argument, id="a", restart="temporary"))
        del argument
        assert address.call("init is through") == "init is through"
        assert counts(supervisor) == [1, 1, 0, 1]
        gc.collect()

        assert gone() is None


@pytest.mark.parametrize("kind", KINDS)
def test_b22_the_arguments_of_a_permanent_child_are_kept_and_used_again(kind):
    argument = Large()
    kept = weakref.ref(argument)
    with kind.start() as supervisor:
        address = supervisor.start_child(Taker.child_spec(argument, id="a"))
        del argument
        gc.collect()
        old = address.pid
        old.kill()

        assert wait_restarted(address, old).generation == 2
        assert kept() is not None


class Broken(Misbehaving):
    """Raises as it is made, in the supervisor's thread."""

    def __init__(self, boot):
        raise OSError("no memory")


def import_what_is_not_there(_):
    import a_module_that_is_missing  # noqa: F401, PLC0415 -- the point


def raise_something(_):
    raise ValueError("no")


BAD_STARTS = [
    (Misbehaving.child_spec(on_init=raise_something), Crash("ValueError", "no")),
    (
        Misbehaving.child_spec(on_init=import_what_is_not_there),
        Crash("ModuleNotFoundError", "No module named 'a_module_that_is_missing'"),
    ),
    (Misbehaving.child_spec("one", "two", "three"), Crash("TypeError", "")),
    (Broken.child_spec(), Crash("OSError", "no memory")),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spec", "reason"), BAD_STARTS)
def test_b24_a_start_that_raises_carries_the_exception_and_leaves_the_supervisor_alive(kind, spec, reason):
    with kind.start() as supervisor:
        other = supervisor.start_child(Misbehaving.child_spec(id="other"))

        with pytest.raises(StartError) as caught:
            supervisor.start_child(spec)

        assert caught.value.reason.error_type == reason.error_type
        assert reason.message in caught.value.reason.message
        assert other.call("alive") == "alive"
        assert supervisor.count_children() == ChildCounts(
            specs=1, active=1, supervisors=0, workers=1, abandoned=0
        )
