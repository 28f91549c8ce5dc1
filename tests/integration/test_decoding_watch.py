"""The watch that guards the whole integration suite sees what it is there for, and watches something."""

from __future__ import annotations

import pickle

import pytest

from tests.integration._tools import runtime_of


@pytest.mark.parametrize(
    ("action", "event"),
    [
        (lambda: compile("1", "x", "eval"), "compile"),
        (lambda: eval("1"), "exec"),  # noqa: S307 -- what is watched for
        (lambda: pickle.loads(b"cos\ngetcwd\n."), "pickle.find_class"),  # noqa: S301 -- what is watched for
        (lambda: __import__("this_module_does_not_exist"), "import"),
    ],
)
def test_the_watch_notes_what_must_not_happen_while_decoding(decoding_watch, action, event):
    def decode():
        try:
            action()
        except ImportError:
            return

    try:
        decode()
        outside = list(decoding_watch.noted)
        decoding_watch.watched(decode)()
        inside = [name for name, _ in decoding_watch.noted]
    finally:
        decoding_watch.noted.clear()

    assert outside == []
    assert event in inside


def test_the_watch_is_around_what_a_worker_sends(decoding_watch):
    before = decoding_watch.decoded
    with runtime_of(spares=1) as runtime:
        assert runtime.execute("{'a': {1, 2}}").value == {"a": {1, 2}}

    assert decoding_watch.decoded >= before + 3  # ready, final, value
    assert decoding_watch.noted == []
