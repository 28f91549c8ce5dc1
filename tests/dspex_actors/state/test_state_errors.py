"""Errors of states are one family, say their sentence from their data, and survive pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from dspex_actors import DspexError
from dspex_actors.state import _errors
from dspex_actors.state._errors import (
    MigrationFailedError,
    MigrationPathError,
    StateError,
    UnresolvedConflictError,
    VersionNotFoundError,
)

EXAMPLES = {
    "something": StateError("something"),
    "there is no version '7'; the nearest are 6, 8": VersionNotFoundError("'7'", ("6", "8")),
    "there is no version latest: nothing was saved": VersionNotFoundError("latest", ()),
    "no migration leads from '1' to '9': from '1' one gets to 2, 3; no step knows '9' (the nearest known are 3)": (  # noqa: E501 -- one sentence
        MigrationPathError("1", "9", ("2", "3"), ("3",), ("9",))
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
        for value in vars(_errors).values()
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
