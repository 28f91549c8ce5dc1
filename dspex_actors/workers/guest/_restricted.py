r"""The strict profile's language: compile guest code with refusals and guards, and the namespace it runs in.

This is the outermost of several layers and no sandbox by itself: the worker it runs in has given up its
rights before. It makes most attacks end as a clear message at compile time.

    parts = compile_strict("x = 20\nx + 22", "<guest>")
    namespace = make_strict_globals(STRICT_RULES)
    exec(parts.statements, namespace)
    eval(parts.expression, namespace)  # 42
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from dspex_actors.workers.guest._restricted_builtins import (
    add_guarded_builtins,
    forbid_builtins,
    replacements,
    safe_builtins,
)
from dspex_actors.workers.guest._restricted_guards import Guards, read_public, type_of
from dspex_actors.workers.guest._restricted_import import Importer
from dspex_actors.workers.guest._restricted_modules import STRICT_RULES
from dspex_actors.workers.guest._restricted_names import variable_refusal
from dspex_actors.workers.guest._restricted_transformer import (
    StrictTransformer,
    Violation,
    imports_future_annotations,
)
from dspex_actors.workers.guest._restricted_types import Box

if TYPE_CHECKING:
    from types import CodeType

    from dspex_actors.workers.guest._import_rules import ImportRules

__all__ = [
    "STRICT_RULES",
    "CodeParts",
    "StrictViolationError",
    "compile_strict",
    "compile_strict_module",
    "make_strict_globals",
    "variable_refusal",
]

_SHOWN = 20


class CodeParts(NamedTuple):
    """Compiled guest code: the statements, and the closing expression whose value is the result."""

    statements: CodeType | None
    expression: CodeType | None


class StrictViolationError(SyntaxError):
    """The code uses what the strict profile does not have; nothing of it was run.

    Attributes:
        violations: every refusal as `(line, message)`, in the order of the lines.
    """

    def __init__(self, violations: tuple[Violation, ...], filename: str) -> None:
        listed = [f"line {line}: {text}" for line, text in violations[:_SHOWN]]
        if len(violations) > _SHOWN:
            listed.append(f"... and {len(violations) - _SHOWN} more")
        super().__init__("not available in the strict profile:\n" + "\n".join(listed))
        self.violations = violations
        self.filename = filename
        self.lineno = violations[0][0] if violations else None

    def __str__(self) -> str:
        return str(self.msg)

    def __reduce__(self) -> tuple[type[StrictViolationError], tuple[tuple[Violation, ...], str]]:
        return type(self), (self.violations, self.filename or "")


def compile_strict(source: str, filename: str) -> CodeParts:
    """Compile guest source under the strict profile.

    Args:
        source: the guest's program.
        filename: what tracebacks call it.

    Returns:
        The statements, and the last one apart if it is an expression.

    Raises:
        SyntaxError: it is not a program, or nests too deeply.
        StrictViolationError: it uses what the profile does not have; all violations are told at once.
        ValueError: it holds a null character.
    """
    try:
        return compile_strict_module(ast.parse(source, filename), filename)
    except RecursionError:
        message = "the code nests too deeply"
        raise SyntaxError(message) from None


def compile_strict_module(tree: ast.Module, filename: str) -> CodeParts:
    """Compile a parsed module under the strict profile; the tree is changed.

    Raises:
        SyntaxError: it is not a program that compiles.
        StrictViolationError: it uses what the profile does not have.
        RecursionError: it nests too deeply.
    """
    transformer = StrictTransformer(future_annotations=imports_future_annotations(tree))
    tree = transformer.visit(tree)
    if transformer.violations:
        ordered = sorted(dict.fromkeys(transformer.violations), key=lambda violation: violation[0])
        raise StrictViolationError(tuple(ordered), filename)
    last = tree.body[-1] if tree.body else None
    expression = None
    if isinstance(last, ast.Expr):
        tree.body.pop()
        expression = compile(ast.Expression(last.value), filename, "eval", dont_inherit=True)
    if not tree.body and expression is not None:
        return CodeParts(None, expression)
    statements = compile(tree, filename, "exec", dont_inherit=True)
    return CodeParts(statements, expression)


def make_strict_globals(rules: ImportRules = STRICT_RULES) -> dict[str, Any]:
    """Return a fresh namespace for code from `compile_strict`.

    Its keys with an underscore at both ends are the guards; guest code cannot name them, and a host that adds
    variables must not either (`variable_refusal` tells).

    Args:
        rules: what the code may import; `"builtins:name"` among the forbidden takes a built-in name away.
    """
    allowed = safe_builtins()
    guards = Guards(allowed)
    add_guarded_builtins(allowed, guards)
    allowed["__import__"] = Importer(rules, replacements(guards)).import_module
    forbid_builtins(allowed, rules)
    return {
        "__builtins__": allowed,
        "__name__": "__main__",
        "__doc__": None,
        "_public_": read_public,
        "_getattr_": guards.read,
        "_typeof_": type_of,
        "_constructor_": guards.constructor,
        "_write_": guards.write,
        "_augment_": guards.augment,
        "_box_": Box,
    }
