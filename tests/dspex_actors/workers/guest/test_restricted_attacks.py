"""Programs that try to leave the strict profile: each is refused before it reaches what it wants.

They are run in this process: what they reach for is harmless by itself. Bombs are for the sandbox's tests.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dspex_actors.workers.guest._restricted import StrictViolationError, compile_strict, make_strict_globals

CORPUS = Path(__file__).with_name("restricted_attacks.txt")
REFUSALS = (AttributeError, ImportError, PermissionError, SyntaxError, TypeError, ValueError)


class Attack(NamedTuple):
    title: str
    source: str


def read_attacks():
    for group in CORPUS.read_text(encoding="utf-8").split("## ")[1:]:
        hole, _, programs = group.partition("\n")
        for source in programs.split("===\n")[1:]:
            yield Attack(f"{hole}: {source.strip().splitlines()[-1].strip()}", source)


# One name bound in every way Python has.
BINDINGS = [
    "{name} = 1",
    "{name}: int = 1",
    "{name} += 1",
    "a, *{name} = 1, 2",
    "[{name}] = [1]",
    "import math as {name}",
    "from math import pi as {name}",
    "for {name} in []: pass",
    "with x as {name}: pass",
    "with x as (a, {name}): pass",
    "try: pass\nexcept Exception as {name}: pass",
    "def {name}(): pass",
    "async def {name}(): pass",
    "class {name}: pass",
    "def f({name}, /): pass",
    "def f({name}): pass",
    "def f(*{name}): pass",
    "def f(*, {name}): pass",
    "def f(**{name}): pass",
    "lambda {name}: 1",
    "match 1:\n    case {name}: pass",
    "match 1:\n    case 1 as {name}: pass",
    "match 1:\n    case [*{name}]: pass",
    "match 1:\n    case {{**{name}}}: pass",
    "match 1:\n    case int(real={name}): pass",
    "({name} := 1)",
    "[1 for {name} in []]",
    "{{1: 2 for {name} in []}}",
    "def f():\n    global {name}",
    "def f():\n    {name} = 1\n    def g():\n        nonlocal {name}",
    "del {name}",
    "class A:\n    {name} = 1",
    "class A:\n    def {name}(self): pass",
]
NEWER_BINDINGS = [
    "type {name} = int",
    "def f[{name}](): pass",
    "class A[*{name}]: pass",
    "def f[**{name}](): pass",
]


def refused(source):
    with pytest.raises(StrictViolationError) as caught:
        compile_strict(source, "<guest>")
    return caught.value


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy.matrix, met on the way
@pytest.mark.parametrize("attack", list(read_attacks()), ids=lambda attack: attack.title)
def test_a_program_that_tries_to_leave_the_profile_is_refused(attack):
    with pytest.raises(REFUSALS):  # noqa: PT012 -- refused when compiled or when run
        parts = compile_strict(attack.source, "<guest>")
        namespace = make_strict_globals()
        if parts.statements is not None:
            exec(parts.statements, namespace)  # noqa: S102 -- the code under test
        if parts.expression is not None:
            eval(parts.expression, namespace)  # noqa: S307 -- see above


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("name", ["_getattr_", "_write_", "__builtins__", "__import__", "__class__"])
def test_no_form_of_binding_replaces_a_guard(binding, name):
    assert name in str(refused(binding.format(name=name)))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with Python 3.12")
@pytest.mark.parametrize("binding", NEWER_BINDINGS)
def test_no_type_parameter_replaces_a_guard(binding):
    assert "_write_" in str(refused(binding.format(name="_write_")))


@given(st.from_regex(r"_[a-z_]{0,4}[a-z][a-z_]{0,4}_", fullmatch=True), st.sampled_from(BINDINGS[:-2]))
def test_names_with_underscores_at_both_ends_are_never_bound(name, binding):
    assume(name not in {"__doc__", "__all__", "__version__", "__author__"})
    assert name in str(refused(binding.format(name=name)))


@given(st.sampled_from(sorted(make_strict_globals()["__builtins__"])))
def test_no_builtin_is_a_module_or_the_real_thing_it_stands_for(name):
    import builtins  # noqa: PLC0415 -- compared with, not used

    value = make_strict_globals()["__builtins__"][name]
    raw = {
        "getattr",
        "setattr",
        "delattr",
        "vars",
        "dir",
        "type",
        "eval",
        "exec",
        "compile",
        "open",
        "__import__",
    }
    assert type(value) is not type(sys)
    assert name not in raw or value is not getattr(builtins, name)
