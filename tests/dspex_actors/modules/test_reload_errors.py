"""The errors of registered modules are one family, say their sentence, and survive pickle."""

from __future__ import annotations

import pickle

import pytest

from dspex_actors.modules import ModuleError, _reload_errors
from dspex_actors.modules._reload_errors import (
    InstanceExistsError,
    InstanceStartError,
    MethodExitedError,
    ModuleExistsError,
    ModuleLoadError,
    ReloadError,
    ReloadRefusedError,
    UnknownInstanceError,
    UnknownModuleError,
    UnknownVersionError,
    VersionTakenError,
    WatchClosedError,
    described,
    listed,
)

EXAMPLES = {
    "there is no module 'a'; registered are b, c": UnknownModuleError("a", ("b", "c")),
    "there is no module 'a'; none is registered": UnknownModuleError("a"),
    "'a' is registered already, with version 1.0; reload it, or unregister it first": ModuleExistsError(
        "a", "1.0"
    ),
    "the code of 'a' cannot be loaded: no": ModuleLoadError("a", "no"),
    "'a' has no version 2.0; kept are 1.0": UnknownVersionError("a", "2.0", ("1.0",)),
    "'a' has a version 1.0 already, with another source; name a new one": VersionTakenError("a", "1.0"),
    "'a' has no instance 'x'; start it first": UnknownInstanceError("a", "x"),
    "'a' has an instance 'x' already; stop it first": InstanceExistsError("a", "x"),
    "the instance 'x' of 'a' did not start: no": InstanceStartError("a", "x", "no"),
    "'f' of the instance 'x' of 'a' raised SystemExit: 3": MethodExitedError("a", "x", "f", "SystemExit: 3"),
    "'a' cannot be reloaded: no": ReloadRefusedError("a", "no"),
    "the reload of 'a' failed at compile in pk.a: no": ReloadError("a", "compile", "pk.a", "no"),
    "the watch of 'a*' has ended; no event will come": WatchClosedError("a*"),
}


def test_every_error_class_of_the_file_has_an_example_here():
    classes = {value for value in vars(_reload_errors).values() if isinstance(value, type)}
    assert {type(error) for error in EXAMPLES.values()} == classes - {ModuleError}


@pytest.mark.parametrize(("sentence", "error"), EXAMPLES.items(), ids=repr)
def test_an_error_says_its_sentence_also_after_pickle(sentence, error):
    assert isinstance(error, ModuleError)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    assert (str(error), str(again), vars(again)) == (sentence, sentence, vars(error))


@pytest.mark.parametrize(
    ("names", "expected"),
    [("", ""), ("ab", "a, b"), ("abcde", "a, b, c, d, e"), ("abcdefg", "a, b, c, d, e and 2 more")],
)
def test_of_many_names_five_are_listed(names, expected):
    assert listed(names) == expected


@pytest.mark.parametrize(
    ("error", "expected"), [(ValueError("a\n b"), "ValueError: a b"), (KeyError(), "KeyError")]
)
def test_an_exception_is_described_on_one_line(error, expected):
    assert described(error) == expected
