"""Every error of modules is of one family, says its sentence from its data, and survives pickle."""

from __future__ import annotations

import pickle

import pytest

from dspex_actors import DspexError
from dspex_actors.modules import (
    CopyFailedError,
    DependencyMismatchError,
    IncompatibleVersionError,
    LoadError,
    MalformedStateError,
    ModuleError,
    NotDumpableError,
    PathError,
    StateMismatchError,
    StateRefusedError,
    _module_errors,
)

EXAMPLES = [
    LoadError("no"),
    PathError("a[", "'[' is never closed"),
    CopyFailedError("a.b", "Client", "OSError: no"),
    CopyFailedError("", "Client", "OSError: no"),
    NotDumpableError("a", "Pattern", "it is no plain data"),
    MalformedStateError("it is a list"),
    StateMismatchError("a[0]", "it is a lock"),
    StateMismatchError("x" * 1000, "it is a lock"),
    IncompatibleVersionError("1.0", "2.0", "it is older"),
    DependencyMismatchError((("numpy", "1.0", "2.0"), ("scipy", "", "1.0"))),
    StateRefusedError("own", "ValueError: no"),
]


def test_every_error_class_has_an_example_here_and_the_one_root():
    classes = {
        value
        for value in vars(_module_errors).values()
        if isinstance(value, type) and issubclass(value, Exception) and value is not ModuleError
    }
    assert {type(error) for error in EXAMPLES} == classes
    assert all(issubclass(error, ModuleError) for error in classes)
    assert issubclass(ModuleError, DspexError)


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_comes_back_from_pickle_with_its_text_and_attributes(error, protocol):
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 -- our own bytes

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_a_sentence_is_short_however_long_the_name_of_the_part(error):
    assert len(str(error)) < 400


def test_the_refusal_of_other_packages_names_them_and_what_to_do():
    assert str(DependencyMismatchError((("numpy", "1.0", ""),))) == (
        "the state was dumped with numpy 1.0 (now none); install those, or load with dependencies='report'"
    )
