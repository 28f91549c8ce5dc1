"""Errors of states are one family, say their sentence from their data, and survive pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from dspex_actors import DspexError
from dspex_actors.state import _errors, _storage_errors
from dspex_actors.state._errors import (
    DamagedSnapshotError,
    DamagedVersionError,
    IdExistsError,
    MigrationFailedError,
    MigrationPathError,
    SnapshotNotFoundError,
    StateDeletedError,
    StateError,
    UnresolvedConflictError,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._storage_errors import (
    SnapshotExistsError,
    StorageBusyError,
    StorageClosedError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageMissingError,
    StorageUnavailableError,
)

EXAMPLES = {
    "something": StateError("something"),
    "there is no version '7'; the nearest are 6, 8": VersionNotFoundError("'7'", ("6", "8")),
    "there is no version latest: nothing was saved": VersionNotFoundError("latest", ()),
    "no migration leads from '1' to '9': from '1' one gets to 2, 3; no step knows '9' (the nearest known are 3)": (  # noqa: E501 -- one sentence
        MigrationPathError("1", "9", ("2", "3"), ("3",), ("9",))
    ),
    "'a' is at revision 4, not at 3 as expected; load it, apply the change again, and save with the new revision": (  # noqa: E501 -- one sentence
        VersionConflictError("a", 3, 4)
    ),
    "'a' was deleted at revision 4; its versions before that can be loaded": StateDeletedError("a", 4),
    "revision 4 of 'a' is damaged: torn": DamagedVersionError("a", 4, "torn"),
    "there is no snapshot 'x'; the nearest are y, z": SnapshotNotFoundError("x", ("y", "z")),
    "'a' is in the store already; import with existing='skip' or 'append'": IdExistsError("a"),
    "there is no snapshot 'x'": SnapshotNotFoundError("x", ()),
    "the snapshot 'x' is damaged: torn": DamagedSnapshotError("x", "torn"),
    "there is a snapshot 'x' already; drop it first or choose another name": SnapshotExistsError("x"),
    "sqlite could not append: no; nothing was written": StorageError("sqlite", "append", "no"),
    "redis could not append: lost; it may have been written, or not": StorageUnavailableError(
        "redis", "append", "lost", written=None
    ),
    "sqlite could not append: locked; nothing was written": StorageBusyError("sqlite", "append", "locked"),
    "sqlite could not append: full; nothing was written": StorageFullError("sqlite", "append", "full"),
    "sqlite could not read: torn; nothing was written": StorageDamagedError("sqlite", "read", "torn"),
    "sqlite could not open: there is no store in x; nothing was written": StorageMissingError(
        "sqlite", "open", "there is no store in x"
    ),
    "sqlite could not read: it was closed; nothing was written": StorageClosedError(
        "sqlite", "read", "it was closed"
    ),
    "the migration step 'x' from '1' to '2' failed: KeyError: 'a'": MigrationFailedError(
        "x", "1", "2", "KeyError: 'a'"
    ),
    "both sides changed a, b, c, d, e and 2 more and not to the same": UnresolvedConflictError(
        tuple("abcdefg")
    ),
}


def errors_of_the_package():
    return {
        value
        for value in [*vars(_errors).values(), *vars(_storage_errors).values()]
        if isinstance(value, type) and issubclass(value, BaseException) and value is not DspexError
    }


def test_every_error_class_of_states_has_an_example_here():
    assert {type(error) for error in EXAMPLES.values()} == errors_of_the_package()


def test_every_error_of_states_has_the_one_root():
    assert all(issubclass(error, StateError) for error in errors_of_the_package())
    assert issubclass(StateError, DspexError)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_error_of_states_says_its_sentence_and_comes_back_from_pickle_with_it(text):
    error = EXAMPLES[text]

    for back in (copy.copy(error), *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6))):  # noqa: S301 -- our own
        assert str(back) == str(error) == text
        assert vars(back) == vars(error)
