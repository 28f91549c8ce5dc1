"""What the text of a Python module says: what it imports when it is loaded, what names it makes. Pure."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class SourceText:
    """What was read.

    Attributes:
        taken: `(module, name)` of each `from module import name` that runs when the module is loaded.
        used: the modules of each such `import module`.
        bound: names that its own statements make.
        has_star: whether it takes names that only another module knows.
    """

    taken: frozenset[tuple[str, str]]
    used: frozenset[str]
    bound: frozenset[str]
    has_star: bool


def read_source(tree: ast.Module, name: str, *, is_package: bool) -> SourceText:
    """Read the syntax tree of a module.

    Imports inside functions, and those for type checkers alone, do not count: they do not run at loading.

    Args:
        tree: of the whole module.
        name: of the module, for its relative imports.
        is_package: whether it is the `__init__` of a package.
    """
    package = name if is_package else name.rpartition(".")[0]
    taken: set[tuple[str, str]] = set()
    used: set[str] = set()
    for node in _loaded(tree):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            taken |= {(base, alias.name) for alias in node.names}
    return SourceText(
        taken=frozenset(taken),
        used=frozenset(used),
        bound=frozenset(_bound(tree)),
        has_star=any(each == "*" for _, each in taken),
    )


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute name of the module that an import takes names from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: max(0, len(parts) - node.level + 1)]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _loaded(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run when the module is loaded; bodies of classes do."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTIONS):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for other in child.orelse:
                yield other
                yield from _loaded(other)
            continue
        yield child
        yield from _loaded(child)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that statements of the module itself make, not those inside functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            for alias in child.names:
                yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.MatchAs | ast.MatchStar) and child.name:
            yield child.name
        elif isinstance(child, ast.MatchMapping) and child.rest:
            yield child.rest
        if isinstance(child, _SCOPES):
            if not isinstance(child, ast.Lambda):
                yield child.name
            continue
        yield from _bound(child)
