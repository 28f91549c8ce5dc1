"""What models typically write, and that it runs under the strict profile with the expected result."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dspex_actors.workers.guest._restricted import compile_strict, make_strict_globals

CORPUS = Path(__file__).with_name("restricted_snippets.txt")


class Snippet(NamedTuple):
    title: str
    source: str
    expected: Any


def read_snippets():
    for block in CORPUS.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = block.partition("\n")
        source, _, expected = rest.partition("\n--> ")
        yield Snippet(title, source, eval(expected, {}))  # noqa: S307 -- a literal, or bytearray(b"...")


SNIPPETS = list(read_snippets())
NOT_SUPPORTED = [
    Snippet("except*", "try:\n    pass\nexcept* ValueError:\n    pass", SyntaxError),
    Snippet("open", "open('f.txt')", PermissionError),
    Snippet("input", "input('? ')", PermissionError),
    Snippet("eval", "eval('1 + 1')", PermissionError),
    Snippet("__getattr__", "class A:\n    def __getattr__(self, n):\n        return n", SyntaxError),
    Snippet("__slots__", "class A:\n    __slots__ = ('a',)", SyntaxError),
    Snippet("__dict__", "class A:\n    pass\nA().__dict__", SyntaxError),
    Snippet("format with attributes", "'{0.real}'.format(1)", AttributeError),
    Snippet("singledispatch", "from functools import singledispatch", ImportError),
    Snippet("os.path", "import os.path", ImportError),
]


def run(source):
    parts = compile_strict(source, "<guest>")
    namespace = make_strict_globals()
    if parts.statements is not None:
        exec(parts.statements, namespace)  # noqa: S102 -- the code under test
    return eval(parts.expression, namespace) if parts.expression is not None else None  # noqa: S307 -- see above


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.title)
def test_what_models_typically_write_runs_with_the_expected_result(snippet):
    assert run(snippet.source) == snippet.expected


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.title)
def test_each_snippet_means_the_same_in_plain_python(snippet):
    tree = ast.parse(snippet.source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(tree, "<plain>", "exec"), namespace)  # noqa: S102 -- the code under test
    value = eval(compile(ast.Expression(last.value), "<plain>", "eval"), namespace) if last else None  # noqa: S307 -- see above
    assert value == snippet.expected


@pytest.mark.parametrize("snippet", NOT_SUPPORTED, ids=lambda snippet: snippet.title)
def test_what_the_profile_does_not_have_is_refused_with_a_plain_error(snippet):
    with pytest.raises(snippet.expected):
        run(snippet.source)
