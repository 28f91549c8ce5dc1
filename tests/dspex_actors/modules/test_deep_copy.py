"""Copies: what is copied, what is shared with the original, and what happens to what cannot be copied."""

from __future__ import annotations

import copy
import functools
import itertools
import logging
import queue
import random
import re
import threading
import weakref
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from dspex_actors.modules import CopyFailedError, Parameter, deep_copy
from dspex_actors.modules._live import Ownership
from dspex_actors.modules._structure import Shapes
from tests.dspex_actors.modules._graphs import (
    Colour,
    Frozen,
    Listed,
    Mapped,
    Plain,
    Record,
    Slotted,
    difference,
)

Point = namedtuple("Point", "x y")  # noqa: PYI024 -- of this kind


def foreign(**attributes):
    """Return an object of a class of some other package."""
    made = type("Client", (), {"__module__": "other_package.client"})()
    vars(made).update(attributes)
    return made


def holding(**attributes):
    root = Plain()
    vars(root).update(attributes)
    return root


class Counted:
    """Copies itself by a rule of its own."""

    def __init__(self, value):
        self.value, self.copies = value, 0

    def __deepcopy__(self, memo):
        made = Counted(copy.deepcopy(self.value, memo))
        made.copies = self.copies + 1
        return made


class Pickled:
    """Leaves something out of its state, and makes it anew."""

    def __init__(self):
        self.kept, self.made = [1], threading.Lock()

    def __getstate__(self):
        return {"kept": self.kept}

    def __setstate__(self, state):
        self.kept, self.made = state["kept"], threading.Lock()


class Argued:
    """Cannot be made without arguments."""

    def __new__(cls, value):
        made = super().__new__(cls)
        made.value = value
        return made

    def __getnewargs__(self):
        return (self.value,)


class Celsius(float):
    """A number with attributes."""


class Dice(random.Random):
    """An object of an extension, made again by a rule of its own."""


class Faulty:
    def __reduce_ex__(self, protocol):
        return 1 + None


class Refusing:
    def __reduce_ex__(self, protocol):
        raise TypeError("cannot pickle this")


class Broken:
    def __deepcopy__(self, memo):
        raise OSError("the disk is gone")


@pytest.mark.parametrize(
    "value",
    [
        [1, [2, {3}]],
        {"a": (1, [2]), (1, "k"): frozenset({1})},
        deque([[1], 2], maxlen=3),
        OrderedDict(b=[1], a=2),
        defaultdict(list, {1: [2]}),
        Counter("abca"),
        Frozen([1]),
        Record(1, [[2]]),
        SimpleNamespace(a=[1]),
        Listed([[1]]),
        Point([1], 2),
        random.Random(1),  # noqa: S311 -- a state to copy
        slice(1, [2]),
        bytearray(b"ab"),
        range(3),
        Colour.RED,
        re.compile("a+"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_copy_is_what_the_standard_library_would_make(value):
    expected, copied = copy.deepcopy(value), deep_copy(value)

    assert type(copied) is type(value)
    assert difference(expected, copied) is None or repr(expected) == repr(copied)
    assert (copied is value) == (expected is value)


def test_what_is_shared_inside_is_shared_inside_the_copy():
    part = Parameter([1])
    root = holding(a=part, b=[part, part.value], me=None)
    root.me = root
    copied = deep_copy(root)

    assert copied.a is copied.b[0] is not part
    assert copied.a.value is copied.b[1] is not part.value
    assert copied.me is copied


def test_sharing_is_kept_beside_something_that_cannot_be_copied():
    part = holding(lock=threading.Lock())
    copied = deep_copy(holding(a=part, b=[part], lock=part.lock))

    assert copied.a is copied.b[0] is not part
    assert copied.lock is copied.a.lock is part.lock


def test_a_tuple_that_leads_back_to_itself_is_copied_once():
    inner = []
    outer = (inner, 1)
    inner.append(outer)
    copied = deep_copy(outer)

    assert copied[0][0] is copied is not outer


def test_a_tuple_without_anything_that_can_change_is_not_copied():
    value = (1, ("a", frozenset({2})))
    assert deep_copy(value) is value


def test_arrays_are_copied_and_stay_shared():
    array = np.arange(3)
    copied = deep_copy([array, array])

    copied[0][0] = 9
    assert copied[1][0] == 9
    assert array[0] == 0


def test_members_and_keys_are_copied_too():
    key = Plain()
    copied = deep_copy([{key: key}, {key}])

    (new,) = copied[0]
    assert new is not key
    assert copied[0][new] is new
    assert copied[1] == {new}


@pytest.mark.parametrize(
    "alive",
    [
        threading.Lock(),
        threading.Event(),
        threading.Thread(),
        queue.Queue(),
        logging.getLogger("x"),
        weakref.ref(Plain),
        (x for x in ()),
        open(__file__),  # noqa: PTH123, SIM115 -- closed by the test
        ModuleType("m"),
        len,
        lambda: 0,
        Plain,
        functools.partial(len, []),
        [].append,
        Refusing(),
        iter([]).__class__,
    ],
    ids=lambda alive: type(alive).__name__,
)
def test_what_is_alive_or_code_is_shared_with_the_copy(alive):
    root = holding(alive=alive, more=[alive])
    copied = deep_copy(root)

    assert copied is not root
    assert copied.alive is copied.more[0] is alive
    if hasattr(alive, "close"):
        alive.close()


def test_an_object_of_another_package_that_holds_something_alive_is_shared_as_a_whole():
    client = foreign(pool=[{"connection": threading.Lock()}])
    around = foreign(client=client)
    root = holding(client=client, around=around)
    copied = deep_copy(root)

    assert copied.client is client
    assert copied.around is around


def test_an_object_of_another_package_that_holds_nothing_alive_is_copied():
    graph = foreign(nodes={1: [2]}, back=None)
    graph.back = graph
    copied = deep_copy(holding(graph=graph)).graph

    assert copied is not graph
    assert copied.nodes == graph.nodes
    assert copied.nodes is not graph.nodes
    assert copied.back is copied


def test_an_object_of_the_modules_own_package_is_copied_around_what_is_alive_in_it():
    lock = threading.Lock()
    copied = deep_copy(holding(part=holding(lock=lock, data=[1]))).part

    assert copied.lock is lock
    copied.data.append(2)


def test_declared_data_of_another_package_is_copied_around_what_is_alive_in_it():
    client = foreign(lock=threading.Lock())
    type(client).__dataclass_fields__ = {}

    assert deep_copy(holding(client=client)).client is not client


def test_the_objects_that_a_container_holds_are_its_own():
    client = foreign(lock=threading.Lock())
    (copied,) = deep_copy([client])

    assert copied is not client
    assert copied.lock is client.lock


def test_looking_for_what_is_alive_is_done_once_for_what_many_share():
    shapes = Shapes()
    shared = foreign(data=list(range(5)))
    root = holding(parts=[foreign(shared=shared) for _ in range(50)])
    ownership = Ownership(root, shapes)

    assert not any(ownership.is_alive(part) for part in root.parts)
    assert ownership._alive[id(shared)] == (shared, False)


def test_the_own_rules_of_objects_are_obeyed():
    root = holding(counted=Counted([1]), pickled=Pickled(), argued=Argued([2]))
    root.again = root.counted
    copied = deep_copy(root)

    assert copied.counted is copied.again
    assert (copied.counted.copies, copied.counted.value) == (1, [1])
    assert copied.pickled.kept == [1]
    assert copied.pickled.made is not root.pickled.made
    assert copied.argued.value == [2]
    assert copied.argued.value is not root.argued.value


def test_the_own_rule_of_a_part_shares_the_memo_with_the_rest():
    shared = [1]
    copied = deep_copy(holding(a=shared, counted=Counted(shared)))

    assert copied.counted.value is copied.a


def test_a_part_whose_own_rule_fails_is_told_with_its_name():
    root = holding(a=[1, Broken()])

    with pytest.raises(CopyFailedError) as caught:
        deep_copy(root)

    assert (caught.value.path, caught.value.type_name) == ("a[1]", "Broken")
    assert "OSError: the disk is gone" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_an_object_of_which_python_sees_only_a_part_is_copied_as_a_whole():
    number, dice = Celsius(1.5), Dice(3)
    number.note = ["a"]
    copied = deep_copy(holding(number=number, dice=dice))

    assert (copied.number, copied.number.note) == (1.5, ["a"])
    assert copied.number.note is not number.note
    assert copied.dice.random() == dice.random()


def test_a_fault_in_the_own_rule_of_a_part_is_no_refusal_to_be_copied():
    with pytest.raises(CopyFailedError, match=r"'a'.*TypeError"):
        deep_copy(holding(a=Faulty()))


def test_a_dict_that_lies_about_its_content_is_copied_with_its_true_content():
    assert dict.copy(deep_copy(Mapped(a=[1]))) == {"a": [1]}


def test_slots_that_hold_nothing_stay_empty():
    root = Slotted()
    root.a = [1]
    copied = deep_copy(root)

    assert copied.a == [1]
    assert not hasattr(copied, "b")


@pytest.mark.parametrize(
    "wrap", [lambda part: [part], lambda part: (part, [0]), lambda part: holding(p=part)]
)
def test_a_long_chain_needs_no_stack(wrap):
    root = [1]
    for _ in range(5_000):
        root = wrap(root)
    copied = deep_copy(root)

    depth = itertools.count()
    while next(depth) < 5_000:
        root = copied = vars(copied)["p"] if isinstance(copied, Plain) else copied[0]
    assert copied == [1]
