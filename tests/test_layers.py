"""Imports point down the layers, so that each package can be read, tested and replaced by itself.

An import under `if TYPE_CHECKING` counts like any other: a type from above ties two packages as much as a
value does. Only the tests of what is loaded *at import* leave out those and the imports inside functions.
"""

from __future__ import annotations

import ast
import graphlib
import importlib
import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGES = ("supervisors", "dspex_actors")

# Lowest first. A unit is a top-level package, or a part of dspex_actors without its underscore.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "supervisors",
            "values",
            "errors",
            "files",
            "language",
            "limits",
            "checks",
            "network",
            "paths",
            "policy",
            "session",
            "guest_session",
            "execution",
            "config",
            "events",
            "log",
        }
    ),
    frozenset({"workers", "serialization", "compute"}),
    frozenset({"executors", "modules", "state", "control", "cluster"}),
    frozenset({"runtime"}),
    frozenset({"dspex_actors", "__main__", "cli", "integrations", "observer", "testing"}),
)
HEIGHT = {unit: height for height, units in enumerate(LAYERS) for unit in units}

# Units of one layer do not import each other, but for the vocabulary that the whole of dspex_actors shares.
SHARED = {
    "values": {"errors", "limits"},
    "limits": {"errors"},
    "checks": {"errors", "limits"},
    "network": {"errors"},
    "paths": {"errors"},
    "policy": {"errors", "limits", "network", "paths"},
    "execution": {"checks", "errors", "files", "limits", "policy", "session", "values"},
    "language": {"errors", "limits", "policy"},
    "guest_session": {"execution", "limits", "policy"},
    "config": {"checks", "errors", "language", "limits", "policy", "execution"},
    "events": {"errors"},
    "log": {"supervisors"},
    "dspex_actors": {"cli"},
    "__main__": {"cli"},
}

# The worker starts with these alone; what is not listed may import every unit below it.
BELOW_WORKERS = {"checks", "errors", "files", "language", "limits", "paths", "policy", "execution", "values"}

# Other projects' packages a unit may import: at import, and also inside functions.
AT_IMPORT = {
    "supervisors": {"pykka"},
    "workers": {"msgspec"},
    "values": {"msgspec"},
    "serialization": set(),
    "compute": {"numpy"},
}
LATER = {
    "supervisors": {"pykka", "structlog"},
    "workers": {"msgspec", "RestrictedPython", "cloudpickle", "numpy", "wasmtime"},
    "values": {"msgspec", "numpy"},
    "compute": {"numpy"},  # scipy, autograd and matplotlib are extras, imported by name
    "serialization": {"backports", "cloudpickle", "compression", "cryptography", "lz4", "numpy"},
}

# An engine's own modules load its library: they are imported only once a policy asks for that engine.
ENGINES = {
    "RestrictedPython": "dspex_actors.workers.guest._restricted",
    "wasmtime": "dspex_actors.workers.engines",
}

PYKKA_PRIVATE = {f"supervisors._{name}" for name in ("life", "future", "mailbox", "pid")}


@dataclass(frozen=True)
class Import:
    """One imported name, as `module` or `module.name`, and whether loading the file runs it."""

    name: str
    at_import: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(name: str) -> str | None:
    """Return the unit a dotted name belongs to, None if it is another project's."""
    top, *rest = name.split(".")
    if top == "supervisors":
        return top
    if top != "dspex_actors":
        return None
    if not rest:
        return top
    is_ours = any((ROOT / top / f"{rest[0]}{end}").exists() for end in (".py", "/__init__.py"))
    return (rest[0] if rest[0].startswith("__") else rest[0].removeprefix("_")) if is_ours else top


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_below(node: ast.AST, *, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, at_import) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            prefix = "." * child.level + (child.module or "")
            yield from (Import(f"{prefix}.{alias.name}", at_import) for alias in child.names)
        else:
            deferred = isinstance(
                child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
            ) or is_type_checking(child)
            yield from imports_below(child, at_import=at_import and not deferred)


@cache
def source() -> dict[str, tuple[Import, ...]]:
    """Return the imports of every module of ours, by module name."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {
        module_name(path): tuple(imports_below(ast.parse(path.read_text(encoding="utf-8")), at_import=True))
        for path in files
    }


def home_of(name: str) -> str:
    """Return the module of ours that an imported name is, or is taken from."""
    return name if name in source() else name.rpartition(".")[0]


def may_import(importer: str, imported: str) -> bool:
    if importer == imported or imported in SHARED.get(importer, ()):
        return True
    if importer == "workers":
        return imported in BELOW_WORKERS
    return HEIGHT[imported] < HEIGHT[importer]


def outsiders(unit: str, *, at_import: bool) -> set[str]:
    """Return the other projects' packages that a unit's modules import."""
    own = {*sys.stdlib_module_names, *PACKAGES}
    return {
        top
        for module, imports in source().items()
        if unit_of(module) == unit
        for each in imports
        if each.at_import or not at_import
        if (top := each.name.split(".")[0]) not in own and not module.startswith(ENGINES.get(top, "none"))
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_modules_for_these_tests_to_read(package):
    assert [module for module in source() if module.split(".")[0] == package]


def test_every_module_stands_in_the_table_of_layers():
    assert [module for module in source() if unit_of(module) not in HEIGHT] == []


def test_imports_point_down_and_siblings_do_not_import_each_other():
    wrong = [
        f"{module} -> {each.name}"
        for module, imports in source().items()
        for each in imports
        if (importer := unit_of(module)) in HEIGHT
        and (imported := unit_of(each.name)) in HEIGHT
        and not may_import(importer, imported)
    ]
    assert wrong == []


def test_imports_are_absolute():
    assert [
        f"{module} -> {e.name}" for module, imports in source().items() for e in imports if e.name[0] == "."
    ] == []


def test_loading_a_module_never_comes_back_to_it():
    graph = {
        module: {home for each in imports if each.at_import and (home := home_of(each.name)) in source()}
        - {module}
        for module, imports in source().items()
    }
    assert tuple(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("unit", AT_IMPORT)
def test_loading_a_low_package_loads_only_what_it_may(unit):
    assert outsiders(unit, at_import=True) - AT_IMPORT[unit] == set()


@pytest.mark.parametrize("unit", LATER)
def test_a_low_package_imports_only_what_it_may_even_inside_functions(unit):
    assert outsiders(unit, at_import=False) - LATER[unit] == set()


def test_pykkas_private_modules_are_imported_by_the_actor_files_alone():
    importers = {
        module for module, imports in source().items() for e in imports if e.name.startswith("pykka._")
    }
    assert importers - PYKKA_PRIVATE == set()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("dspex_actors", {"pykka", "structlog", "numpy", "msgspec", "supervisors"}),
        (
            "dspex_actors.workers._zygote",
            {"pykka", "structlog", "numpy", "asyncio", "RestrictedPython", "supervisors"},
        ),
        (
            "dspex_actors.serialization",
            {"pykka", "numpy", "lz4", "cloudpickle", "cryptography", "supervisors"},
        ),
        ("dspex_actors.modules", {"pykka", "numpy", "structlog", "packaging", "supervisors"}),
        ("supervisors", {"structlog", "numpy", "dspex_actors"}),
        ("dspex_actors.runtime", {"numpy", "scipy"}),
        (
            "dspex_actors.compute",
            {"scipy", "autograd", "matplotlib", "pykka", "structlog", "supervisors"},
        ),
    ],
)
def test_importing_a_module_in_a_bare_interpreter_leaves_these_packages_unloaded(module, banned):
    paths = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    script = f"import json, sys; sys.path += {paths}; import {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {name.split(".")[0] for name in json.loads(done.stdout)} & banned == set()


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("workers", "errors", True),
        ("workers", "supervisors", False),  # a lower layer, but it would bring pykka into the worker
        ("workers", "serialization", False),  # a sibling
        ("serialization", "values", True),
        ("serialization", "state", False),  # up
        ("executors", "supervisors", True),
        ("executors", "state", False),  # a sibling
        ("supervisors", "errors", False),  # supervisors knows nothing of dspex_actors
        ("errors", "limits", False),  # the vocabulary has an order of its own
        ("runtime", "executors", True),
        ("executors", "runtime", False),  # up
        ("cli", "runtime", True),
    ],
)
def test_the_rule_of_layers_itself(importer, imported, allowed):
    assert may_import(importer, imported) is allowed


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_that_a_package_loads_on_first_use(package):
    module = importlib.import_module(package)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    seen = {
        (statement.module, alias.asname)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for alias in statement.names
    }
    assert seen == {(f"{package}.{home}", name) for name, home in module._HOME_OF.items()}


def test_an_import_inside_a_function_or_for_types_alone_is_not_loaded_at_import():
    tree = ast.parse(
        "import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c import d\nwith f():\n    import e",
    )
    assert list(imports_below(tree, at_import=True)) == [
        Import("a", at_import=True),
        Import("b", at_import=False),
        Import("c.d", at_import=False),
        Import("e", at_import=True),
    ]
