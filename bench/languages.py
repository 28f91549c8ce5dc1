"""What other languages cost: the first result of all, a call in a session, a fresh sandbox, a timeout.

`cold` starts a runtime, or a process, for one result; `fresh` rests before each run, so that a spare is
there; `compiled` is a program that nobody has sent before. Each language has a file of competitors.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import _elixir
import _javascript
import _pyodide
import _wasm
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], object]]]:
    """Use a runtime for each language."""
    with (
        _javascript.ours() as javascript,
        _elixir.ours() as elixir,
        _wasm.ours() as wasm,
        _pyodide.ours() as pyodide,
    ):
        yield {**javascript, **elixir, **wasm, **pyodide}


QUESTION = Question(
    name="languages",
    script=__file__,
    competitors={
        OURS: ours,
        **_javascript.competitors(),
        "elixir -e": _elixir.one_process_each,
        "wasmtime-py": _wasm.direct,
        "rustc, wasmtime-py": _wasm.rustc,
        "rustc, a process": _wasm.native,
        **_pyodide.competitors(),
    },
    cases=(
        Case(name="javascript: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="javascript: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="javascript: fresh", turns=3, runs=10, pause_s=0.4, quick=(1, 5)),
        Case(name="javascript: timeout", turns=2, runs=4, pause_s=0.4, quick=(1, 2)),
        Case(name="elixir: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="elixir: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="elixir: fresh", turns=3, runs=10, pause_s=0.8, quick=(1, 5)),
        Case(name="elixir: timeout", turns=2, runs=4, pause_s=0.8, quick=(1, 2)),
        Case(name="pyodide: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="pyodide: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="pyodide: fresh", turns=3, runs=10, pause_s=1.2, quick=(1, 5), patience_s=60.0),
        Case(name="pyodide: timeout", turns=2, runs=4, pause_s=1.2, quick=(1, 2), patience_s=40.0),
        Case(name="wasm: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="wasm: warm", turns=3, runs=500, quick=(1, 100)),
        Case(name="wasm: fresh", turns=3, runs=20, pause_s=0.05, quick=(1, 5)),
        Case(name="wasm: compiled", turns=3, runs=10, pause_s=0.05, quick=(1, 3)),
        Case(name="wasm: timeout", turns=2, runs=4, pause_s=0.1, quick=(1, 2)),
        Case(name="rust: fresh", turns=3, runs=20, pause_s=0.05, quick=(1, 5)),
        Case(name="rust: compiled", turns=2, runs=4, pause_s=0.1, quick=(1, 2)),
        Case(name="rust native: fresh", turns=3, runs=20, pause_s=0.05, quick=(1, 5)),
        Case(name="rust native: compiled", turns=2, runs=4, pause_s=0.1, quick=(1, 2)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
