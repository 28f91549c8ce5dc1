"""The sources that a kept worker compiled last: compiling is a fifth of the time of a short call.

A source is kept when it is short and its compilation wrote nothing to stderr. One that warns is compiled anew
each time, so that it warns each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.workers.guest._failure import FILENAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import TypeAlias

    from dspex_actors.workers.guest._python import Compiler

    _Code: TypeAlias = tuple[CodeType | None, CodeType | None]

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
        self._kept: dict[str, tuple[str, _Code]] = {}  # the one used last stands last

    def filename_of(self, source: str) -> str:
        """Return the file name that a kept source was compiled under; empty if it is not kept."""
        kept = self._kept.get(source)
        return kept[0] if kept is not None else ""

    def compile(self, source: str, filename: str = FILENAME) -> _Code:
        """Compile the source, or find it, with the file name of that time; see `Compiler`.

        Raises:
            SyntaxError: it is not a program, or not one that the profile allows.
        """
        kept = self._kept.pop(source, None)
        if kept is None:
            before = self._written()
            kept = filename, self._compiler.compile(source, filename)
            if len(source) > LONGEST_KEPT or self._written() != before:
                return kept[1]
            if len(self._kept) == MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[source] = kept
        return kept[1]
