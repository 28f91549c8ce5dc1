"""The compile-time half of the strict profile: which syntax is allowed, and where the guards are called.

Built on RestrictedPython's transformer, whose refusal of every node without a rule of its own is kept: syntax
that a newer Python adds is refused until somebody has read it. The rest is wider than its defaults, because
code written by models uses private names, dataclasses, `match`, `async` and augmented assignment all the
time.

What the guest writes and what is run:

| written | run | why |
|---|---|---|
| `a.b` | `_public_(a, "b")` | no module, metaclass or frame comes out of an attribute |
| `a._b`, `a.data` | `_getattr_(a, "_b")` | private and risky names only on the guest's own objects |
| `a.append` | `a.append` | harmless on every object (see `PLAIN`) |
| `a.__class__` | `_typeof_(a)` | never a metaclass, whose call would forge classes |
| `a.__new__` | `_constructor_(a)` | no building of objects whose insides the guest chooses |
| `a.b = c`, `del a.b` | `_write_(a, "b").b = c` | only the guest's own objects are changed |
| `case a.b:` | `_case0_ = _box_(_public_(a, "b"))` before, `case _case0_.value:` | as for `a.b` |
| `a.b += c` | `_write_(a, "b").b += c` | the same; the risky names are read through the guard first |

Items, iteration and calls are left alone: no dangerous object is reachable through them that an attribute did
not hand out first, and guarding them would slow every loop down several times.
"""

# ruff: noqa: N802, N815 -- the names of ast.NodeVisitor's methods

from __future__ import annotations

import ast
from typing import Any, TypeAlias

from RestrictedPython.transformer import RestrictingNodeTransformer, copy_locations

from dspex_actors.workers.guest import _restricted_names as names

Violation: TypeAlias = tuple[int, str]

_STATEMENTS = {
    "TryStar": "'except*' is not available: use 'except'",
}


class StrictTransformer(RestrictingNodeTransformer):
    """Rewrites the tree of one module; what it may not contain is collected in `violations`.

    Args:
        future_annotations: the module starts with `from __future__ import annotations`; its annotations
            become plain strings here, so that they hold the author's text and not the guards' calls.
    """

    def __init__(self, *, future_annotations: bool) -> None:
        super().__init__()
        self.violations: list[Violation] = []
        self._future_annotations = future_annotations
        self._classes: list[str] = []
        self._in_class_body = False
        self._dotted: list[ast.stmt] = []
        self._cases = 0

    # What RestrictedPython's own visitors call.

    def error(self, node: ast.AST, info: str) -> None:
        """Collect a violation instead of RestrictedPython's formatted text."""
        self.violations.append((getattr(node, "lineno", 1), info))

    def not_allowed(self, node: ast.AST) -> None:
        """Refuse a kind of node."""
        kind = type(node).__name__
        self.error(node, _STATEMENTS.get(kind, f"the syntax {kind!r} is not available"))

    def check_name(self, node: ast.AST, name: str | None, allow_magic_methods: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- overrides RestrictedPython's
        """Refuse to bind or read the guards' names and most dunder names."""
        if name is not None:
            self._refuse(node, names.variable_refusal(name, in_class=self._in_class_body))

    def inject_print_collector(self, node: ast.AST, position: int = 0) -> None:
        """Do nothing: `print` is an ordinary function here."""

    def guard_iter(self, node: ast.AST) -> ast.AST:
        """Leave iteration alone; see the module's text."""
        return self._visit_parts(node)

    # Names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Check the name; `print` and `printed` are nothing special."""
        reading = isinstance(node.ctx, ast.Load)
        self._refuse(node, names.variable_refusal(node.id, in_class=self._in_class_body, reading=reading))
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        """Check the names that a `global` statement declares."""
        return self._check_names(node, node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        """Check the names that a `nonlocal` statement declares."""
        return self._check_names(node, node.names)

    def visit_TypeVar(self, node: Any) -> ast.AST:  # noqa: ANN401 -- ast.TypeVar, from 3.12 on
        """Check the name of a type parameter."""
        return self._check_names(node, [node.name])

    visit_ParamSpec = visit_TypeVar
    visit_TypeVarTuple = visit_TypeVar

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        """Allow `type X = ...`; its name is checked as an assigned name."""
        return self._visit_parts(node)

    # Imports

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """Check what is bound; `from __future__` has done its work in the parser and is dropped."""
        if node.module == "__future__" and node.level == 0:
            return ast.copy_location(ast.Pass(), node)
        if node.level:
            self.error(node, "relative imports are not available")
        return self._check_aliases(node)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        """Check what is bound."""
        return self._check_aliases(node)

    def _check_aliases(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        if getattr(node, "is_lazy", 0):  # Python 3.15: resolved later, past the guarded import
            self.error(node, "lazy imports are not available")
        for alias in node.names:
            if alias.name == "*":
                self.error(node, "'from ... import *' is not available: import the names you need")
            elif any(part.startswith("_") for part in alias.name.split(".")):
                self.error(node, f"{alias.name!r} may not be imported: it is private")
            self.check_name(node, alias.asname or alias.name.partition(".")[0])
        return node

    # Attributes

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Route a read through a guard, and a write through the check of what it changes."""
        name = self._mangled(node.attr)
        reading = isinstance(node.ctx, ast.Load)
        refusal = (names.attribute_refusal if reading else names.assignment_refusal)(name)
        self._refuse(node, refusal)
        value = self.visit(node.value)
        if reading:
            return self._guarded_read(node, value, name)
        node.value = _call("_write_", [value, ast.Constant(name)], node)
        node.attr = name
        return node

    def _guarded_read(self, node: ast.Attribute, value: ast.expr, name: str) -> ast.AST:
        if name in names.PLAIN:
            node.value = value
            return node
        if name == "__class__":
            return _call("_typeof_", [value], node)
        if name == "__new__":
            return _call("_constructor_", [value], node)
        guard = "_getattr_" if name in names.GUARDED or names.is_private(name) else "_public_"
        return _call(guard, [value, ast.Constant(name)], node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Keep `x += 1` and `d[k] += 1` as they are; check the object and the name of `a.b += 1`."""
        node.value = self.visit(node.value)
        target = node.target
        if not isinstance(target, ast.Attribute):
            node.target = self.visit(target)
            return node
        name = self._mangled(target.attr)
        self._refuse(node, names.attribute_refusal(name) or names.assignment_refusal(name))
        guard = "_augment_" if name in names.GUARDED or name.startswith("_") else "_write_"
        target.value = _call(guard, [self.visit(target.value), ast.Constant(name)], target)
        target.attr = name
        return node

    def _mangled(self, name: str) -> str:
        """Return the name under which `__name` of the class around is kept: guards see names as strings."""
        if not name.startswith("__") or name.endswith("__") or not self._classes:
            return name
        owner = self._classes[-1].lstrip("_")
        return f"_{owner}{name}" if owner else name

    # Items, calls and unpacking stay as they are

    def visit_Subscript(self, node: ast.AST) -> ast.AST:
        """Leave items alone; see the module's text."""
        return self._visit_parts(node)

    def visit_Call(self, node: ast.AST) -> ast.AST:
        """Leave calls alone; see the module's text."""
        return self._visit_parts(node)

    visit_Assign = visit_Subscript
    visit_With = visit_Subscript
    visit_AsyncWith = visit_Subscript
    visit_AsyncFor = visit_Subscript
    visit_Await = visit_Subscript
    visit_Module = visit_Subscript

    # Annotations

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Allow annotated assignment."""
        node.annotation = self._annotation(node.annotation)
        node.target = self.visit(node.target)
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Visit the annotation; names of arguments are checked with their function."""
        if node.annotation is not None:
            node.annotation = self._annotation(node.annotation)
        return node

    def _annotation(self, node: ast.expr) -> ast.expr:
        if self._future_annotations:
            return ast.copy_location(ast.Constant(ast.unparse(node)), node)
        visited: ast.expr = self.visit(node)
        return visited

    # Functions and classes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """Check the names of a function and its arguments."""
        self.check_name(node, node.name)
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if node.returns is not None:
            node.returns = self._annotation(node.returns)
        inside, self._in_class_body = self._in_class_body, False
        self.check_function_argument_names(node)
        self.visit(node.args)
        self._visit_type_params(node)
        node.body = self._visit_body(node.body)
        self._in_class_body = inside
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        """Check the names of the arguments."""
        inside, self._in_class_body = self._in_class_body, False
        self.check_function_argument_names(node)
        self._visit_parts(node)
        self._in_class_body = inside
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Check the name of a class; its bases and keywords are checked when it is built."""
        self.check_name(node, node.name)
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self.visit(each) for each in node.bases]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        self._visit_type_params(node)
        inside, self._in_class_body = self._in_class_body, True
        self._classes.append(node.name)
        node.body = self._visit_body(node.body)
        self._classes.pop()
        self._in_class_body = inside
        return node

    # Pattern matching

    def visit_Match(self, node: ast.Match) -> ast.AST | list[ast.stmt]:
        """Allow `match`; dotted names in its patterns are read beforehand.

        A pattern cannot hold a call, so `case Color.RED` could not be guarded in its place, and its value
        would reach the `__eq__` of the guest's subject. All are read, also those after the case that fits.
        """
        outer, self._dotted = self._dotted, []
        self._visit_parts(node)
        read, self._dotted = self._dotted, outer
        return [*read, node] if read else node

    def visit_match_case(self, node: ast.AST) -> ast.AST:
        """Allow a case, and the patterns that bind nothing."""
        return self._visit_parts(node)

    visit_MatchSingleton = visit_match_case
    visit_MatchSequence = visit_match_case
    visit_MatchOr = visit_match_case

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        """Allow a literal or a dotted name."""
        node.value = self._read_beforehand(node.value)
        return node

    def _read_beforehand(self, node: ast.expr) -> ast.expr:
        """Return what stands in a pattern for `a.b`: the `value` of a box filled before the match."""
        visited: ast.expr = self.visit(node)
        if not isinstance(node, ast.Attribute):
            return visited
        name = f"_case{self._cases}_"
        self._cases += 1
        filled = ast.Assign([ast.Name(name, ast.Store())], _call("_box_", [visited], node))
        copy_locations(filled, node)
        self._dotted.append(filled)
        boxed = ast.Attribute(ast.Name(name, ast.Load()), "value", ast.Load())
        copy_locations(boxed, node)
        return boxed

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        """Check the captured name."""
        return self._check_names(node, [node.name] if node.name else [])

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        """Check the captured name."""
        return self._check_names(node, [node.name] if node.name else [])

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        """Check the name that captures the rest."""
        node.keys = [self._read_beforehand(key) for key in node.keys]
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        return self._check_only(node, [node.rest] if node.rest else [])

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        """Check the attributes a class pattern names.

        The interpreter reads them itself, past every guard. Positional ones come from `__match_args__`, which
        the guest cannot write and the guarded `dataclass` clears of risky names.
        """
        for name in node.kwd_attrs:
            self._refuse(node, names.pattern_refusal(name))
        node.cls = self._read_beforehand(node.cls)
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        node.kwd_patterns = [self.visit(pattern) for pattern in node.kwd_patterns]
        return node

    # Shared

    def _visit_parts(self, node: ast.AST) -> ast.AST:
        visited: ast.AST = self.node_contents_visit(node)
        return visited

    def _visit_body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        visited: list[ast.stmt] = []
        for statement in body:
            made = self.visit(statement)
            visited.extend(made if isinstance(made, list) else [made])
        return visited

    def _visit_type_params(self, node: ast.AST) -> None:
        for parameter in getattr(node, "type_params", ()):
            self.visit(parameter)

    def _check_names(self, node: ast.AST, found: list[str]) -> ast.AST:
        return self._visit_parts(self._check_only(node, found))

    def _check_only(self, node: ast.AST, found: list[str]) -> ast.AST:
        for name in found:
            self.check_name(node, name)
        return node

    def _refuse(self, node: ast.AST, refusal: str | None) -> None:
        if refusal is not None:
            self.error(node, refusal)


def _call(guard: str, args: list[ast.expr], node: ast.expr) -> ast.Call:
    """Return a call of a guard at the place of `node`."""
    call = ast.Call(ast.Name(guard, ast.Load()), args, [])
    copy_locations(call, node)
    return call


def imports_future_annotations(tree: ast.Module) -> bool:
    """Tell whether the module asks for annotations kept as text."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )
