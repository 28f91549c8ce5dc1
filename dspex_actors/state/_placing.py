"""Putting versions into their places, also where the database's answer was lost.

A place (id and revision) is taken once and for ever, and no two versions are alike. So a write that may or
may not have happened is simply made again: the place then holds this version, by the first attempt or by the
second, or another one. Only where the database stays away is it not known what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from dspex_actors.state._backend import Revision
from dspex_actors.state._storage_errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.state._backend import Entry, Storage
    from dspex_actors.state._line import Line

_ATTEMPTS: Final = 3  # after each of them the line was opened anew, and has waited as it may


@dataclass(frozen=True, slots=True)
class Taken:
    """The place holds another version."""


Outcome: TypeAlias = Taken | StorageError | None


def place(line: Line, entries: Sequence[Entry]) -> list[Outcome]:
    """Store versions; return for each None if it is stored, else why not.

    A `StorageError` among them says by its `written` whether that version may have been stored.
    """
    outcomes: list[Outcome] = []
    behind: set[str] = set()  # ids of which an earlier version is not stored
    while len(outcomes) < len(entries):
        rest = entries[len(outcomes) :]
        try:
            results = line.run(partial(_append, rest))
        except StorageError as error:
            if error.written is False:
                found: list[Outcome] = [error] * len(rest)
            else:
                found = [_again(line, entry, error, behind) for entry in rest]
        else:
            if not results:
                raise AssertionError(f"{line.name} neither stored a version nor said why not")
            found = [None if at is None else Taken() for at in results]
        for entry, outcome in zip(rest, found, strict=False):
            refused = outcome is not None or entry.row.id in behind
            if refused:
                behind.add(entry.row.id)
            outcomes.append(outcome or (Taken() if refused else None))
    return outcomes


def _append(entries: Sequence[Entry], storage: Storage) -> list[int | None]:
    return storage.append(entries)


def place_together(line: Line, entries: Sequence[Entry]) -> bool:
    """Store all versions or none; return whether they are stored, or places among theirs are taken.

    Raises:
        StorageError: they are not stored, or with `written=None` may be.
    """
    lost: StorageError | None = None
    for _ in range(_ATTEMPTS):
        try:
            results = line.run(lambda storage: storage.append_together(entries))
        except StorageError as error:
            if error.written is not False:
                lost = error
                continue
            if lost is None:
                raise
            break
        if all(at is None for at in results):
            return True
        if lost is None:
            return False
        return all(_is_there(line, entry) for entry in entries)
    if lost is not None and not all(_is_there(line, entry) for entry in entries):
        raise lost
    return True


def _again(line: Line, entry: Entry, lost: StorageError, behind: set[str]) -> Outcome:
    """Place one version that may be stored already."""
    for _ in range(_ATTEMPTS):
        if entry.row.id in behind:
            return Taken()
        try:
            (at,) = line.run(lambda storage: storage.append([entry]))
        except StorageError as error:
            if error.written is False:
                break
            lost = error
            continue
        if at is None or _is_there(line, entry):
            return None
        behind.add(entry.row.id)
        return Taken()
    if _is_there(line, entry):
        return None
    behind.add(entry.row.id)
    return lost


def _is_there(line: Line, entry: Entry) -> bool:
    """Return whether a place holds this version; False also where that cannot be found out now."""
    try:
        return line.run(lambda storage: storage.read(entry.row.id, Revision(entry.row.revision))) == entry
    except StorageError:
        return False
