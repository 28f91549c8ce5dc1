"""The sources that a kept worker compiled last: compiling is a fifth of the time of a short call.

A source is kept when it is short and its compilation wrote nothing to stderr. One that warns is compiled anew
each time, so that it warns each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from dspex_actors.workers.guest._python import Compiler

MOST_KEPT = 64  # sources
LONGEST_KEPT = 4096  # characters


class CodeCache:
    """A compiler that remembers.

    Args:
        compiler: what compiles.
        written: returns how many bytes were written to stderr up to now.
    """

    def __init__(self, compiler: Compiler, written: Callable[[], int]) -> None:
        self._compiler = compiler
        self._written = written
        self._kept: dict[str, tuple[CodeType | None, CodeType | None]] = {}  # the one used last stands last

    def compile(self, source: str) -> tuple[CodeType | None, CodeType | None]:
        """Compile the source, or find it; see `Compiler`.

        Raises:
            SyntaxError: it is not a program, or not one that the profile allows.
        """
        code = self._kept.pop(source, None)
        if code is None:
            before = self._written()
            code = self._compiler.compile(source)
            if len(source) > LONGEST_KEPT or self._written() != before:
                return code
            if len(self._kept) == MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[source] = code
        return code
