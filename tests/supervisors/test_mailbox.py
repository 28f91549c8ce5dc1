"""The mailbox: two lanes, and an end after which nothing is lost."""

from __future__ import annotations

import threading

import pykka
import pytest
from pykka import messages

from supervisors import NORMAL, SHUTDOWN, ActorExitedError, CallFuture
from supervisors._mailbox import WAKE, Call, Cast, Envelope, Info, Mailbox
from supervisors._signals import StopRequest


def test_user_messages_come_out_in_the_order_they_were_put():
    mailbox = Mailbox()
    sent = [Cast(number) for number in range(5)]
    for envelope in sent:
        mailbox.post(envelope)

    assert [mailbox.take() for _ in sent] == sent


def test_a_system_message_is_seen_before_messages_that_were_queued_earlier():
    mailbox = Mailbox()
    mailbox.post(Cast(1))

    assert mailbox.post_system("now")

    mailbox.take()
    assert list(mailbox.system) == ["now"]


def test_after_closing_a_call_is_answered_with_the_reason_at_once():
    mailbox = Mailbox()
    mailbox.close(SHUTDOWN)
    future = CallFuture()

    mailbox.post(Call("late", future))

    with pytest.raises(ActorExitedError) as caught:
        future.get(timeout=0)
    assert caught.value.reason == SHUTDOWN


def test_closing_answers_calls_and_counts_casts_that_are_queued():
    mailbox = Mailbox()
    dropped = []
    mailbox.on_drop = dropped.append
    future = CallFuture()
    for envelope in (Call("waiting", future), Cast(1), Info(2), Cast(3)):
        mailbox.post(envelope)

    mailbox.close(NORMAL)

    assert future.done
    assert len(dropped) == 2


def test_closing_wakes_an_actor_that_waits_for_a_message():
    mailbox = Mailbox()
    woken = threading.Thread(target=mailbox.take)
    woken.start()

    mailbox.close(NORMAL)

    woken.join(5)
    assert not woken.is_alive()


def test_a_closed_mailbox_takes_no_system_message():
    mailbox = Mailbox()
    mailbox.close(NORMAL)

    assert not mailbox.post_system("late")
    assert not mailbox.system


def test_a_put_that_races_with_closing_is_still_answered():
    """The put is made to see `closed` False first and True after: the window in which messages got lost."""
    mailbox = Mailbox()
    future = CallFuture()
    queue_put = mailbox._queue.put

    class ClosesDuringPut:
        get, get_nowait, qsize, empty = (
            getattr(mailbox._queue, name) for name in ("get", "get_nowait", "qsize", "empty")
        )

        def put(self, envelope):
            if envelope is not WAKE and not mailbox.closed:
                mailbox.close(SHUTDOWN)
            queue_put(envelope)

    mailbox._queue = ClosesDuringPut()

    mailbox.post(Call("racing", future))

    with pytest.raises(ActorExitedError):
        future.get(timeout=0)


def test_every_drain_leaves_a_token_that_wakes_the_actor():
    mailbox = Mailbox()
    mailbox.close(NORMAL)
    mailbox.close(NORMAL)

    assert mailbox.take() is WAKE


def test_a_stop_sent_through_pykka_goes_ahead_of_the_queue():
    mailbox = Mailbox()
    mailbox.put(Envelope("earlier"))

    mailbox.put(Envelope(messages._ActorStop()))

    assert mailbox.system[0] == StopRequest(NORMAL)


def test_a_stop_sent_through_pykka_to_a_closed_mailbox_is_answered():
    mailbox = Mailbox()
    mailbox.close(NORMAL)
    future = CallFuture()

    mailbox.put(Envelope(messages._ActorStop(), reply_to=future))

    assert future.get(timeout=0) is None


def test_a_stop_sent_through_pykka_that_is_still_queued_at_the_end_is_answered():
    mailbox = Mailbox()
    future = CallFuture()
    mailbox.put(Envelope(messages._ActorStop(), reply_to=future))

    mailbox.close(NORMAL)

    assert future.get(timeout=0) is None


@pytest.mark.parametrize(
    "message",
    [
        messages.ProxyCall(("stop",), (), {}),
        messages.ProxyGetAttr(("pid",)),
        messages.ProxySetAttr(("pid",), None),
    ],
)
def test_what_pykka_proxies_send_is_refused_and_never_reaches_the_actor(message):
    mailbox = Mailbox()
    future = pykka.ThreadingFuture()

    mailbox.put(Envelope(message, reply_to=future))

    with pytest.raises(TypeError, match="proxies are not supported"):
        future.get(timeout=0)
    assert mailbox.empty()
