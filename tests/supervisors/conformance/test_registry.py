"""OTP's behaviour, rows I01 to I15: the entries and names of a registry."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    AlreadyStarted,
    NameTakenError,
    NotRegisteredError,
    Registered,
    Registration,
    Registry,
    RegistryKeysError,
    Shutdown,
    StartError,
    Supervisor,
    UnknownRegistryError,
    Unregistered,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


def owners(entries):
    return [entry.owner for entry in entries]


def values(entries):
    return [entry.value for entry in entries]


def test_i01_count_is_zero_then_one_for_each_entry(either, actor, inside):
    assert either.count() == 0

    inside(actor, either.register, "hello")
    inside(actor, either.register, "world")
    assert either.count() == 2


def test_i01_count_of_duplicate_keys_counts_each_entry(topics, actor, other, inside):
    for address in (actor, actor, other):
        inside(address, topics.register, "hello")

    assert topics.count() == 3


def test_i02_a_unique_key_is_refused_the_second_time_even_to_its_owner(names, actor, inside):
    assert inside(actor, names.register, "hello", 1) is None
    refused = inside(actor, names.register, "hello", 2)
    inside(actor, names.register, "world")

    assert isinstance(refused, NameTakenError)
    assert (refused.key, refused.owner) == ("hello", actor.pid)
    assert names.keys(actor) == inside(actor, names.keys) == ["hello", "world"]
    assert values(names.lookup("hello")) == [1]


def test_i03_a_unique_key_of_another_owner_is_refused_and_nothing_is_recorded(names, actor, other, inside):
    inside(other, names.register, "hello", "theirs")
    refused = inside(actor, names.register, "hello", "mine")

    assert isinstance(refused, NameTakenError)
    assert refused.owner is other.pid
    assert names.keys(actor) == []
    assert names.lookup("hello") == [Registration("hello", other.pid, "theirs")]


def test_i04_one_owner_may_register_a_duplicate_key_twice(topics, actor, inside):
    inside(actor, topics.register, "hello", 1)
    inside(actor, topics.register, "hello", 2)

    assert topics.keys(actor) == ["hello", "hello"]
    assert topics.values("hello", actor) == inside(actor, topics.values, "hello") == [1, 2]
    assert topics.lookup("hello") == [Registration("hello", actor.pid, value) for value in (1, 2)]


@pytest.mark.parametrize("key", [1.0, True, "1", (1,), (1.0,)], ids=repr)
def test_i05_keys_of_different_types_are_different_keys(either, actor, key, inside):
    inside(actor, either.register, 1, "whole")
    inside(actor, either.register, key, "other")

    assert values(either.lookup(1)) == ["whole"]
    assert values(either.lookup(key)) == ["other"]
    inside(actor, either.unregister, 1)
    assert either.keys(actor) == [key]


def test_i06_update_value_of_an_absent_or_foreign_key_does_not_run_the_callback(names, actor, other, inside):
    ran = Journal()
    inside(other, names.register, "theirs", 1)

    for key in ("nobody's", "theirs"):
        refused = inside(actor, names.update_value, key, ran.add)
        assert isinstance(refused, NotRegisteredError)
        assert refused.key == key
    assert ran.entries() == []
    assert values(names.lookup("theirs")) == [1]


def test_i06_update_value_of_an_own_key_gives_the_new_and_the_old_value(names, actor, inside):
    inside(actor, names.register, "mine", 1)

    assert inside(actor, names.update_value, "mine", lambda value: value + 1) == (2, 1)
    assert values(names.lookup("mine")) == names.values("mine", actor) == [2]


def test_i07_update_value_is_refused_by_a_duplicate_registry(topics, actor, inside):
    inside(actor, topics.register, "hello", 1)

    refused = inside(actor, topics.update_value, "hello", lambda value: value + 1)
    assert isinstance(refused, RegistryKeysError)
    assert (refused.operation, refused.needs) == ("update_value", "unique")


def test_i08_dispatch_to_an_absent_key_does_not_run_the_callback(either):
    ran = Journal()

    assert either.dispatch("hello", ran.add) is None
    assert either.dispatch("hello", ran.add, parallel=True) is None
    assert ran.entries() == []


def test_i08_dispatch_runs_once_in_the_caller_with_the_one_entry(names, actor, inside):
    inside(actor, names.register, "hello", "value")
    ran = Journal()

    names.dispatch("hello", lambda entries: ran.add((threading.current_thread(), entries)))
    assert ran.entries() == [(threading.current_thread(), [Registration("hello", actor.pid, "value")])]


def test_i09_serial_dispatch_gives_all_entries_of_the_key_at_once_in_the_caller(topics, actor, other, inside):
    for address, value in ((actor, 1), (other, 2), (actor, 3)):
        inside(address, topics.register, "hello", value)
    inside(actor, topics.register, "world", 4)
    ran = Journal()

    topics.dispatch("hello", lambda entries: ran.add((threading.current_thread(), values(entries))))
    assert ran.entries() == [(threading.current_thread(), [1, 2, 3])]


def test_i09_parallel_dispatch_gives_each_entry_of_the_key_to_one_other_thread(topics, actor, other, inside):
    for address, value in ((actor, 1), (other, 2), (actor, 3), (other, 4)):
        inside(address, topics.register, "hello", value)
    inside(actor, topics.register, "world", 5)
    together, ran = threading.Barrier(3, timeout=CEILING_S), Journal()

    def deliver(entries):
        together.wait()  # only passed when three threads are in here at a time
        ran.add((threading.current_thread(), values(entries)))

    topics.dispatch("hello", deliver, parallel=True)
    threads, shares = zip(*ran.entries(), strict=True)
    assert len({*threads, threading.current_thread()}) == 4
    assert sorted(value for share in shares for value in share) == [1, 2, 3, 4]


@pytest.mark.parametrize("parallel", [False, True])
def test_i09_an_error_of_the_callback_is_raised_in_the_caller(topics, actor, other, parallel, inside):
    for address in (actor, other):
        inside(address, topics.register, "hello")

    def fail(_entries):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        topics.dispatch("hello", fail, parallel=parallel)


def test_i10_unregister_removes_all_entries_of_the_key_of_the_caller_only(topics, actor, other, inside):
    for address, key in ((actor, "hello"), (actor, "hello"), (actor, "world"), (other, "hello")):
        inside(address, topics.register, key)

    assert inside(actor, topics.unregister, "hello") is None
    assert topics.keys(actor) == ["world"]
    assert owners(topics.lookup("hello")) == [other.pid]


def test_i10_unregister_of_an_unknown_key_is_quiet(either, actor, inside):
    assert inside(actor, either.unregister, "never") is None


def test_i11_unregister_match_removes_only_the_entries_the_predicate_accepts(topics, actor, other, inside):
    for address, value in ((actor, 1), (actor, 2), (other, 2)):
        inside(address, topics.register, "hello", value)

    inside(actor, topics.unregister_match, "hello", lambda value: value > 1)
    assert topics.lookup("hello") == [
        Registration("hello", actor.pid, 1),
        Registration("hello", other.pid, 2),
    ]
    inside(actor, topics.unregister_match, "hello", lambda value: value > 9)
    assert topics.count() == 2


def test_i12_listeners_hear_of_entries_made_and_removed_but_not_of_a_crash(actor, other, inside):
    journal = Journal()
    with Misbehaving.start(journal, "listener") as listener:
        names = Registry(listeners=[listener])
        with names.start():
            inside(actor, names.register, "hello", 1)
            inside(actor, names.unregister, "hello")
            inside(other, names.register, "world", 2)
            pid = other.pid
            pid.kill()
            inside(actor, names.register, "after", 3)
            journal.wait_for(("info", "listener", Registered(names, "after", actor.pid, 3)))

            heard = [entry[2] for entry in journal.entries() if entry[0] == "info"]
            assert heard == [
                Registered(names, "hello", actor.pid, 1),
                Unregistered(names, "hello", actor.pid),
                Registered(names, "world", pid, 2),
                Registered(names, "after", actor.pid, 3),
            ]


def test_i12_listeners_hear_of_a_crash_and_its_reason_when_that_is_asked_for(other, inside):
    journal = Journal()
    with Misbehaving.start(journal, "listener") as listener:
        names = Registry(listeners=[listener], notify_exits=True)
        with names.start():
            inside(other, names.register, "hello")
            pid = other.pid
            pid.kill()

            journal.wait_for(("info", "listener", Unregistered(names, "hello", pid, KILLED)))


@pytest.mark.parametrize(
    "use",
    [
        lambda names: names.register("hello"),
        lambda names: names.unregister("hello"),
        lambda names: names.lookup("hello"),
        lambda names: names.whereis("hello"),
        lambda names: names.keys(),
        lambda names: names.count(),
        lambda names: names.select(),
        lambda names: names.dispatch("hello", print),
        lambda names: names.lock("hello").__enter__(),
        lambda names: names.get_meta("hello"),
        lambda names: names.via("hello").call("hello"),
    ],
)
def test_i13_a_registry_that_is_not_running_is_an_unknown_registry(actor, use, inside):
    before = Registry(name="nowhere")
    stopped = Registry(name="nowhere")
    stopped.start().stop()

    for names in (before, stopped):
        refused = inside(actor, use, names)
        assert isinstance(refused, UnknownRegistryError)
        assert refused.target == "nowhere"


def test_i13_a_cast_to_a_name_of_an_unknown_registry_never_fails():
    assert Registry().via("hello").cast("hello") is None


def test_i14_an_actor_started_under_a_name_is_called_by_it_and_keeps_the_name_from_others(names):
    name = names.via("hello", value="with a value")
    with name.start(Misbehaving) as address:
        assert name.call("question") == address.call("question") == "question"
        assert names.lookup("hello") == [Registration("hello", address.pid, "with a value")]
        with pytest.raises(NameTakenError) as refused:
            name.start(Misbehaving)
        assert refused.value.owner is address.pid
    assert names.whereis("hello") is None


def test_i14_a_child_has_its_name_in_each_incarnation_and_a_second_one_does_not_start(names):
    name = names.via("hello")
    spec = name.named(Misbehaving.child_spec(id="named"))
    with Supervisor.start([spec], name="tree") as tree:
        old = name.pid
        assert old is tree.child("named").pid
        old.kill()
        assert wait_restarted(tree.child("named"), old) is name.pid

        with pytest.raises(StartError) as refused:
            tree.start_child(name.named(Misbehaving.child_spec(id="second")))
        taken = AlreadyStarted("registry/hello", repr(name.pid))
        assert refused.value.reason == Shutdown(taken)
        assert [child.id for child in tree.which_children()] == ["named"]


def test_i14_a_name_can_be_monitored_linked_stopped_and_waited_for(names, actor):
    name = names.via("hello")
    name.start(Misbehaving)
    ref = actor.call(("do", lambda server, _: server.monitor(name)))
    pid = name.pid

    assert name.stop().clean
    assert pid.exit_reason is not None
    assert (ref.target, name.alive, name.wait_available(0)) == (name, False, False)


def test_i15_names_of_a_duplicate_registry_are_refused(topics):
    with pytest.raises(RegistryKeysError):
        topics.via("hello")
    with pytest.raises(RegistryKeysError):
        topics.whereis("hello")
