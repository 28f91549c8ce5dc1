"""The Python engine: runs source text in a namespace and gives the value of its last expression.

Its strict sibling compiles through RestrictedPython; both run the result the same way.
"""

from __future__ import annotations

import ast
import builtins
import sys
from types import CodeType, ModuleType
from typing import Any, Protocol

from dspex_actors.workers.guest._failure import FILENAME


class Compiler(Protocol):
    """What makes code of source text."""

    def compile(self, source: str, filename: str = FILENAME) -> tuple[CodeType | None, CodeType | None]:
        """Return the statements and the closing expression of the source, None for what it does not have.

        Args:
            source: the guest's program.
            filename: what tracebacks call it.

        Raises:
            SyntaxError: it is not a program, or not one that the profile allows.
        """


class Engine(Compiler, Protocol):
    """What runs code of one profile."""

    def namespace(self) -> dict[str, Any]:
        """Return a fresh namespace for guest code."""

    def bind(self, namespace: dict[str, Any], variables: dict[str, Any]) -> None:
        """Add the caller's variables to a namespace."""


class PythonEngine:
    """The full language."""

    def namespace(self) -> dict[str, Any]:
        """Return the dictionary of a fresh `__main__` module."""
        module = ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = module
        return module.__dict__

    def bind(self, namespace: dict[str, Any], variables: dict[str, Any]) -> None:
        """Add the caller's variables."""
        namespace.update(variables)

    def compile(self, source: str, filename: str = FILENAME) -> tuple[CodeType | None, CodeType | None]:
        """Compile the source; see `Engine`.

        Raises:
            SyntaxError: it is not a program.
            ValueError: it holds a null character.
        """
        tree = ast.parse(source, filename)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            return compile(tree, filename, "exec", dont_inherit=True), None
        tree.body.pop()
        statements = compile(tree, filename, "exec", dont_inherit=True) if tree.body else None
        return statements, compile(ast.Expression(last.value), filename, "eval", dont_inherit=True)


def run(compiler: Compiler, source: str, namespace: dict[str, Any], filename: str = FILENAME) -> Any:  # noqa: ANN401 -- a guest's value is anything
    """Run guest code and return its value.

    That is the value of the last expression, else of `result` if it was assigned, else None.

    `sys.exit()` with status 0 or none ends the program without a failure.

    Raises:
        BaseException: whatever the guest's code raises.
    """
    statements, expression = compiler.compile(source, filename)
    before, value = namespace.get("result"), None
    try:
        if statements is not None:
            exec(statements, namespace)  # noqa: S102 -- running guest code is what a worker is for
        if expression is not None:
            value = eval(expression, namespace)  # noqa: S307 -- see above
    except SystemExit as leave:
        if leave.code not in (None, 0):
            raise
    if value is None and namespace.get("result") is not before:
        value = namespace["result"]
    return value
