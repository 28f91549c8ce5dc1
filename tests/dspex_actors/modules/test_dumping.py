"""What a dump is made of, and what has no form in one."""

from __future__ import annotations

import enum
import random
import re
import threading
from collections import defaultdict, deque
from datetime import UTC, datetime
from pathlib import PurePosixPath

import numpy as np
import pytest

from dspex_actors.modules import NotDumpableError, Parameter, dump_state, live_parts, load_state
from dspex_actors.serialization import Serializer
from tests.dspex_actors.modules._graphs import Frozen, Plain
from tests.dspex_actors.modules._modules import Counter, Holder, Layer, Network, Own


class Bits(enum.Flag):
    A = 1
    B = 2


class Text(str):
    __slots__ = ()


class Celsius(float):
    """A number with attributes, of which `__dict__` is not all."""


class Dice(random.Random):
    """An object of an extension with attributes."""


def test_the_state_of_a_plain_object_is_a_dict_of_its_attributes():
    assert dump_state(Counter()) == {"count": 0, "metadata": {"kept": True}}


def test_a_state_shares_nothing_with_the_object():
    counter, array, several = Counter(), np.arange(2), {1}
    counter.more = [array, several, bytearray(b"a"), [counter.metadata]]
    state = dump_state(counter)
    array[0], counter.metadata["kept"] = 9, False
    several.add(2)
    counter.more[2].extend(b"b")

    assert state["$nodes"][1] == {"kept": True}
    assert state["more"][0].tolist() == [0, 1]
    assert state["more"][1:3] == [{1}, bytearray(b"a")]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ((1, [2]), {"$tuple": [1, [2]]}),
        ((1, 2), (1, 2)),
        ({(2, 3)}, {"$set": [(2, 3)]}),
        (frozenset({Bits.A}), {"$frozenset": [{"$enum": ":Bits", "value": 1}]}),
        (Bits.A | Bits.B, {"$enum": ":Bits", "value": 3}),
        ({Bits.A: 1}, {"$dict": [[{"$enum": ":Bits", "value": 1}, 1]]}),
        ({"$a": 1, "b": 2}, {"$$a": 1, "b": 2}),
        (PurePosixPath("/a"), {"$path": "/a", "class": "PurePosixPath"}),
        (deque([1], 2), {"$object": "collections:deque", "attributes": {}, "items": [1], "maxlen": 2}),
        (threading.Lock(), {"$live": "_thread:lock"}),
        (len, {"$live": "builtins:builtin_function_or_method"}),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_what_has_no_form_of_its_own_is_a_dict_with_a_mark(value, form):
    here = type("Here", (), {"__module__": __name__})()
    here.x = value

    assert dump_state(here) == {"x": form}


def test_an_object_inside_has_the_name_of_its_class_without_the_module_of_the_root():
    state = dump_state(Holder(layer=Layer(), frozen=Frozen(1)))

    assert state["layer"]["$object"] == ":Layer"
    assert state["layer"]["attributes"]["weight"]["$object"] == "dspex_actors.modules:Parameter"
    assert state["frozen"]["$object"] == "tests.dspex_actors.modules._graphs:Frozen"


def test_an_object_that_says_its_state_itself_is_asked_here_and_below():
    assert dump_state(Own(3)) == {"v": 3}
    assert dump_state(Holder(own=Own(3))) == {"own": {"$own": ":Own", "state": {"v": 3}}}


def test_what_is_met_twice_stands_once_and_is_referred_to():
    part = [1]
    assert dump_state(Holder(a=part, b=part)) == {"a": {"$ref": 1}, "b": {"$ref": 1}, "$nodes": [None, [1]]}


def test_the_object_itself_is_the_first_of_the_nodes():
    root = Holder()
    root.me = root
    assert dump_state(root) == {"me": {"$ref": 0}}


def test_a_container_has_its_state_under_one_key():
    assert dump_state([1, {"a": 2}]) == {"$value": [1, {"a": 2}]}


def test_what_is_nested_deeply_stands_beside_the_rest_so_that_every_format_carries_it():
    root = Holder(next=None)
    for _ in range(1000):
        root = Holder(next=[root])
    state = dump_state(root)

    assert len(state["$nodes"]) > 20
    assert Serializer().loads(Serializer().dumps(state)).value == state


def test_a_long_chain_needs_no_stack():
    root = [0]
    for _ in range(5_000):
        root = [root]
    assert len(dump_state(root)["$nodes"]) == 5_001 // 40


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (re.compile("a"), "Pattern"),
        (random.Random(1), "Random"),  # noqa: S311 -- a state that is no plain data
        (Text("a"), "Text"),
        (Celsius(1.5), "Celsius"),
        (Dice(1), "Dice"),
        (ValueError("a"), "ValueError"),
        (np.array([object()]), "ndarray"),
        (slice(1), "slice"),
        (NotImplemented, "NotImplementedType"),
        (object(), "object"),
    ],
)
def test_what_could_be_pickled_and_is_no_data_is_refused_with_its_name(value, type_name):
    with pytest.raises(NotDumpableError) as caught:
        dump_state(Holder(a=[{"k": value}]))

    assert (caught.value.path, caught.value.type_name) == ("a[0]['k']", type_name)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("value", [1, "a", None, (1, [2]), frozenset(), len, Plain, threading.Lock(), re])
def test_what_cannot_be_loaded_into_has_no_state(value):
    with pytest.raises(NotDumpableError, match="the object, a"):
        dump_state(value)


def test_the_things_that_a_dump_leaves_out_can_be_had_by_name():
    network = Network()
    network.table = defaultdict(lambda: 0)
    found = live_parts(network)

    assert found.keys() == {
        "layers[0].lock",
        "layers[1].lock",
        "by_key[1].lock",
        "by_key['1'].lock",
        "activation",
        "table.default_factory",
    }
    assert found["layers[1].lock"] is network.layers[1].lock
    assert live_parts(Own()) == {}


def test_an_object_whose_class_makes_new_ones_from_states_is_left_as_it_is():
    class Client:
        def __init__(self, key):
            self.key = key

        def dump_state(self):
            raise AssertionError

        @classmethod
        def load_state(cls, state):
            raise AssertionError(state)

    holder = Holder(client=Client("mine"))
    state = dump_state(Holder(client=Client("secret")))
    load_state(holder, state)

    assert state["client"].keys() == {"$live"}
    assert holder.client.key == "mine"


def test_an_error_of_an_own_dump_passes_through():
    class Failing:
        def dump_state(self):
            raise OSError("no")

        def load_state(self, state):
            raise AssertionError(state)

    with pytest.raises(OSError, match="no"):
        dump_state(Holder(a=Failing()))


def test_a_parameter_is_dumped_with_what_it_was_at_first():
    parameter = Parameter([1], description="d")
    parameter.value = [2]

    assert dump_state(Holder(p=parameter))["p"]["attributes"] == {
        "description": "d",
        "initial": [1],
        "value": [2],
    }
