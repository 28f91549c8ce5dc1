"""A guest's value is that of its last expression, else of its variable `result`."""

from __future__ import annotations

import sys

import pytest

from dspex_actors.workers.guest._python import PythonEngine, run


@pytest.fixture
def engine():
    """Yield an engine, then give the interpreter its own `__main__` back."""
    main = sys.modules["__main__"]
    yield PythonEngine()
    sys.modules["__main__"] = main


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("1 + 1", 2),
        ("x = 1", None),
        ("x = 1\nx + 1", 2),
        ("1; 2; 3", 3),
        ("'a docstring'", "a docstring"),
        ("result = 5", 5),
        ("result = 5\n7", 7),
        ("result = 5\nNone", 5),
        ("result = None", None),
        ("result = 0", 0),
        ("result = 1\nx = 2", 1),
        ("for result in range(3): pass", 2),
        ("def result(): pass\n1", 1),
        ("result: int = 4", 4),
        ("def f():\n  result = 3\nf()", None),
        ("(yes := 3)", 3),
        ("if True:\n  5", None),
        ("print", print),
        ("raise SystemExit", None),
        ("import sys\nsys.exit()", None),
        ("import sys\nresult = 2\nsys.exit(0)", 2),
        ("raise SystemExit(None)", None),
        ("__name__", "__main__"),
        ("import sys; sys.modules['__main__'].__dict__ is globals()", True),
        ("__annotations__ if '__annotations__' in globals() else None", None),
    ],
)
def test_the_value_is_the_last_expression_else_result_else_none(engine, source, value):
    assert run(engine, source, engine.namespace()) == value


@pytest.mark.parametrize(("source"), ["raise SystemExit(1)", "raise SystemExit('bye')"])
def test_an_exit_with_another_status_is_a_failure(engine, source):
    with pytest.raises(SystemExit):
        run(engine, source, engine.namespace())


def test_a_result_that_was_there_before_is_not_the_value_of_code_that_left_it(engine):
    namespace = engine.namespace()
    namespace["result"] = 5

    assert run(engine, "x = 1", namespace) is None


def test_names_stay_bound_in_a_namespace_that_is_used_again(engine):
    namespace = engine.namespace()
    run(engine, "x = 41", namespace)

    assert run(engine, "x + 1", namespace) == 42


def test_two_namespaces_share_nothing(engine):
    run(engine, "x = 1", engine.namespace())

    with pytest.raises(NameError):
        run(engine, "x", engine.namespace())


@pytest.mark.parametrize("source", ["def", "1 +", "x = = 1", "\0", "return 1", "await x", "yield"])
def test_what_does_not_compile_runs_no_line(engine, source):
    namespace = engine.namespace()

    with pytest.raises((SyntaxError, ValueError)):
        run(engine, f"before = 1\n{source}", namespace)
    assert "before" not in namespace


def test_guest_code_does_not_inherit_the_engines_future_imports(engine):
    assert run(engine, "def f(x: 1 + 1): pass\nf.__annotations__['x']", engine.namespace()) == 2


def test_classes_of_the_guest_belong_to_its_main_module(engine):
    assert run(engine, "class A: pass\nA.__module__", engine.namespace()) == "__main__"
