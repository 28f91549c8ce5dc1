"""A worker that is kept for many calls: a kill is meant for one call, and never hits another."""

from __future__ import annotations

import os
import signal

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, WorkerDied, WorkerLostError
from dspex_actors.workers import Cause, KeptWorker
from tests.integration._fake_worker import LIMITS, FakeWorker, final
from tests.integration._tools import CEILING_S, QUICK, TIMERS, BareZygote, wait_end


@pytest.fixture
def kept():
    with BareZygote() as zygote:
        worker = zygote.handle.spawn_kept("none here")
        try:
            worker.wait_ready(CEILING_S, TIMERS)
            worker.open(QUICK, TIMERS)
            yield worker
        finally:
            assert worker.close()


def test_a_kill_for_a_call_that_has_ended_leaves_the_worker_alone(kept):
    call = kept.next_request
    kept.serve("x = 1", None, QUICK, TIMERS)
    kept.kill_request(call, Cause.CANCELLED)

    assert kept.serve("x", None, QUICK, TIMERS).value == 1
    assert kept.cause is None


def test_a_kill_for_the_next_call_means_that_it_never_begins(kept):
    kept.serve("x = 1", None, QUICK, TIMERS)
    kept.kill_request(kept.next_request, Cause.CANCELLED)

    assert kept.serve("x = 2", None, QUICK, TIMERS) is None
    assert kept.serve("x", None, QUICK, TIMERS).value == 1


def test_a_kill_for_a_call_that_is_not_the_next_changes_nothing(kept):
    kept.kill_request(kept.next_request + 1, Cause.CANCELLED)

    assert kept.serve("1", None, QUICK, TIMERS).value == 1
    assert kept.serve("2", None, QUICK, TIMERS).value == 2


def test_a_result_that_comes_after_the_kill_does_not_count():
    fake = FakeWorker(KeptWorker)
    try:
        fake.ready()

        def play(nonce, sock):
            fake.worker.kill_request(nonce, Cause.TIME)
            sock.sendall(final(nonce))

        result = fake.execute(play, LIMITS)
    finally:
        fake.close()

    assert isinstance(result, LimitExceeded)
    assert result.limit == "time"


def test_a_worker_that_was_killed_before_it_was_born_does_not_live():
    with BareZygote() as zygote:
        worker = zygote.handle.spawn_kept("none here")
        worker.kill(Cause.CLOSED)
        with pytest.raises(WorkerLostError):
            worker.wait_ready(CEILING_S, TIMERS)

        assert worker.is_closed


def test_an_obituary_tells_how_an_idle_worker_ended_and_that_no_code_was_run(kept):
    pidfd = kept.pidfd()
    os.kill(kept.facts.pid, signal.SIGTERM)
    assert wait_end(pidfd)
    os.close(pidfd)
    died = kept.obituary()

    assert isinstance(died, WorkerDied)
    assert (died.signal, died.exit_code) == (signal.SIGTERM, None)
    assert "the code was not run" in died.detail


def test_a_guest_can_raise_a_call_s_own_limit_only_up_to_the_session_s(kept):
    code = (
        "import resource\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_DATA)\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))\n"
        "try: resource.setrlimit(resource.RLIMIT_DATA, (hard, hard + 1))\n"
        "except (ValueError, OSError): refused = True\n"
        "(soft < hard, refused)"
    )

    assert kept.serve(code, None, Limits(memory_bytes=2**24), TIMERS).value == (True, True)


def test_limits_for_one_call_are_taken_off_for_the_next(kept):
    code = "import resource; resource.getrlimit(resource.RLIMIT_FSIZE)[0]"
    limited = kept.serve(code, None, Limits(file_bytes=4096), TIMERS)
    free = kept.serve(code, None, QUICK, TIMERS)

    assert isinstance(limited, Completed)
    assert (limited.value, free.value) == (4096, QUICK.file_bytes)


SPIN = """
import time
end = time.process_time() + {}
while time.process_time() < end: pass
"done"
"""


def test_the_cpu_seconds_of_a_call_do_not_count_against_the_next(kept):
    limits = Limits(time_s=CEILING_S, cpu_s=0.4)
    results = [kept.serve(SPIN.format(0.2), None, limits, TIMERS) for _ in range(4)]

    assert [result.value for result in results] == ["done"] * 4


def test_a_call_above_its_cpu_seconds_is_killed_with_what_it_used(kept):
    kept.serve(SPIN.format(0.2), None, QUICK, TIMERS)
    result = kept.serve("while True: pass", None, Limits(time_s=CEILING_S, cpu_s=0.3), TIMERS)

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.allowed) == ("cpu", 0.3)
    assert result.used >= 0.3


LIFTS = {
    "the limit itself": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (-1, -1))",
    "the signal": "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)",
    "other threads": (
        "import threading\nfor _ in range(3): threading.Thread(target=lambda: [*iter(int, 1)]).start()"
    ),
}


@pytest.mark.parametrize("lift", LIFTS.values(), ids=LIFTS)
def test_no_guest_lifts_the_cpu_limit_of_a_call(kept, lift):
    result = kept.serve(f"{lift}\nwhile True: pass", None, Limits(time_s=CEILING_S, cpu_s=0.3), TIMERS)

    assert isinstance(result, LimitExceeded)
    assert result.limit == "cpu"


def test_a_kept_worker_killed_from_outside_did_not_exceed_its_cpu_limit(kept):
    kept.serve(SPIN.format(0.3), None, QUICK, TIMERS)
    result = kept.serve("import os; os.kill(os.getpid(), 9)", None, Limits(cpu_s=0.2), TIMERS)

    assert isinstance(result, WorkerDied)
    assert result.signal == signal.SIGKILL
