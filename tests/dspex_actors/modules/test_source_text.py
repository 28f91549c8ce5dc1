"""What is read from the text of a module: imports that run when it is loaded, and the names it makes."""

from __future__ import annotations

import ast
import textwrap

import pytest

from dspex_actors.modules._source_text import read_source


def read(text, name="pk.m", *, is_package=False):
    return read_source(ast.parse(textwrap.dedent(text)), name, is_package=is_package)


@pytest.mark.parametrize(
    ("line", "name", "is_package", "expected"),
    [
        ("from pk.x import a", "pk.m", False, {("pk.x", "a")}),
        ("from .x import a", "pk.m", False, {("pk.x", "a")}),
        ("from . import x", "pk.m", False, {("pk", "x")}),
        ("from . import x", "pk", True, {("pk", "x")}),
        ("from .x import a", "pk", True, {("pk.x", "a")}),
        ("from ..x import a", "pk.below.m", False, {("pk.x", "a")}),
        ("from ... import a", "m", False, {("", "a")}),
        ("from x import *", "pk.m", False, {("x", "*")}),
    ],
)
def test_names_are_taken_from_absolute_modules(line, name, is_package, expected):
    assert read(line, name, is_package=is_package).taken == expected


def test_an_import_counts_where_it_runs_when_the_module_is_loaded():
    text = read("""
        import a.b
        try:
            import c
        except ImportError:
            c = None
        class D:
            import e
        if True:
            import f
        """)
    assert text.used == {"a.b", "c", "e", "f"}


def test_an_import_inside_a_function_or_for_type_checkers_does_not_count():
    text = read("""
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import a
        else:
            import b
        def f():
            import c
        class D:
            async def g(self):
                from d import e
        h = lambda: __import__("i")
        """)
    assert text.used == {"b"}
    assert text.taken == {("typing", "TYPE_CHECKING")}


def test_the_names_that_statements_of_the_module_make_are_known():
    text = read("""
        import a.b, c as d
        from e import f as g
        h = i, *j = 1, 2
        k: int = 3
        l += 1
        for m in (): pass
        with open("") as n: pass
        def o(p): q = 1
        class R: s = 1
        if (t := 1): pass
        match h:
            case [u, *v]: pass
            case {"w": x, **y}: pass
            case z: pass
        """)
    assert text.bound == set("adghijklmnotuvxyz") | {"R"}
    assert not text.has_star


def test_a_star_stands_for_names_that_only_another_module_knows():
    assert read("from x import *").has_star
