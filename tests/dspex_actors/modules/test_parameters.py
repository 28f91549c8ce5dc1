"""What a parameter is, and finding every one of them, once."""

from __future__ import annotations

import functools
import logging
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from dspex_actors.modules import (
    CopyFailedError,
    Parameter,
    ParameterLike,
    discover_parameters,
    is_parameter,
    named_parameters,
    reset_copy,
)
from tests.dspex_actors.modules._graphs import Frozen, Listed, Plain, SlottedChild


class Marked:
    is_parameter = True

    def __init__(self):
        self.value = 1

    def reset(self):
        self.value = 0


class Unmarked:
    is_parameter = False

    def reset(self):
        raise AssertionError


class Watchful:
    """Raises if any of its code is run by a walk."""

    def __init__(self, inner):
        vars(self)["inner"] = inner

    def __getattr__(self, name):
        raise AssertionError(name)

    def __eq__(self, other):
        raise AssertionError

    def __hash__(self):
        raise AssertionError

    @property
    def trap(self):
        raise AssertionError

    def __iter__(self):
        raise AssertionError


@dataclass
class Config:
    a: object
    more: list = field(default_factory=list)


def names_of(root, **options):
    return [name for name, _ in named_parameters(root, **options)]


def holding(**attributes):
    root = Plain()
    vars(root).update(attributes)
    return root


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Parameter(1), True),
        (Marked(), True),
        (Unmarked(), False),
        (Marked, False),
        (1, False),
        (None, False),
        (Plain(), False),
    ],
)
def test_the_class_says_whether_a_value_is_a_parameter(value, expected):
    assert is_parameter(value) is expected


def test_both_kinds_of_marked_classes_fit_the_protocol():
    assert isinstance(Parameter(1), ParameterLike)
    assert isinstance(Marked(), ParameterLike)
    assert not isinstance(Plain(), ParameterLike)


def test_parameters_come_in_the_order_of_declaration():
    root = holding(b=Parameter(1), a=[Parameter(2), holding(x=Parameter(3))], c=Parameter(4))
    assert names_of(root) == ["b", "a[0]", "a[1].x", "c"]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda p: [[[p]]], "[0][0][0]"),
        (lambda p: {"a": {"b": (1, [p])}}, "['a']['b'][1][0]"),
        (lambda p: ({"k": p},), "[0]['k']"),
        (Frozen, "a"),
        (lambda p: Config(1, [p]), "more[0]"),
        (lambda p: SimpleNamespace(a=p), "a"),
        (lambda p: Listed([1, p]), "[1]"),
        (lambda p: holding(p=holding(p=p)), "p.p"),
        (Watchful, "inner"),
        (lambda p: frozenset({p}), "{0}"),
    ],
)
def test_a_parameter_is_found_however_deep_in_whatever_holds_it(make, name):
    parameter = Parameter(1)
    assert named_parameters(make(parameter)) == [(name, parameter)]


def test_slots_of_a_class_and_its_bases_are_looked_through():
    root = SlottedChild()
    root.a, root.c, root.free = Parameter(1), Parameter(2), Parameter(3)
    root._SlottedChild__hidden = Parameter(4)

    assert sorted(names_of(root)) == ["_SlottedChild__hidden", "a", "c", "free"]


def test_a_shared_parameter_has_one_name_the_first():
    shared = Parameter(1)
    assert named_parameters(holding(a=shared, b=[shared], c={"k": shared})) == [("a", shared)]


def test_a_shared_container_is_looked_through_once():
    shared = [Parameter(1)]
    assert names_of(holding(a=shared, b=shared)) == ["a[0]"]


def test_cycles_through_objects_lists_and_dicts_end():
    root = holding(p=Parameter(1))
    root.me, root.list, root.dict = root, [root], {"k": root}
    root.list.append(root.list)

    assert names_of(root) == ["p"]


def test_a_chain_of_many_objects_needs_no_stack():
    root = end = Plain()
    for _ in range(5_000):
        end.next = Plain()
        end = end.next
    end.p = Parameter(1)

    assert names_of(root) == ["next." * 5_000 + "p"]


def test_nested_lists_of_any_depth_need_no_stack():
    root = [Parameter(1)]
    for _ in range(5_000):
        root = [root]

    assert names_of(root) == ["[0]" * 5_001]


def test_an_object_that_is_a_parameter_itself_has_the_empty_name():
    parameter = Parameter([Parameter(1)])
    assert named_parameters(parameter) == [("", parameter)]


def test_what_a_parameter_holds_is_its_value_and_no_part_of_the_module():
    assert names_of(holding(a=Parameter([Parameter(1), holding(p=Parameter(2))]))) == ["a"]


@pytest.mark.parametrize(
    "opaque",
    [
        threading.Lock(),
        threading.Event(),
        logging.getLogger("a"),
        functools.partial(print, Parameter(1)),
        Plain,
        len,
        (x for x in [Parameter(1)]),
        ValueError(Parameter(1)),
        iter([Parameter(1)]),
    ],
    ids=lambda opaque: type(opaque).__name__,
)
def test_what_is_alive_or_code_is_not_looked_through(opaque):
    assert named_parameters([opaque]) == []


def test_a_predicate_decides_alone_and_equal_values_at_two_places_are_two():
    root = holding(a=0.5, b=[0.5, 1, Parameter(2.5)])

    assert named_parameters(root, predicate=lambda value: type(value) is float) == [
        ("a", 0.5),
        ("b[0]", 0.5),
        ("b[2].initial", 2.5),
        ("b[2].value", 2.5),
    ]


def test_what_is_skipped_is_left_out_with_all_below_it():
    frozen = holding(p=Parameter(1), inner=holding(p=Parameter(2)))
    root = holding(a=frozen, b=Parameter(3))

    assert names_of(root, skip=lambda part: part is frozen) == ["b"]
    assert names_of(frozen, skip=lambda part: part is frozen) == ["p", "inner.p"]


def test_the_same_is_given_as_a_dict_on_demand():
    root = holding(a=Parameter(1), b={"k": Parameter(2)})
    assert discover_parameters(root) == {"a": root.a, "b['k']": root.b["k"]}


def test_resetting_gives_a_copy_of_what_the_value_was_at_first():
    start = ["x"]
    parameter = Parameter(start, description="d")
    start.append("changed outside")
    parameter.value.append("changed inside")
    parameter.reset()

    assert parameter.value == ["x"]
    parameter.value.append("y")
    parameter.reset()
    assert parameter.value == ["x"]


def test_a_reset_copy_is_reset_and_the_original_is_not():
    root = holding(a=Parameter(1), b=[Marked()])
    root.a.value = 5
    copied = reset_copy(root)

    assert (copied.a.value, copied.b[0].value) == (1, 0)
    assert (root.a.value, root.b[0].value) == (5, 1)


def test_a_reset_that_fails_is_told_with_the_name_of_the_parameter():
    class Stubborn:
        is_parameter = True

        def reset(self):
            raise OSError("no")

    with pytest.raises(CopyFailedError, match=r"'a\[0\]'.*OSError: no") as caught:
        reset_copy(holding(a=[Stubborn()]))

    assert isinstance(caught.value.__cause__, OSError)
