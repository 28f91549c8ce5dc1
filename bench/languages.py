"""What other languages cost: the first result of all, a call in a session, a fresh sandbox, a timeout.

`cold` starts a runtime, or a process, for one result; `fresh` rests before each run, so that a spare is
there. Each language has a file of competitors.
"""

from __future__ import annotations

import _javascript
from _measure import Case, Question
from _table import OURS

QUESTION = Question(
    name="languages",
    script=__file__,
    competitors={OURS: _javascript.ours, **_javascript.competitors()},
    cases=(
        Case(name="javascript: cold", turns=3, runs=3, quick=(1, 2)),
        Case(name="javascript: warm", turns=3, runs=200, quick=(1, 50)),
        Case(name="javascript: fresh", turns=3, runs=10, pause_s=0.4, quick=(1, 5)),
        Case(name="javascript: timeout", turns=2, runs=4, pause_s=0.4, quick=(1, 2)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
