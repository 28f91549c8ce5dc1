"""Names of parts: one name leads to one place, and no two places have one name."""

from __future__ import annotations

from collections import OrderedDict, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.modules import PathError, named_parameters, resolve
from dspex_actors.modules._paths import Kind, join, key_step
from tests.dspex_actors.modules._graphs import ODD_KEYS, Colour, Mapped, Plain


def is_text(value):
    return type(value) is str and value.startswith("found")


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ([], ""),
        ([(Kind.ATTRIBUTE, "layers")], "layers"),
        ([(Kind.ATTRIBUTE, "layers"), (Kind.INDEX, 0), (Kind.ATTRIBUTE, "weight")], "layers[0].weight"),
        ([(Kind.KEY, "a")], "['a']"),
        ([(Kind.KEY, 1)], "[1]"),
        ([(Kind.KEY, "1")], "['1']"),
        ([(Kind.KEY, True)], "[True]"),
        ([(Kind.KEY, (1, "a"))], "[(1, 'a')]"),
        ([(Kind.ATTRIBUTE, "a b")], ".'a b'"),
        ([(Kind.ATTRIBUTE, "x"), (Kind.ATTRIBUTE, "a.b")], "x.'a.b'"),
        ([(Kind.PLACE, 2)], "[#2]"),
        ([(Kind.MEMBER, 0)], "{0}"),
    ],
)
def test_a_name_is_written_as_python_would_write_the_access(steps, name):
    assert join(steps) == name


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (1, Kind.KEY),
        ("1", Kind.KEY),
        (b"1", Kind.KEY),
        (1.5, Kind.KEY),
        (None, Kind.KEY),
        ((1, "a"), Kind.KEY),
        ((1, (2, 3)), Kind.PLACE),
        (float("nan"), Kind.PLACE),
        (float("inf"), Kind.PLACE),
        (Colour.RED, Kind.PLACE),
        (frozenset({1}), Kind.PLACE),
        (10**3000, Kind.KEY),
        (10**30000, Kind.PLACE),
        (2j, Kind.PLACE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_key_without_a_text_of_its_own_is_named_by_its_place(key, kind):
    assert key_step(key, 7)[0] is kind


def test_keys_that_look_alike_never_share_a_name():
    # 1 and True are one key of a dict, so they stand in two.
    holder = {"a": {1: "found 1", "1": "found 2", (1,): "found 3", b"1": "found 4"}, "b": {True: "found 5"}}
    found = dict(named_parameters(holder, predicate=is_text))

    assert found == {
        "['a'][1]": "found 1",
        "['a']['1']": "found 2",
        "['a'][(1,)]": "found 3",
        "['a'][b'1']": "found 4",
        "['b'][True]": "found 5",
    }


@settings(max_examples=50, deadline=None, database=None)
@given(st.lists(st.sampled_from(ODD_KEYS), max_size=8), st.lists(st.text(), max_size=4))
def test_every_name_leads_back_to_the_part_it_names(keys, names):
    root = Plain()
    root.table = {key: f"found {place}" for place, key in enumerate(keys)}
    for place, name in enumerate(names):
        vars(root)[name or "empty"] = [f"found too {place}"]
    found = named_parameters(root, predicate=is_text)

    assert len(dict(found)) == len(found) == len(root.table) + len(vars(root)) - 1
    assert all(resolve(root, name) == part for name, part in found)


def test_a_set_names_its_members_as_it_is_iterated_now():
    root = [{"found a", "found b"}, frozenset({"found c"})]

    assert {name for name, _ in named_parameters(root, predicate=is_text)} == {"[0]{0}", "[0]{1}", "[1]{0}"}
    assert all(resolve(root, name) == part for name, part in named_parameters(root, predicate=is_text))


def test_containers_are_read_by_their_built_in_methods_even_where_a_class_overrides_them():
    root = [deque(["found 1"]), OrderedDict(a="found 2"), Mapped(b="found 3")]
    found = dict(named_parameters(root, predicate=is_text))

    assert found == {"[0][0]": "found 1", "[1]['a']": "found 2", "[2]['b']": "found 3"}
    assert all(resolve(root, name) == part for name, part in found.items())


@pytest.mark.parametrize(
    "path",
    [
        "missing",
        "a[2]",
        "a[-1]",
        "a['x']",
        "a[True]",
        "a{0}",
        "a[#0]",
        "a.b",
        "table['x']",
        "table[#9]",
        "a[",
        "a[0",
        "a['x]",
        "a[__import__('os')]",
        "a[0]b",
        "1",
        "a..b",
        "a.'x",
        "{x}",
        "a[#x]",
        "a[#-1]",
        "a[0].",
        "[" * 5000,
        "a[" + "(" * 5000 + ")" * 5000 + "]",
    ],
)
def test_what_is_no_name_or_leads_nowhere_is_refused_with_the_reason(path):
    root = Plain()
    root.a, root.table = [1, 2], {"k": 1}

    with pytest.raises(PathError) as caught:
        resolve(root, path)

    assert caught.value.path == path
    assert isinstance(caught.value, LookupError)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("name", ["__dict__", "__class__", "__weakref__", "trap"])
def test_an_attribute_that_the_class_hides_is_the_one_that_the_object_holds(name):
    root = type("Hiding", (Plain,), {"trap": property(lambda _self: "found nothing")})()
    root.__dict__[name] = ["found it"]

    assert named_parameters(root, predicate=is_text) == [(f"{name}[0]", "found it")]
    assert resolve(root, f"{name}[0]") == "found it"


def test_the_empty_name_is_the_object_itself():
    root = Plain()
    assert resolve(root, "") is root
