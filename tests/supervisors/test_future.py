"""Call futures: the first answer wins, waiting is fair, abandoning is final."""

from __future__ import annotations

import math
import threading

import pytest

from supervisors import CallAbandonedError, CallFuture, CallTimeoutError, Sender


def test_the_reply_can_be_read_many_times():
    future = CallFuture()
    future.reply(42)

    assert [future.get(), future.get(timeout=0), future.get(timeout=None)] == [42] * 3


@pytest.mark.parametrize("timeout", [None, math.inf, 5])
def test_a_waiting_thread_is_woken_by_the_reply(timeout):
    future = CallFuture()
    threading.Thread(target=future.reply, args=("late",)).start()

    assert future.get(timeout=timeout) == "late"


def test_all_threads_that_wait_get_the_reply():
    future = CallFuture()
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(future.get(timeout=5))) for _ in range(5)]
    for thread in threads:
        thread.start()

    future.reply(1)

    for thread in threads:
        thread.join()
    assert seen == [1] * 5


def test_a_timeout_of_get_leaves_the_call_alive():
    future = CallFuture()

    with pytest.raises(CallTimeoutError):
        future.get(timeout=0)

    future.reply(1)
    assert future.get() == 1


def test_a_timeout_of_a_call_abandons_it():
    future = CallFuture()

    with pytest.raises(CallTimeoutError):
        future.get_or_abandon(0)

    assert future.abandoned
    assert not future.reply("too late")


@pytest.mark.parametrize("first", ["reply", "fail", "abandon"])
@pytest.mark.parametrize("second", ["reply", "fail", "abandon"])
def test_whoever_comes_second_is_dropped_without_a_sound(first, second):
    future = CallFuture()
    act = {
        "reply": lambda: future.reply(1),
        "fail": lambda: future.fail(ValueError("x")),
        "abandon": future.abandon,
    }

    assert act[first]() is True
    assert act[second]() is False
    assert future.abandoned is (first == "abandon")


def test_pykkas_own_setters_drop_a_late_result_where_pykka_raises():
    future = CallFuture()
    future.set(1)

    future.set(2)
    future.set_exception((ValueError, ValueError("x"), None))

    assert future.get() == 1


def test_an_exception_set_by_pykka_is_raised_as_it_was():
    future = CallFuture()
    error = ValueError("x")

    try:
        raise error
    except ValueError:
        future.set_exception()

    with pytest.raises(ValueError, match="x") as caught:
        future.get()
    assert caught.value is error


def test_a_callback_added_before_or_after_the_reply_runs_once():
    future = CallFuture()
    seen = []
    future.add_done_callback(lambda done: seen.append(("before", done.get())))

    future.reply(1)
    future.add_done_callback(lambda done: seen.append(("after", done.get())))

    assert seen == [("before", 1), ("after", 1)]


def test_a_callback_that_raises_is_logged_and_the_others_run(caplog):
    future = CallFuture()
    seen = []
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(seen.append)

    future.reply(1)

    assert seen == [future]
    assert "call.callback_failed" in caplog.text


def test_abandoning_wakes_other_threads_that_wait():
    future = CallFuture()
    waiting, outcome = threading.Event(), []

    def wait():
        waiting.set()
        try:
            future.get(timeout=5)
        except CallAbandonedError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(5)

    future.abandon()

    thread.join(5)
    assert len(outcome) == 1


def test_the_abandonment_hook_runs_in_the_thread_that_gives_up():
    future = CallFuture()
    ran_in = []
    Sender(future).on_abandoned(lambda: ran_in.append(threading.current_thread()))

    with pytest.raises(CallTimeoutError):
        future.get_or_abandon(0)

    assert ran_in == [threading.current_thread()]


def test_the_abandonment_hook_does_not_run_after_a_reply():
    future = CallFuture()
    ran = []
    Sender(future).on_abandoned(lambda: ran.append(1))

    future.reply(1)

    assert ran == []


def test_a_second_getter_of_a_hooked_future_does_not_wait_for_the_first():
    """Stock pykka holds its lock while the hook blocks, so the second one's timeout is ignored."""
    future, entered, release = CallFuture(), threading.Event(), threading.Event()

    def hook(timeout):
        if timeout is None:
            entered.set()
            release.wait(5)
        return timeout

    future.set_get_hook(hook)
    first = threading.Thread(target=future.get)
    first.start()
    entered.wait(5)

    assert future.get(timeout=0.01) == 0.01  # the hook of this getter ran while that of the first blocked

    release.set()
    first.join(5)


def test_racing_answers_leave_exactly_one_winner():
    for _ in range(200):
        future, barrier, won = CallFuture(), threading.Barrier(3), []

        def race(act, barrier=barrier, won=won):
            barrier.wait()
            won.append(act())

        acts = (lambda f=future: f.reply(1), lambda f=future: f.fail(KeyError()), future.abandon)
        threads = [threading.Thread(target=race, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(True) == 1
