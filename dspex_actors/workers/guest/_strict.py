"""The strict engine: the restricted language, run like the full one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors.workers.guest._failure import FILENAME
from dspex_actors.workers.guest._restricted import (
    STRICT_RULES,
    compile_strict,
    make_strict_globals,
    variable_refusal,
)

if TYPE_CHECKING:
    from types import CodeType


class StrictEngine:
    """Compiles through RestrictedPython; see `_python.Engine`.

    Args:
        allow: import rules beside the profile's own.
        forbid: import rules that win over all others.
    """

    def __init__(self, allow: tuple[str, ...] = (), forbid: tuple[str, ...] = ()) -> None:
        self._rules = STRICT_RULES.widened(allow=allow, forbid=forbid)

    def namespace(self) -> dict[str, Any]:
        """Return a fresh namespace with the profile's guards in it."""
        return make_strict_globals(self._rules)

    def bind(self, namespace: dict[str, Any], variables: dict[str, Any]) -> None:
        """Add the caller's variables.

        Raises:
            NameError: one has the name of a guard.
        """
        for name in variables:
            refusal = variable_refusal(name)
            if refusal is not None:
                raise NameError(refusal)
        namespace.update(variables)

    def compile(self, source: str, filename: str = FILENAME) -> tuple[CodeType | None, CodeType | None]:
        """Compile the source; see `Engine`.

        Raises:
            SyntaxError: it is not a program, or uses what the profile does not have.
            ValueError: it holds a null character.
        """
        return compile_strict(source, filename)
