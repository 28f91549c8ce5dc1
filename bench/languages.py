"""What other languages cost: the first result of all, a call in a session, a fresh sandbox, a timeout.

`cold` starts a runtime, or a process, for one result; `fresh` rests before each run, so that a spare is
there. Each language has a file of competitors.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import _elixir
import _javascript
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], object]]]:
    """Use a runtime for each language."""
    with _javascript.ours() as javascript, _elixir.ours() as elixir:
        yield {**javascript, **elixir}


QUESTION = Question(
    name="languages",
    script=__file__,
    competitors={OURS: ours, **_javascript.competitors(), "elixir -e": _elixir.one_process_each},
    cases=(
        Case(name="javascript: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="javascript: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="javascript: fresh", turns=3, runs=10, pause_s=0.4, quick=(1, 5)),
        Case(name="javascript: timeout", turns=2, runs=4, pause_s=0.4, quick=(1, 2)),
        Case(name="elixir: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="elixir: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="elixir: fresh", turns=3, runs=10, pause_s=0.8, quick=(1, 5)),
        Case(name="elixir: timeout", turns=2, runs=4, pause_s=0.8, quick=(1, 2)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
