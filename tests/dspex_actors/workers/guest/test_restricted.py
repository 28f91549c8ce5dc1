"""The strict profile's interface: compiled parts, reports of violations, namespaces, output."""

from __future__ import annotations

import pickle
import sys
import traceback

import pytest

from dspex_actors.workers.guest._restricted import (
    STRICT_RULES,
    StrictViolationError,
    compile_strict,
    make_strict_globals,
    variable_refusal,
)


def run(source, namespace=None):
    parts = compile_strict(source, "<guest>")
    namespace = make_strict_globals() if namespace is None else namespace
    if parts.statements is not None:
        exec(parts.statements, namespace)  # noqa: S102 -- the code under test
    return eval(parts.expression, namespace) if parts.expression is not None else None  # noqa: S307 -- see above


@pytest.mark.parametrize(
    ("source", "has_statements", "has_expression"),
    [("x = 1", True, False), ("1 + 1", False, True), ("x = 1\nx", True, True), ("", True, False)],
)
def test_the_last_expression_is_compiled_apart(source, has_statements, has_expression):
    parts = compile_strict(source, "<guest>")
    assert (parts.statements is not None, parts.expression is not None) == (has_statements, has_expression)


def test_all_violations_are_told_together_with_the_guests_lines():
    source = "import math\nx = ().__class__.__base__\n\ndef _hook_():\n    return x.gi_frame\n"
    source += "try:\n    1\nexcept* E:\n    2"
    with pytest.raises(StrictViolationError) as caught:
        compile_strict(source, "<guest>")
    assert [line for line, _ in caught.value.violations] == [2, 4, 5, 6]
    assert str(caught.value).splitlines() == [
        "not available in the strict profile:",
        "line 2: the attribute '__base__' is not available: it starts with two underscores",
        "line 4: the name '_hook_' is reserved: it starts and ends with an underscore",
        "line 5: the attribute 'gi_frame' is not available: it leads to interpreter internals",
        "line 6: 'except*' is not available: use 'except'",
    ]


def test_a_long_list_of_violations_is_cut_short_in_the_message_only():
    with pytest.raises(StrictViolationError) as caught:
        compile_strict("\n".join(["x.__dict__"] * 30), "<guest>")
    assert len(caught.value.violations) == 30
    assert str(caught.value).endswith("... and 10 more")


def test_a_violation_is_a_syntax_error_that_survives_pickling():
    with pytest.raises(SyntaxError) as caught:
        compile_strict("x.__dict__", "<guest>")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 -- our own error
    assert (again.violations, again.filename, again.lineno) == (caught.value.violations, "<guest>", 1)


@pytest.mark.parametrize("source", ["x = ", "def f(:", "return 1", "x = " + "-" * 50_000 + "1"])
def test_what_is_no_program_is_a_syntax_error_or_out_of_memory(source):
    with pytest.raises((SyntaxError, MemoryError)) as caught:
        compile_strict(source, "<guest>")
    assert not isinstance(caught.value, StrictViolationError)


def test_tracebacks_show_the_guests_own_lines():
    with pytest.raises(AttributeError) as caught:
        run("class A:\n    pass\n\ndef f(a):\n    return a.missing\n\nf(A())")
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.lineno for frame in frames if frame.filename == "<guest>"] == [7, 5]


def test_print_goes_to_whatever_is_the_workers_output(capsys):
    run("import sys\nprint('a', 1, sep='-', end='.', flush=True)\nprint('e', file=sys.stderr)")
    run("import sys\nsys.stdout.write('w')")
    assert capsys.readouterr() == ("a-1.w", "e\n")


def test_output_functions_follow_a_replaced_sys_stdout(monkeypatch, capsys):
    namespace = make_strict_globals()
    run("def say():\n    print('x')", namespace)
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    run("say()", namespace)
    assert capsys.readouterr() == ("", "x\n")


def test_variables_and_classes_live_from_call_to_call():
    namespace = make_strict_globals()
    run("class A:\n    n = 1\na = A()\na._x = 2", namespace)
    assert run("a._x += 1\nA.n += a._x\nA.n", namespace) == 4


def test_a_namespace_does_not_own_the_objects_of_another_one():
    other = make_strict_globals()
    run("class A:\n    pass\na = A()\na._x = 1", other)
    with pytest.raises(AttributeError):
        run("a._x", make_strict_globals() | {"a": other["a"]})


def test_a_copied_namespace_still_owns_its_functions():
    namespace = make_strict_globals()
    run("def f():\n    pass", namespace)
    assert run("f.calls = 3\nf.calls", dict(namespace)) == 3


def test_a_tool_of_the_host_can_be_called_but_not_opened():
    def tool(x):
        return x + 1

    tool.secret_state = sys
    assert run("tool(1)", make_strict_globals() | {"tool": tool}) == 2
    with pytest.raises(AttributeError, match="its value is a module"):
        run("tool.secret_state", make_strict_globals() | {"tool": tool})


@pytest.mark.parametrize(
    ("name", "allowed"), [("x", True), ("_x", True), ("_write_", False), ("__builtins__", False)]
)
def test_a_host_can_ask_which_names_of_variables_are_free(name, allowed):
    assert (variable_refusal(name) is None) is allowed


def test_no_key_of_the_namespace_can_be_named_by_the_guest_but_its_own_name_and_text():
    nameable = {name for name in make_strict_globals() if variable_refusal(name, reading=True) is None}
    assert nameable == {"__name__", "__doc__"}


def test_wider_rules_let_a_module_in_with_its_public_names_only():
    namespace = make_strict_globals(STRICT_RULES.widened(allow=("colorsys", "os.path:join")))
    assert run("import colorsys, os.path\ncolorsys.rgb_to_hsv(0, 0, 0), os.path.join('a', 'b')", namespace)
    with pytest.raises(AttributeError):
        run("os.system", namespace)
    with pytest.raises(AttributeError):
        run("os.path.os", namespace)


def test_narrower_rules_take_a_module_away():
    namespace = make_strict_globals(STRICT_RULES.widened(forbid=("random", "time:sleep")))
    with pytest.raises(ImportError, match="forbidden by the rule 'random'"):
        run("import random", namespace)
    with pytest.raises(ImportError, match="forbidden by the rule 'time:sleep'"):
        run("from time import sleep", namespace)


def test_a_module_imported_twice_is_the_same_view():
    source = "import math as a\nimport math as b\nfrom collections import abc as c\nimport collections.abc\n"
    assert run(source + "a is b, c is collections.abc") == (True, True)


@pytest.mark.parametrize("kind", ["Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"])
def test_every_kind_of_enum_works_as_a_base_and_as_a_function(kind):
    source = f"import enum\nclass E(enum.{kind}):\n    A = enum.auto()\nF = enum.{kind}('F', ['X', 'Y'])\n"
    assert run(f"{source}E.A.name, F['Y'].name, isinstance(E.A, enum.{kind})") == ("A", "Y", True)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax came with Python 3.12")
def test_type_parameters_and_type_statements_work():
    source = "type Pair[T] = tuple[T, T]\ndef first[T](p: Pair[T]) -> T:\n    return p[0]\n"
    source += "class Box[T]:\n    def __init__(self, v: T):\n        self._v = v\nfirst((1, 2)), Box(3)._v"
    assert run(source) == (1, 3)
