"""Write the list of public names into docs/reference.md, between its two markers.

A public name is one in the `__all__` of a package, unless the package itself is private. Its line is the
first line of its docstring; a constant has no docstring and is shown with its type.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

PAGE = Path(__file__).parent / "reference.md"
BEGIN = "<!-- names: written by `make reference` -->"
END = "<!-- end of names -->"
ROOTS = ("supervisors", "dspex_actors")


def public_packages() -> list[ModuleType]:
    """Return the two packages and those of their subpackages that offer public names."""
    found = []
    for root in map(importlib.import_module, ROOTS):
        below = pkgutil.walk_packages(root.__path__, f"{root.__name__}.", onerror=lambda _: None)
        names = [root.__name__, *(each.name for each in below if each.ispkg)]
        found += [importlib.import_module(name) for name in names if "._" not in name]
    return [package for package in found if getattr(package, "__all__", None)]


def kind_of(value: Any) -> str:  # noqa: ANN401 -- any public object
    """Say in a word what a public object is."""
    if inspect.isclass(value):
        kinds = {BaseException: "exception", enum.Enum: "enum"}
        return next((word for base, word in kinds.items() if issubclass(value, base)), "class")
    return "function" if inspect.isroutine(value) else "constant"


def summary_of(value: Any) -> str:  # noqa: ANN401 -- any public object
    """Return the first line of a docstring, or a constant's type."""
    if kind_of(value) == "constant":
        return f"of type `{type(value).__name__}`"
    return (inspect.getdoc(value) or "").partition("\n")[0]


def render() -> str:
    """Return the tables of public names, one for each package."""
    tables = []
    for package in public_packages():
        rows = [
            f"| `{name}` | {kind_of(value)} | {summary_of(value).replace('|', chr(92) + '|')} |"
            for name in sorted(package.__all__)
            for value in [getattr(package, name)]
        ]
        tables.append(
            "\n".join([f"## {package.__name__}", "", "| name | kind | what it is |", "|---|---|---|", *rows])
        )
    return "\n\n".join(tables)


def rewritten(page: str) -> str:
    """Return the page with its list of names made anew.

    Raises:
        ValueError: the page has lost one of its markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"{PAGE.name} must hold the lines {BEGIN} and {END}"
        raise ValueError(message)
    return f"{before}{begin}\n\n{render()}\n\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
