"""Loading a state: what is kept, what is made anew, and that a load that fails changes nothing."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict, defaultdict, deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.modules import (
    LoadError,
    MalformedStateError,
    Parameter,
    StateMismatchError,
    StateRefusedError,
    deep_copy,
    dump_state,
    live_parts,
    load_state,
)
from tests.dspex_actors.modules._graphs import Frozen, Plain, Slotted, difference, graphs
from tests.dspex_actors.modules._modules import Counter, Fickle, Holder, Layer, Network, Own


def test_a_load_gives_back_what_was_dumped_and_keeps_the_objects():
    trained, fresh = Network(5.0, 6.0), Network()
    trained.by_key[1].weight.value = 7.0
    layers, weight = list(fresh.layers), fresh.by_key[1].weight
    load_state(fresh, dump_state(trained))

    assert [layer.weight.value for layer in fresh.layers] == [5.0, 6.0]
    assert fresh.layers == layers
    assert fresh.by_key[1].weight is weight
    assert weight.value == 7.0
    assert fresh.first is fresh.layers[0]
    assert fresh.me is fresh


def test_what_was_alive_in_the_object_stays_as_it_was_there():
    fresh = Network()
    locks = [layer.lock for layer in fresh.layers]
    load_state(fresh, dump_state(Network()))

    assert [layer.lock for layer in fresh.layers] == locks
    assert fresh.activation is abs


def test_sharing_is_as_it_was_dumped_and_not_as_it_was_in_the_object():
    part, apart = Layer(), Holder(a=Layer(), b=Layer())
    live = live_parts(apart)
    load_state(apart, dump_state(Holder(a=part, b=part)))
    together = Holder(a=part, b=part)
    load_state(together, dump_state(Holder(a=Layer(5.0), b=Layer(6.0))), live=live)

    assert apart.a is apart.b
    assert (together.a.weight.value, together.b.weight.value) == (5.0, 6.0)


def test_attributes_that_the_state_lacks_are_gone_and_others_are_there():
    counter = Counter()
    counter.late = 1
    state = dump_state(counter)
    del counter.late, counter.count
    counter.extra = 1
    load_state(counter, state)

    assert vars(counter) == {"count": 0, "metadata": {"kept": True}, "late": 1}


def test_slots_are_set_and_emptied_and_frozen_data_is_loaded():
    slotted, frozen = Slotted(), Frozen([1])
    slotted.a, slotted.b = 1, 2
    other = Slotted()
    other.b, other.metadata = 3, 4
    load_state(slotted, dump_state(other))
    load_state(frozen, dump_state(Frozen({"k": 2})))

    assert not hasattr(slotted, "a")
    assert (slotted.b, slotted.metadata, frozen.a) == (3, 4, {"k": 2})


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ([1, 2], [3]),
        ({1: 2}, {"1": [2]}),
        ({1: 2}, {(1, (2,)): 2}),
        ({1}, {2, 3}),
        (deque([1]), deque([2, [3]], maxlen=4)),
        (OrderedDict(a=1), OrderedDict(c=2, b=1)),
    ],
    ids=repr,
)
def test_a_container_is_loaded_in_place(target, value):
    load_state(target, dump_state(value))
    assert target == value
    assert type(target) is type(value)


def test_a_list_that_holds_itself_is_loaded_in_place():
    original, target = [1], []
    original.append({"back": original})
    load_state(target, dump_state(original))

    assert target[1]["back"] is target


def test_an_object_without_attributes_is_filled():
    made = Counter.__new__(Counter)
    load_state(made, {"count": 3})

    assert vars(made) == {"count": 3}


def test_things_alive_are_asked_for_where_the_object_has_none():
    old, made = Network(), Network.__new__(Network)
    state = dump_state(old)

    with pytest.raises(StateMismatchError, match=r"'layers\[0\]\.lock'.*live=") as caught:
        load_state(made, state)
    assert caught.value.path == "layers[0].lock"
    assert vars(made) == {}

    load_state(made, state, live=live_parts(old))
    assert made.layers[1].lock is old.layers[1].lock


def test_a_class_is_found_in_the_object_in_its_package_or_among_those_given():
    other = type("Other", (), {"__module__": "somewhere.nowhere"})
    held = other()
    held.x = 1
    state = dump_state(Holder(a=held, b=Plain()))

    with pytest.raises(StateMismatchError, match=r"somewhere\.nowhere:Other.*types="):
        load_state(Holder(), state)
    load_state(by_types := Holder(), state, types=[other])
    load_state(by_place := Holder(z=other()), state)

    assert by_types.a.x == by_place.a.x == 1
    assert type(by_types.b) is Plain


def test_classes_of_other_packages_are_found_on_demand_if_they_are_loaded():
    state = dump_state([Frozen(1)])

    with pytest.raises(StateMismatchError, match="types="):
        load_state([], state)
    load_state(target := [], state, types="loaded")
    assert target[0].a == 1


@pytest.mark.parametrize("name", ["subprocess:Popen", "tests.dspex_actors.modules._modules:threading.Lock"])
def test_a_class_that_is_not_defined_where_the_state_says_is_never_found(name):
    with pytest.raises(LoadError):
        load_state(Holder(), {"a": {"$object": name, "attributes": {}}})


def test_no_constructor_property_or_setter_runs():
    class Strict:
        def __init__(self):
            raise AssertionError

        def __setattr__(self, name, value):
            raise AssertionError

        @property
        def count(self):
            raise AssertionError

    made = Strict.__new__(Strict)
    load_state(
        made,
        {
            "n": 1,
            "inner": {
                "$object": ":test_no_constructor_property_or_setter_runs.<locals>.Strict",
                "attributes": {"n": 2},
            },
        },
        types=[Strict],
    )
    assert (made.n, made.inner.n) == (1, 2)


def test_an_object_that_says_its_state_itself_loads_it_itself():
    own, holder = Own(1), Holder(own=Own(1))
    load_state(own, {"v": 2})
    load_state(holder, dump_state(Holder(own=Own(3))))

    assert (own.value, own.loads) == (2, 1)
    assert (holder.own.value, holder.own.loads) == (3, 1)


def test_an_own_load_of_an_object_that_is_made_anew_gets_a_bare_one():
    made = Holder.__new__(Holder)

    with pytest.raises(StateRefusedError, match=r"'own'.*loads"):
        load_state(made, dump_state(Holder(own=Own(3))))
    assert vars(made) == {}


@pytest.mark.parametrize("broken", [Own(1, broken=(9,)), Fickle(1)], ids=["at once", "after the trial"])
def test_an_own_load_that_fails_leaves_everything_as_it_was(broken):
    Fickle.taken = 0
    root = Holder(first=Own(1), counter=Counter(), broken=broken, list=[1])
    before = copy.deepcopy(vars(root))
    new = Holder(first=Own(5), counter=Counter(), broken=type(broken)(9), list=[2])
    new.counter.count = 5

    with pytest.raises(StateRefusedError, match="'broken'") as caught:
        load_state(root, dump_state(new))

    assert type(caught.value.__cause__) in (ValueError, OSError)
    assert {name: vars(part) for name, part in vars(root).items() if name != "list"} == {
        name: vars(part) for name, part in before.items() if name != "list"
    }
    assert root.list == [1]


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        {"$nodes": 1},
        {1: 2},
        {"$x": 1},
        {"a": {"$ref": 5}},
        {"a": {"$ref": -1}},
        {"a": {"$ref": True}},
        {"a": {"$ref": "0"}},
        {"a": {"$tuple": 1}},
        {"a": {"$tuple": [], "$set": []}},
        {"a": {"$tuple": [], "b": 1}},
        {"a": {"$dict": [[1]]}},
        {"a": {"$dict": [[[], 1]]}},
        {"a": {"$set": [[]]}},
        {"a": {"$set": [{"$ref": 1}]}, "$nodes": [None, []]},
        {"a": {"$object": 1}},
        {"a": {"$object": ":Holder", "attributes": []}},
        {"a": {"$object": ":Layer", "attributes": {1: 2}}},
        {"a": {"$object": "collections:deque", "items": 1}},
        {"a": {"$object": "collections:deque", "items": [], "maxlen": "x"}},
        {"a": {"$path": "/", "class": "Popen"}},
        {"a": {"$ref": 1}, "$nodes": [None, {"$tuple": [{"$ref": 1}]}]},
        {"a": {"$ref": 1}, "$nodes": [None, {"$ref": 1}]},
        {"a": {"$ref": 1}, "$nodes": [None, {"$frozenset": [{"$tuple": [{"$ref": 1}]}]}]},
    ],
    ids=repr,
)
def test_what_is_no_state_is_refused_and_changes_nothing(state):
    root = Holder(kept=1)

    with pytest.raises(MalformedStateError):
        load_state(root, state)
    assert vars(root) == {"kept": 1}


@pytest.mark.parametrize(
    ("target", "state"),
    [
        (Holder(), {"$value": []}),
        ([], {"a": 1}),
        ([], {"$value": {}}),
        ({}, {"$value": []}),
        ([], {"$value": 1}),
        (Slotted(), {"x": 1}),
        (Holder(), {"a": {"$object": "nowhere:C", "attributes": {}}}),
        (Holder(), {"a": {"$enum": ":Layer", "name": "A"}}),
        (Holder(), {"a": {"$enum": "tests.dspex_actors.modules._graphs:Colour", "name": "GREEN"}}),
        (Holder(), {"a": {"$own": ":Layer", "state": {}}}),
        (Holder(), {"a": {"$object": "collections:deque", "entries": []}, "$nodes": []}),
        (1, {}),
        ((1,), {"$value": []}),
        (Holder, {}),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Holder | Slotted) else repr(part),
)
def test_a_state_that_does_not_fit_is_refused(target, state):
    with pytest.raises(LoadError):
        load_state(target, state)


def test_types_that_are_no_types_are_refused():
    with pytest.raises(ConfigError, match="types"):
        load_state(Holder(), {}, types="all")


JUNK = st.recursive(
    st.one_of(st.integers(-1, 3), st.sampled_from(["a", ":Holder", ":Layer", "$ref", "collections:deque"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "a",
                    "$ref",
                    "$object",
                    "$own",
                    "$tuple",
                    "$dict",
                    "$live",
                    "$set",
                    "items",
                    "entries",
                    "attributes",
                    "state",
                    "$nodes",
                    "$value",
                    "$enum",
                    "name",
                    "$path",
                    "class",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(["a", "$nodes", "$value", "b"]), JUNK))
def test_whatever_is_loaded_it_is_loaded_or_refused(state):
    root = Holder(kept=1)
    try:
        load_state(root, state)
    except LoadError:
        assert vars(root) == {"kept": 1}


@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(graphs(), graphs())
def test_a_state_that_fails_half_way_leaves_any_object_as_it_was(root, other):
    state = dump_state(other)
    state["last"] = {"$live": "_thread:lock"}
    before = deep_copy(root)

    with pytest.raises(LoadError):
        load_state(root, state)
    assert difference(before, root) is None


def test_a_value_that_a_migration_put_into_a_state_is_taken_as_it_is():
    lock, root = threading.Lock(), Holder()
    load_state(root, {"lock": lock, "pair": (1, [lock])})

    assert root.lock is root.pair[1][0] is lock


def test_a_default_factory_is_taken_from_the_object():
    def make():
        return Holder(d=defaultdict(lambda: "mine", a=1))

    root, factory = make(), None
    factory = root.d.default_factory
    other = make()
    other.d["b"] = 2
    load_state(root, dump_state(other))

    assert dict(root.d) == {"a": 1, "b": 2}
    assert root.d.default_factory is factory


def test_a_parameter_loads_its_value_and_its_beginning():
    trained, fresh = Parameter([1]), Parameter([0])
    trained.value = [2]
    load_state(fresh, dump_state(trained))
    assert fresh.value == [2]
    fresh.reset()
    assert fresh.value == [1]
