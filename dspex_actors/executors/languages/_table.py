"""All languages that one runtime knows: the rows of this package and those of its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._errors import UnknownLanguageError, one_of
from dspex_actors.executors.languages._elixir import ELIXIR
from dspex_actors.executors.languages._javascript import JAVASCRIPT, TYPESCRIPT
from dspex_actors.executors.languages._pyodide import PYODIDE
from dspex_actors.executors.languages._python import PYTHON
from dspex_actors.executors.languages._rust import RUST
from dspex_actors.executors.languages._wasm import WASM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dspex_actors._language import Language

BUILT_IN: tuple[Language, ...] = (PYTHON, JAVASCRIPT, TYPESCRIPT, WASM, RUST, ELIXIR, PYODIDE)
"""The rows that come with this package."""


class Languages:
    """The languages that one runtime knows, by name.

    Args:
        more: rows beside those of this package; one of the same name wins.
    """

    def __init__(self, more: Iterable[Language] = ()) -> None:
        self._rows = {row.name: row for row in (*BUILT_IN, *more)}

    def __getitem__(self, name: str) -> Language:
        """Return the row of a language.

        Raises:
            UnknownLanguageError: there is none.
        """
        row = self._rows.get(name)
        if row is None:
            raise UnknownLanguageError("language", name, one_of(self._rows))
        return row

    def __iter__(self) -> Iterator[Language]:
        return iter(self._rows.values())
