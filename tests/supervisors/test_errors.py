"""The error tree: one root, data as attributes, picklable."""

from __future__ import annotations

import pickle

import pytest

import supervisors
from supervisors import NORMAL, SupervisorError

ERRORS = [
    supervisors.ChildSpecError("bad"),
    supervisors.ChildNotFoundError("a", ["b"]),
    supervisors.DuplicateChildError("a", "running"),
    supervisors.ChildStateError("a", "running"),
    supervisors.MaxChildrenError(3),
    supervisors.StartError("a", NORMAL),
    supervisors.RestartsExceededError("root", 3, 5),
    supervisors.AbandonedExceededError("root", 0, [supervisors.Abandoned("root/a", "a#1", "x.py:3", 7.5)]),
    supervisors.CallTimeoutError("a", 5.0),
    supervisors.CallAbandonedError(),
    supervisors.ActorExitedError("a", NORMAL),
    supervisors.CallCycleError(["a", "b", "a"]),
    supervisors.NotSuspendedError("a", "change_code()"),
    supervisors.NotReplaceableError("a", "no"),
    supervisors.OsProcessExitedError("sleep", exit_code=None, signal=9, stderr_tail="oops"),
    supervisors.Refuse(ValueError("x")),
    supervisors.NotAnActorError("register()"),
    supervisors.NameTakenError("names", "a", None),
    supervisors.NotRegisteredError("names", "a"),
    supervisors.RegistryKeysError("topics", "via", "unique"),
    supervisors.UnknownRegistryError("names", NORMAL),
    supervisors.NotJoinedError("lobby", "a"),
    supervisors.NoPartitionsError("counters"),
    supervisors.UnstableKeyError("<object>"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_survives_pickling_with_its_data(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- made here

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert {key: repr(value) for key, value in vars(copy).items()} == {
        key: repr(value) for key, value in vars(error).items()
    }


def test_every_error_class_of_the_package_is_in_the_pickling_test():
    def below(kind):
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    assert below(SupervisorError) - {SupervisorError} == {type(error) for error in ERRORS}


def test_errors_are_also_the_builtin_kind_callers_expect():
    assert issubclass(supervisors.CallTimeoutError, TimeoutError)
    assert issubclass(supervisors.ChildSpecError, ValueError)
    assert issubclass(supervisors.ChildNotFoundError, LookupError)
