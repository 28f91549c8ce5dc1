"""Errors of serialization are one family, say their sentence from their data, and survive pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from dspex_actors import DspexError
from dspex_actors.serialization import _errors
from dspex_actors.serialization._errors import (
    ChecksumError,
    CodecUnavailableError,
    DataError,
    MalformedError,
    PickleRefusedError,
    SerializationError,
    SignatureError,
    TooLargeError,
    TruncatedError,
    UnknownFormatError,
)

EXAMPLES = {
    "something": SerializationError("something"),
    "not sound": DataError("not sound"),
    "not JSON": MalformedError("not JSON"),
    "the data is torn: 3 bytes, and there should be at least 41": TruncatedError(41, 3),
    "the body was changed: its SHA-256 is bbbbbbbbbbbb..., not aaaaaaaaaaaa...": ChecksumError(
        "body", "a" * 64, "b" * 64
    ),
    "5 exceeds Bounds.depth = 4": TooLargeError("depth", 5, 4),
    "it is not signed": SignatureError(None, "it is not signed"),
    "key 'k': it is unknown": SignatureError("k", "it is unknown"),
    "a pickle is not loaded: it is not signed": PickleRefusedError("it is not signed"),
    "no format that is read here: the data looks like zip": UnknownFormatError("zip"),
    "zstd is not available here: install it": CodecUnavailableError("zstd", "install it"),
}


def errors_of_the_package():
    return {
        value
        for value in vars(_errors).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value is not DspexError
    }


def test_every_error_class_of_serialization_has_an_example_here():
    assert {type(error) for error in EXAMPLES.values()} == errors_of_the_package()


def test_every_error_of_serialization_has_the_one_root():
    assert all(issubclass(error, SerializationError) for error in errors_of_the_package())
    assert issubclass(SerializationError, DspexError)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_error_says_its_sentence_and_comes_back_from_pickle_with_it(text):
    error = EXAMPLES[text]

    for back in (copy.copy(error), *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(6))):  # noqa: S301 -- our own
        assert str(back) == str(error) == text
        assert vars(back) == vars(error)
        assert type(back) is type(error)
