"""The documentation cannot drift: names, links, code and the changelog are read and tried."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CHANGELOG_KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
RUN_SECONDS = 60

_spec = importlib.util.spec_from_file_location("build_reference", ROOT / "docs" / "build_reference.py")
build_reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build_reference)


def public_objects():
    """Return every public class and function by dotted name; constants have no docstring of their own."""
    return {
        f"{package.__name__}.{name}": value
        for package in build_reference.public_packages()
        for name in package.__all__
        if inspect.isclass(value := getattr(package, name)) or inspect.isfunction(value)
    }


def public_functions():
    """Return public functions and the methods public classes define, each with what documents its errors."""
    found = {}
    for name, value in public_objects().items():
        if inspect.isfunction(value):
            found[name] = (value, inspect.getdoc(value) or "")
            continue
        for attribute, member in vars(value).items():
            function = plain_function(member)
            if function is None or function.__qualname__.partition(".")[0] != value.__name__:
                continue  # not a method, or one that a decorator has made
            if attribute in {"__init__", "__post_init__"}:
                found[f"{name}.{attribute}"] = (function, inspect.getdoc(value) or "")
            elif not attribute.startswith("_"):
                found[f"{name}.{attribute}"] = (function, inspect.getdoc(function) or "")
    return found


def plain_function(member):
    """Return the function below a method or property; None for anything else, and for what dataclass made."""
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return function if inspect.isfunction(function) and Path(inspect.getfile(function)).is_file() else None


def raised_in(node):
    """Yield the names of the exception classes a function's own body raises, `?` where it raises a value."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            target = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(target).rpartition(".")[2]
            yield name if re.fullmatch(r"_?[A-Z]\w*", name) else "?"
        yield from raised_in(child)


def missing_from_raises(source, docstring):
    """Return the exceptions that a function raises and its docstring's section Raises does not name."""
    function = ast.parse(textwrap.dedent(source)).body[0]
    raised = set(raised_in(function)) - {"NotImplementedError", "AssertionError"}
    section = re.search(r"^Raises:\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    described = section.group(1) if section else ""
    if "?" in raised and described:
        raised.discard("?")
    return sorted(name for name in raised if name not in re.findall(r"\w+", described))


def test_both_packages_offer_public_names():
    assert {package.__name__ for package in build_reference.public_packages()} >= {
        "supervisors",
        "dspex_actors",
    }


def test_every_public_name_has_a_docstring_of_its_own():
    silent = []
    for name, value in public_objects().items():
        docstring = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
        if not docstring or docstring.startswith(f"{value.__name__}("):  # the latter is dataclass's own
            silent.append(name)
    assert silent == []


def test_every_public_method_has_a_docstring():
    optional = ("__init__", "__post_init__")
    silent = [name for name, (_, text) in public_functions().items() if not (text or name.endswith(optional))]
    assert silent == []


def test_every_error_that_a_public_function_raises_itself_is_in_its_docstring():
    missing = {
        name: errors
        for name, (function, docstring) in public_functions().items()
        if (errors := missing_from_raises(inspect.getsource(function), docstring))
    }
    assert missing == {}


@pytest.mark.parametrize(
    ("body", "docstring", "missing"),
    [
        ("raise ValueError('x')", "", ["ValueError"]),
        ("raise ValueError('x')", "Text.\n\nRaises:\n    ValueError: always.\n", []),
        ("raise errors.GoneError", "Text.\n\nRaises:\n    ValueError: always.\n", ["GoneError"]),
        ("raise NotImplementedError", "", []),
        ("raise error", "", ["?"]),
        ("raise error", "Text.\n\nRaises:\n    OSError: it says why.\n", []),
        ("raise", "", []),
        ("return lambda: 0", "", []),
        ("def g():\n        raise ValueError\n    return g", "", []),
    ],
)
def test_the_reading_of_raises_sections_itself(body, docstring, missing):
    assert missing_from_raises(f"def f(error=None):\n    {body}\n", docstring) == missing


def test_the_reference_page_lists_every_public_name_with_its_first_line():
    page = build_reference.PAGE.read_text(encoding="utf-8")
    assert page == build_reference.rewritten(page), "run `make reference`"


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, the words behind its fence, its text."""

    page: str
    line: int
    words: tuple[str, ...]
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks_of(page):
    name, found = str(page.relative_to(ROOT)), []
    lines = page.read_text(encoding="utf-8").splitlines()
    opened = None
    for number, line in enumerate(lines, 1):
        if opened is None and (match := re.match(r"\s*```(.*)", line)):
            opened = (number, tuple(match.group(1).split()))
        elif opened is not None and line.strip() == "```":
            text = textwrap.dedent("\n".join(lines[opened[0] : number - 1])) + "\n"
            found.append(Block(name, opened[0], opened[1], text))
            opened = None
    assert opened is None, f"{name}:{opened[0]}: this fence is never closed"
    return found


def anchors_of(page):
    """Return the anchors a page's headings make."""
    prose = re.sub(
        r"^\s*```.*?^\s*```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.words[:1] == ("python",)]
RUNNABLE = [block for block in PYTHON if block.words[1:] == ("run",)]


def test_the_first_example_of_the_readme_is_one_that_these_tests_run():
    assert next(block for block in PYTHON if block.page == "README.md") in RUNNABLE


def test_blocks_of_python_are_marked_with_nothing_or_with_run():
    assert [str(block) for block in PYTHON if block.words[1:] not in {(), ("run",)}] == []


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_python_block_compiles_as_it_stands(block):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    assert compile(block.text, str(block), "exec", flags=flags)


@pytest.mark.integration
@pytest.mark.parametrize("block", RUNNABLE, ids=str)
def test_every_block_marked_run_runs_to_its_end(block, tmp_path):
    script = tmp_path / "block.py"
    script.write_text(block.text, encoding="utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors_of(file)):
            broken.append(target)
    assert broken == []


def test_every_page_of_the_docs_can_be_reached_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT / "docs")) for page in PAGES if page.parent != ROOT]
    assert [page for page in pages if page != "index.md" and f"]({page})" not in index] == []


def changelog_sections(level, text):
    """Return the titles at one level of headings, with the text below each."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_changelog_opens_with_what_is_unreleased_and_dates_the_rest():
    titles = list(changelog_sections(2, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    assert titles[0] == "[Unreleased]"
    assert [t for t in titles[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", t)] == []


def test_the_newest_release_in_the_changelog_is_the_version_of_the_package():
    released = list(changelog_sections(2, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))[1:]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert all(title.startswith(f"[{version}]") for title in released[:1])


def test_the_entries_of_the_changelog_stand_in_the_order_of_keep_a_changelog():
    for version, text in changelog_sections(2, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")).items():
        kinds = changelog_sections(3, text)
        assert kinds, f"{version} has no entries"
        assert list(kinds) == [kind for kind in CHANGELOG_KINDS if kind in kinds], version
        assert [kind for kind, entries in kinds.items() if not entries.strip().startswith("- ")] == [], (
            version
        )
