"""Which versions of a batch can be stored, as far as the batch itself says, and what its results are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dspex_actors.state._backend import Entry


@dataclass(frozen=True, slots=True)
class Run:
    """The versions of one id in a batch.

    Attributes:
        id: whose.
        fitting: places in the batch of those whose revisions follow each other from the first on: all of them
            fit, or none does.
        refused: places of the others, which follow what is not stored.
    """

    id: str
    fitting: tuple[int, ...]
    refused: tuple[int, ...]


def runs(entries: Sequence[Entry]) -> list[Run]:
    """Return a run for each id of a batch, sorted by id: who locks in this order locks nobody out."""
    places: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        places.setdefault(entry.row.id, []).append(place)
    found = []
    for each in sorted(places):
        mine = places[each]
        first = entries[mine[0]].row.revision
        count = 0
        while count < len(mine) and entries[mine[count]].row.revision == first + count:
            count += 1
        found.append(Run(each, tuple(mine[:count]), tuple(mine[count:])))
    return found


def results_of(entries: Sequence[Entry], stored: set[str], heads: Mapping[str, int]) -> list[int | None]:
    """Return what `append` returns.

    Args:
        entries: the batch.
        stored: the ids whose fitting versions were stored.
        heads: revisions of the ids that were not; one that is missing has none.
    """
    results: list[int | None] = [None] * len(entries)
    for run in runs(entries):
        if run.id in stored:
            at, misses = entries[run.fitting[-1]].row.revision, run.refused
        else:
            at, misses = heads.get(run.id, 0), run.fitting + run.refused
        for place in misses:
            results[place] = at
    return results


def fit(entries: Sequence[Entry], heads: Mapping[str, int]) -> list[int | None]:
    """Return what `append_together` returns: what is in the way of each, after those before it.

    Args:
        entries: the batch.
        heads: revision of each id before it; one that is missing has none.
    """
    at = dict(heads)
    results: list[int | None] = []
    for entry in entries:
        current = at.get(entry.row.id, 0)
        fits = entry.row.revision == current + 1
        results.append(None if fits else current)
        at[entry.row.id] = current + fits
    return results
