"""The trial of an engine in a process of its own: what it finds, what it says of failures, and its end."""

from __future__ import annotations

import os
import select
import signal

import msgspec
import pytest

from dspex_actors.workers._engine_trial import EngineTrial
from dspex_actors.workers._protocol import Footprint, Tried
from dspex_actors.workers.engines import EngineFailureError
from tests.integration._tools import wait_end

pytestmark = pytest.mark.integration


def raising(error):
    def look():
        raise error

    return look


@pytest.mark.parametrize(
    ("look", "tried"),
    [
        (lambda: Footprint(2**20, 7, 12), Tried(Footprint(2**20, 7, 12))),
        (raising(EngineFailureError("it ended with 9")), Tried(engine_error="it ended with 9")),
        (raising(TypeError("no such thing")), Tried(error="TypeError: no such thing")),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            Tried(engine_error="its trial ended with status 9 and said nothing"),
        ),
    ],
)
def test_a_trial_tells_what_was_found_or_why_nothing_was(look, tried):
    trial = EngineTrial(look)

    assert msgspec.msgpack.decode(trial.outcome(), type=Tried) == tried


def test_a_trial_can_be_read_when_it_is_over_and_not_before():
    waits, go = os.pipe()

    def look():
        os.read(waits, 1)
        return Footprint()

    trial = EngineTrial(look)
    before, _, _ = select.select([trial], [], [], 0)
    os.write(go, b"1")
    after, _, _ = select.select([trial], [], [], 60)
    trial.outcome()
    for descriptor in (waits, go):
        os.close(descriptor)

    assert (before, after) == ([], [trial])


def test_a_trial_that_is_closed_before_it_is_over_leaves_no_process():
    trial = EngineTrial(signal.pause)
    pidfd = os.pidfd_open(trial._pid)
    trial.close()
    ended = wait_end(pidfd)
    os.close(pidfd)

    assert ended
