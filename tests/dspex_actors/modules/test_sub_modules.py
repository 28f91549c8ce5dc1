"""Finding the objects that an object is made of, nearest first."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import Parameter, discover_sub_modules, named_sub_modules
from tests.dspex_actors.modules._graphs import Frozen, Plain, Record


def chain(length):
    root = at = Plain()
    for _ in range(length):
        at.next = Plain()
        at = at.next
    return root


def test_the_object_itself_comes_first_and_then_level_by_level():
    root, deep, near = Plain(), Record(), Frozen(1)
    root.first = Plain()
    root.first.deep = deep
    root.list = [[near]]

    assert list(named_sub_modules(root)) == [
        ("", root),
        ("first", root.first),
        ("list[0][0]", near),
        ("first.deep", deep),
    ]


def test_an_object_is_found_at_its_nearest_place_once():
    root, shared = Plain(), Plain()
    root.far = Plain()
    root.far.shared = shared
    root.near = [shared]
    shared.back = root

    assert discover_sub_modules(root) == {"far": root.far, "near[0]": shared}


@pytest.mark.parametrize(
    ("length", "max_depth", "found"), [(5, 5, 5), (6, 5, 5), (7, None, 7), (3, 0, 0), (3, 1, 1)]
)
def test_the_depth_counts_objects_and_no_containers(length, max_depth, found):
    root = chain(length)
    root.next = [[root.next]]

    assert len(discover_sub_modules(root, max_depth=max_depth)) == found


def test_the_depth_is_five_unless_given():
    assert list(discover_sub_modules(chain(6))) == [".".join(["next"] * n) for n in range(1, 6)]


@pytest.mark.parametrize("wrong", [-1, 1.0, "1", True])
def test_a_depth_that_is_none_is_refused_at_once(wrong):
    with pytest.raises(ConfigError, match="max_depth"):
        named_sub_modules(Plain(), max_depth=wrong)


def test_a_type_chooses_among_all_objects_parameters_and_opaque_ones_too():
    root = Plain()
    root.p, root.lock, root.inner = [Parameter(1)], threading.Lock(), Frozen(Parameter(2))

    assert [name for name, _ in named_sub_modules(root, Parameter)] == ["p[0]", "inner.a"]
    assert [name for name, _ in named_sub_modules(root, (Plain, type(root.lock)))] == ["", "lock"]
    assert [name for name, _ in named_sub_modules(root)] == ["", "inner"]


def test_what_is_skipped_hides_what_is_below_it():
    root = chain(3)
    assert list(discover_sub_modules(root, skip=lambda part: part is root.next.next)) == ["next"]
    assert len(discover_sub_modules(root, skip=lambda part: part is root)) == 3


def test_a_chain_of_many_objects_needs_no_stack():
    last = max((name for name, _ in named_sub_modules(chain(800))), key=len)
    assert last.count("next") == 800
