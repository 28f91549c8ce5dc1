"""What changed runs again, and what imports it, each after what it imports."""

from __future__ import annotations

import ast

import pytest

from dspex_actors.modules._reload_plan import PlannedSource, PlanRefusedError, plan_reload
from dspex_actors.modules._source_text import read_source

PACKAGE = {
    "pk": "from pk.y import Y\nfrom .x import X",
    "pk.x": "",
    "pk.y": "from .x import X",
    "pk.z": "import pk.y",
    "pk.alone": "def f():\n    from pk.x import X",
}


def plan(texts, changed, refusals=None):
    sources = [
        PlannedSource(
            name,
            changed=name in changed,
            text=read_source(ast.parse(text), name, is_package=name == "pk"),
            refusal=(refusals or {}).get(name, ""),
        )
        for name, text in texts.items()
    ]
    return plan_reload(sources)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (set(), []),
        ({"pk.x"}, ["pk.x", "pk.y", "pk", "pk.z"]),
        ({"pk.y"}, ["pk.y", "pk", "pk.z"]),
        ({"pk"}, ["pk"]),
        ({"pk.z"}, ["pk.z"]),
        ({"pk.alone"}, ["pk.alone"]),
        ({"pk.alone", "pk.z"}, ["pk.alone", "pk.z"]),
    ],
    ids=lambda names: " ".join(sorted(names)),
)
def test_what_changed_runs_again_and_what_imports_it_in_order(changed, expected):
    order = plan(PACKAGE, changed)
    assert sorted(order) == sorted(expected)
    for earlier, later in [("pk.x", "pk.y"), ("pk.y", "pk"), ("pk.y", "pk.z")]:
        if earlier in order and later in order:
            assert order.index(earlier) < order.index(later)


def test_a_module_that_is_only_named_as_a_part_of_its_package_is_no_circle():
    texts = {"pk": "from .x import X", "pk.x": "from pk import y", "pk.y": ""}
    assert plan(texts, {"pk.y"}) == ("pk.y", "pk.x", "pk")


def test_modules_that_import_each_other_as_modules_run_again_all_the_same():
    texts = {"pk.a": "import pk.b\nfrom pk.c import C", "pk.b": "import pk.a", "pk.c": ""}
    order = plan(texts, {"pk.c"})
    assert order.index("pk.c") < order.index("pk.a")
    assert set(order) == {"pk.a", "pk.b", "pk.c"}


def test_modules_that_take_names_from_each_other_are_refused():
    texts = {"pk.a": "from pk.b import B", "pk.b": "from pk.a import A"}
    with pytest.raises(
        PlanRefusedError, match=r"take names from each other: pk\.a -> pk\.b -> pk\.a|pk\.b -> pk\.a"
    ):
        plan(texts, {"pk.a"})


def test_such_a_circle_does_no_harm_where_nothing_of_it_has_changed():
    texts = {"pk.a": "from pk.b import B", "pk.b": "from pk.a import A", "pk.c": ""}
    assert plan(texts, {"pk.c"}) == ("pk.c",)


def test_a_module_that_refuses_is_only_asked_if_it_would_run():
    refusals = {"pk.z": "refuses"}
    assert plan(PACKAGE, {"pk.alone"}, refusals) == ("pk.alone",)
    with pytest.raises(PlanRefusedError, match=r"pk\.z refuses"):
        plan(PACKAGE, {"pk.x"}, refusals)
