"""eryx, CPython compiled to WebAssembly: a peer where it is installed, which takes Python 3.12."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _measure import Competitor

ERYX = "eryx"
VALUE = "result"
"""The variable that a program leaves its value in."""


def where_installed(competitor: Competitor) -> dict[str, Competitor]:
    """Return the competitor by its name, where there is one."""
    return {ERYX: competitor} if find_spec("eryx") is not None else {}


def value_of(sandbox: Any, code: str) -> Any:  # noqa: ANN401 -- a Sandbox or a Session, and a guest's value
    """Run code whose last line is an expression; return the value of that."""
    *statements, last = code.split("\n")
    return sandbox.execute("\n".join([*statements, f"{VALUE} = {last}"])).result
