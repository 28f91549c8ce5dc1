"""Over generated object graphs: every parameter once, copies that share alike, loads that give it back."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings

from dspex_actors.modules import deep_copy, dump_state, load_state, named_parameters, resolve
from dspex_actors.serialization import Serializer
from tests.dspex_actors.modules._graphs import (
    MISSING,
    Parameter,
    Plain,
    children,
    difference,
    graphs,
    mutable_parts,
)

EXAMPLES = int(os.environ.get("GRAPH_EXAMPLES", "30"))
LONG = [pytest.param(EXAMPLES, id="few"), pytest.param(30 * EXAMPLES, id="many", marks=pytest.mark.slow)]


def over_graphs(examples, check, **shape):
    """Run a check over so many graphs."""
    limits = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    limits(given(graphs(**shape))(check))()


@pytest.mark.parametrize("examples", LONG)
def test_every_parameter_is_found_once_under_a_name_that_leads_back_to_it(examples):
    def check(root):
        found = named_parameters(root)
        inside = {id(part) for part in mutable_parts(root).values() if isinstance(part, Parameter)}
        names = [name for name, _ in found]

        assert len(set(names)) == len(names)
        assert len({id(parameter) for _, parameter in found}) == len(found)
        assert {id(parameter) for _, parameter in found} <= inside
        assert all(resolve(root, name) is parameter for name, parameter in found)
        assert {id(part) for part in reachable_without_entering_parameters(root)} == {
            id(parameter) for _, parameter in found
        }

    over_graphs(examples, check)


def reachable_without_entering_parameters(root):
    found, seen, stack = [], set(), [root]
    while stack:
        node = stack.pop()
        if node is MISSING or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Parameter):
            found.append(node)
            continue
        stack += [part for label, part in children(node) if label[0] != "k"]
    return found


@pytest.mark.parametrize("examples", LONG)
def test_a_copy_shares_inside_what_the_original_shares_and_nothing_with_it(examples):
    def check(root):
        copied = deep_copy(root)

        assert difference(root, copied) is None
        assert mutable_parts(root).keys() & mutable_parts(copied).keys() == set()

    over_graphs(examples, check)


@pytest.mark.parametrize("root", ["plain", "child", "record", "list", "dict", "deque"])
def test_a_dump_that_is_loaded_into_an_empty_object_gives_the_same_graph(root):
    def check(original):
        state = dump_state(original)
        fresh = type(original).__new__(type(original))
        load_state(fresh, state, types="loaded")

        assert difference(original, fresh) is None

    over_graphs(EXAMPLES // 3, check, root=root)


@pytest.mark.parametrize("examples", LONG)
def test_a_dump_goes_through_every_format_and_shares_nothing_with_the_object(examples):
    def check(root):
        state = dump_state(root)
        for form in ("msgpack", "json", "etf", "protobuf"):
            serializer = Serializer(format=form, compression="none")
            back = serializer.loads(serializer.dumps(state)).value
            fresh = Plain()
            load_state(fresh, back)
            assert difference(root, fresh) is None
        assert mutable_parts(root).keys() & mutable_parts(state).keys() == set()

    over_graphs(examples, check)


@pytest.mark.parametrize("examples", LONG)
def test_loading_into_the_object_itself_keeps_its_objects_but_for_members_of_sets(examples):
    def check(root):
        before = deep_copy(root)
        parts = mutable_parts(root)
        members = {id(member) for part in parts.values() if isinstance(part, set) for member in part}
        objects = [part for part in parts.values() if type(part) in (Plain, Parameter)]
        load_state(root, dump_state(root))

        assert difference(before, root) is None
        gone = parts.keys() - mutable_parts(root).keys()
        assert [part for part in objects if id(part) in gone - members] == []

    over_graphs(examples, check)
