"""Counting together: each step is a save on the condition that nobody was quicker."""

from __future__ import annotations

from dspex_actors.state import VersionConflictError

IDS = ("a", "b")


def count_up(states, times):
    """Add one to the states of all ids in turn, `times` in all, whatever others do.

    Returns:
        How often somebody else was quicker.
    """
    conflicts = 0
    for number in range(times):
        name = IDS[number % len(IDS)]
        while True:
            loaded = states.load(name)
            try:
                states.save(name, loaded.state + 1, expected=loaded.revision)
            except VersionConflictError:
                conflicts += 1
            else:
                break
    return conflicts
