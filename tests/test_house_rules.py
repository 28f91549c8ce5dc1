"""Rules of the house that neither the linter nor the type checker knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("supervisors", "dspex_actors", "tests", "examples", "bench", "docs")
MAX_LINES = 399


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def called_names(path: Path) -> set[str]:
    """Return the dotted names of what a file calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_longer_than_four_hundred_lines(folder):
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in python_files(folder)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_tests_wait_for_events_and_never_sleep():
    sleepers = {"time.sleep", "sleep", "asyncio.sleep", "trio.sleep"}
    found = {str(path.relative_to(ROOT)): called_names(path) & sleepers for path in python_files("tests")}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_every_module_opens_with_a_docstring_that_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(*FOLDERS)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
