"""A session: variables live from call to call, a killed call is undone, branches start from one state."""

from __future__ import annotations

import dspex_actors as dspex
from dspex_actors import LimitExceeded, Limits

# expect: the session they came from: score is still 4

with dspex.Runtime() as rt, rt.session() as session:
    session.execute("x = 42")
    runaway = session.execute("while True: x += 1", limits=Limits(time_s=0.1))
    if isinstance(runaway, LimitExceeded) and runaway.session is not None:
        print(f"a runaway call: {runaway.session.fate}, x is still {session['x']}")

    session.execute("score = 4")
    scores = {}
    for name, step in {"a": "score + 10", "b": "score ** 3", "c": "score * 7"}.items():
        with session.fork() as branch:  # a second session from this very state
            branch.execute(f"score = {step}")
            scores[name] = branch["score"]
    best = max(scores, key=scores.__getitem__)
    print(f"best of {len(scores)} branches: {best!r} with {scores[best]}")
    print(f"the session they came from: score is still {session['score']}")
