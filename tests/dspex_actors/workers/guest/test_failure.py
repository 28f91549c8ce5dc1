"""Whatever guest code raises becomes plain text, and describing it never raises."""

from __future__ import annotations

import sys

import pytest

from dspex_actors import GuestFailure
from dspex_actors.workers.guest._failure import FILENAME, describe, misplaced
from dspex_actors.workers.guest._python import PythonEngine, run
from dspex_actors.workers.guest._restricted import compile_strict


def raised_by(source: str) -> BaseException:
    """Run guest code as the engine does and return what it raised."""
    try:
        code = compile(source, FILENAME, "exec")
        exec(code, {"__name__": "__main__"})  # noqa: S102 -- guest code
    except BaseException as error:  # noqa: BLE001 -- whatever it is
        return error
    return pytest.fail("the code raised nothing")


def failure_of(source: str):
    """Describe what guest code raised; if that raises, fail without touching the hostile object."""
    error = raised_by(source)
    try:
        return GuestFailure(*describe(error, {FILENAME: source}))
    except BaseException as raised:  # noqa: BLE001 -- pytest must not look at what the guest made
        problem = f"describe() raised {type(raised).__name__}"
    return pytest.fail(problem)


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("{}['x']", "KeyError", "'x'"),
        ("raise ValueError", "ValueError", ""),
        ("raise ValueError('a', 1)", "ValueError", "('a', 1)"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit('x')", "GeneratorExit", "x"),
        ("class MyError(Exception): pass\nraise MyError('m')", "MyError", "m"),
        ("class Outer:\n  class E(Exception): pass\nraise Outer.E", "Outer.E", ""),
        ("raise ExceptionGroup('g', [ValueError(1)])", "ExceptionGroup", "g (1 sub-exception)"),
        ("raise ValueError('\\udc80\\ud800')", "ValueError", "\\udc80\\ud800"),
        ("raise ValueError('a\\x00b')", "ValueError", "a\0b"),
        ("assert 1 == 2, 'no'", "AssertionError", "no"),
    ],
)
def test_type_and_message_are_those_of_the_exception(source, kind, message):
    failure = failure_of(source)

    assert (failure.type, failure.message) == (kind, message)


def test_the_traceback_is_pythons_own_cut_to_guest_lines():
    failure = failure_of("def inner(x):\n    return 1 / x\n\ninner(0)\n")

    assert failure.traceback == (
        "Traceback (most recent call last):\n"
        '  File "<guest>", line 4, in <module>\n'
        "    inner(0)\n"
        '  File "<guest>", line 2, in inner\n'
        "    return 1 / x\n"
        "ZeroDivisionError: division by zero"
    )


def test_lines_of_libraries_are_not_shown():
    assert "json" not in failure_of("import json\njson.loads('{')").traceback.replace("json.loads", "")


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("try:\n  1 / 0\nexcept Exception as e:\n  raise KeyError('x') from e", "direct cause"),
        ("try:\n  1 / 0\nexcept Exception:\n  raise KeyError('x')", "During handling"),
    ],
)
def test_the_cause_comes_first_and_is_linked_in_words(source, link):
    text = failure_of(source).traceback

    assert text.index("ZeroDivisionError") < text.index(link) < text.index("KeyError: 'x'")


def test_a_suppressed_context_is_not_shown():
    source = "try:\n  1 / 0\nexcept Exception:\n  raise KeyError('x') from None"

    assert "ZeroDivisionError" not in failure_of(source).traceback


def test_a_chain_that_bites_its_tail_ends():
    source = "a = ValueError('a'); b = ValueError('b')\na.__cause__ = b; b.__cause__ = a\nraise a"

    assert failure_of(source).traceback.count("ValueError: a") == 1


def test_a_chain_of_a_thousand_causes_is_cut():
    source = "e = None\nfor i in range(1000):\n  n = ValueError(i); n.__cause__ = e; e = n\nraise e"

    text = failure_of(source).traceback

    assert text.count("ValueError: ") == 5
    assert "ValueError: 999" in text


def test_a_deep_recursion_is_cut_in_the_middle():
    failure = failure_of("def f(n):\n  return f(n + 1)\nf(0)")

    assert failure.type == "RecursionError"
    assert " more ..." in failure.traceback
    assert failure.traceback.count("line 2, in f") < 50


@pytest.mark.parametrize(
    ("source", "column"), [("a = (1 +", "("), ("x = 5 5", "5"), ("def f(:\n  pass", ":")]
)
def test_a_syntax_error_points_at_its_place(source, column):
    failure = failure_of_syntax(source)

    assert "line 1" in failure.message
    place, caret = failure.traceback.splitlines()[-3:-1]
    assert place[caret.index("^") :].startswith(column)


def failure_of_syntax(source):
    with pytest.raises(SyntaxError) as caught:
        compile(source, FILENAME, "exec")
    return GuestFailure(*describe(caught.value, {FILENAME: source}))


def test_a_message_of_megabytes_is_cut_and_says_so():
    failure = failure_of("raise ValueError('x' * 10**7)")

    assert len(failure.message) < 10_000
    assert "10000000 characters" in failure.message
    assert len(failure.traceback) < 40_000


def test_a_source_line_of_megabytes_is_cut():
    assert len(failure_of("x = '" + "y" * 10**6 + "'; 1 / 0").traceback) < 1000


def test_a_class_name_of_megabytes_is_cut():
    assert len(failure_of("raise type('E' * 10**6, (Exception,), {})").type) < 300


HOSTILE = {
    "text that raises": "class E(Exception):\n  def __str__(self): raise KeyError('s')\nraise E",
    "text that exits": "class E(Exception):\n  def __str__(self): raise SystemExit\nraise E",
    "text that is no text": "class E(Exception):\n  def __str__(self): return 5\nraise E",
    "text that recurses": "class E(Exception):\n  def __str__(self): return str(self)\nraise E",
    "text of a hostile class": (
        "class S(str):\n"
        "  def __len__(self): raise KeyError\n"
        "  def __getitem__(self, key): raise KeyError\n"
        "  def encode(self, *a): return 5\n"
        "  def __format__(self, spec): raise KeyError\n"
        "class E(Exception):\n  def __str__(self): return S('x')\nraise E"
    ),
    "text that lies about its encoding": (
        "class B(bytes):\n  def decode(self, *a): return object()\n"
        "class S(str):\n  def encode(self, *a): return B(b'x')\n"
        "class E(Exception):\n  def __str__(self): return S('x')\nraise E"
    ),
    "a metaclass without a name": (
        "class M(type):\n"
        "  @property\n  def __name__(cls): raise KeyError\n"
        "  @property\n  def __qualname__(cls): raise KeyError\n"
        "  def __getattribute__(cls, name): raise KeyError(name)\n"
        "class E(Exception, metaclass=M): pass\nraise E('x')"
    ),
    "attributes that raise": (
        "class E(Exception):\n  def __getattribute__(self, name): raise KeyError(name)\nraise E('x')"
    ),
    "a cause that raises": (
        "class E(Exception):\n"
        "  @property\n  def __cause__(self): raise KeyError\n"
        "  @property\n  def __context__(self): raise KeyError\n"
        "  @property\n  def __suppress_context__(self): raise KeyError\n"
        "raise E('x')"
    ),
    "a cause that is no exception": "class E(Exception):\n  __cause__ = 5\nraise E('x')",
    "a traceback that is none": "class E(Exception):\n  __traceback__ = 5\nraise E('x')",
    "a syntax error of hostile parts": (
        "class N:\n"
        "  def __ne__(self, other): raise KeyError\n"
        "  def __eq__(self, other): raise KeyError\n"
        "  def __bool__(self): raise KeyError\n"
        "  def __str__(self): raise KeyError\n"
        "e = SyntaxError('x')\ne.filename = e.lineno = e.text = e.offset = e.msg = N()\nraise e"
    ),
    "a syntax error with numbers of other kinds": (
        f"e = SyntaxError('x')\ne.filename = {FILENAME!r}; e.lineno = 'a'\n"
        "e.text = 'abc'; e.offset = 'b'\nraise e"
    ),
    "a syntax error far to the right": (
        f"e = SyntaxError('x')\ne.filename = {FILENAME!r}; e.lineno = e.offset = 10**30\n"
        "e.text = 'abc'\nraise e"
    ),
    "a syntax error that is a subclass": (
        "class E(SyntaxError):\n  msg = property(lambda self: 1 / 0)\nraise E('x')"
    ),
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_exception_is_described_and_raises_nothing(source):
    failure = failure_of(source)

    for text in (failure.type, failure.message, failure.traceback):
        assert type(text) is str
        text.encode()


def test_describing_leaves_the_recursion_limit_as_it_was():
    before = sys.getrecursionlimit()

    failure_of("def f(): f()\nf()")

    assert sys.getrecursionlimit() == before


def test_each_line_of_a_traceback_is_from_the_source_that_its_function_was_compiled_from():
    sources = {"<guest 1>": "def f():\n    raise KeyError(1)", "<guest 2>": "x = 1\nf()"}
    namespace = {}
    run(PythonEngine(), sources["<guest 1>"], namespace, "<guest 1>")
    with pytest.raises(KeyError) as caught:
        run(PythonEngine(), sources["<guest 2>"], namespace, "<guest 2>")

    assert describe(caught.value, sources)[2].splitlines()[1:-1] == [
        '  File "<guest 2>", line 2, in <module>',
        "    f()",
        '  File "<guest 1>", line 2, in f',
        "    raise KeyError(1)",
    ]
    assert describe(caught.value, {"<guest 2>": sources["<guest 2>"]})[2].count("File") == 1


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("x = (1,\n", [(1, 5, 0, 0)]),
        ("1\na b", [(2, 3, 2, 4)]),
        ("return 3", [(1, 1, 1, 9)]),
        ("x = 1; return 3", [(1, 8, 1, 16)]),
        ("'ü'; return 3", [(1, 0, 0, 0)]),
        ("a b; 'ü'", [(1, 3, 1, 4)]),
        ("if 1:\nx", [(2, 1, 2, 2)]),
        ("'abc", [(1, 1, 1, 1)]),
        ("eval('a b')", []),
        ("raise SyntaxError('mine', ('<guest>', 1, 1, 'x'))", []),
        ("raise IndentationError('mine')", []),
        ("1 / 0", []),
    ],
)
def test_code_that_does_not_compile_has_its_place_and_code_that_raises_none(source, places):
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- whatever it is
        run(PythonEngine(), source, {})
    found = misplaced(caught.value, {FILENAME: source})

    names = ("line", "column", "end_line", "end_column")
    assert [tuple(each.get(name, 0) for name in names) for each in found] == places
    assert {each["level"] for each in found} <= {"error"}


def test_all_that_the_strict_profile_does_not_have_is_told_with_its_lines():
    source = "x.__bases__\ny = 2\ny.__dict__ = {}\n"
    with pytest.raises(SyntaxError) as caught:
        compile_strict(source, FILENAME)
    found = misplaced(caught.value, {FILENAME: source})

    assert [(each["level"], each["line"]) for each in found] == [("error", 1), ("error", 3)]
    assert "__dict__" in found[1]["message"]
