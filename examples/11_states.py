"""States: every version is kept, a lost race is noticed, a snapshot brings it back, a crash costs nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dspex_actors as dspex
from dspex_actors.state import Sqlite, VersionConflictError

# expect: after the crash: step 1, 4 versions, all sound


def main() -> None:
    """Save, lose a race, go back, crash."""
    with (
        tempfile.TemporaryDirectory() as folder,
        dspex.Runtime(state=Sqlite(path=Path(folder) / "states.db")) as rt,
    ):
        first = rt.state.save("agent-7", {"step": 1}, metadata={"by": "planner"})
        rt.state.create_snapshot("release")
        rt.state.save("agent-7", {"step": 2}, expected=first)
        try:
            rt.state.save("agent-7", {"step": "mine"}, expected=first)  # somebody else was quicker
        except VersionConflictError as conflict:
            print(f"a lost race: expected {conflict.expected}, there is {conflict.actual}")
        print(f"version 1 is still {rt.state.load('agent-7', 1).state}")

        rt.state.save("agent-7", {"step": "broken"})
        rt.state.restore_snapshot("release")
        print(f"the snapshot brings back {rt.state.load('agent-7').state}")

        store = rt.state.address
        if (running := store.pid) is not None:
            running.kill()  # its supervisor starts another one, which finds what was acknowledged
            running.wait_exit(10)
        store.wait_available(10)
        loaded = rt.state.load("agent-7")
        verdict = "all sound" if rt.state.verify().sound else "damaged"
        versions = len(rt.state.list_versions("agent-7"))
        print(f"after the crash: step {loaded.state['step']}, {versions} versions, {verdict}")


if __name__ == "__main__":
    main()
