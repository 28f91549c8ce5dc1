"""What we rely on in pykka, beyond its public names. A failure here names the hook that has moved."""

from __future__ import annotations

import inspect
import threading
from importlib.metadata import version

import pykka
import pytest
from pykka import _envelope, _future, messages

from supervisors import CallFuture, GenServer
from supervisors._mailbox import Mailbox

PYKKA_HOOKS = {
    (pykka.Actor, "_create_actor_inbox"): "() -> 'ActorInbox'",
    (pykka.Actor, "_create_future"): "() -> 'Future[Any]'",
    (pykka.Actor, "_start_actor_loop"): "(self) -> 'None'",
    (pykka.Actor, "_actor_loop"): "(self) -> 'None'",
    (pykka.Future, "set_get_hook"): "(self, func: 'GetHookFunc[T]') -> 'None'",
    (pykka.Future, "get"): "(self, *, timeout: 'float | None' = None) -> 'T'",
    (_envelope.Envelope, "__init__"): "(self, message: 'T', reply_to: 'Future[Any] | None' = None) -> 'None'",
}


def test_this_is_the_series_of_pykka_that_the_hooks_were_read_in():
    assert version("pykka").startswith("4.5.")


@pytest.mark.parametrize(("owner", "name"), PYKKA_HOOKS, ids=lambda part: getattr(part, "__name__", part))
def test_the_signature_of_a_hook_has_not_moved(owner, name):
    assert str(inspect.signature(getattr(owner, name))) == PYKKA_HOOKS[owner, name]


def test_the_constructor_asks_for_the_inbox_and_makes_the_ref_from_it():
    source = inspect.getsource(pykka.Actor.__init__)

    for line in (
        "self.actor_inbox = self._create_actor_inbox()",
        "self.actor_stopped = threading.Event()",
        "self._actor_ref = ActorRef(self)",
    ):
        assert line in source


def test_a_ref_puts_each_message_in_the_inbox_of_its_actor():
    source = inspect.getsource(pykka.ActorRef)

    assert "self.actor_inbox = actor.actor_inbox" in source
    assert "self.actor_inbox.put(Envelope(message))" in source
    assert "self.actor_inbox.put(Envelope(message, reply_to=future))" in source
    assert "future = self.actor_class._create_future()" in source
    assert "self.ask(_ActorStop(), block=False)" in source
    assert "converted_future.set_get_hook(_stop_result_converter)" in source


def test_a_futures_hook_is_kept_where_our_class_level_defaults_are():
    source = inspect.getsource(pykka.Future)

    assert "self._get_hook = None" in source
    assert "self._get_hook_result = _Unset()" in source
    assert "isinstance(self._get_hook_result, _Unset)" in source
    assert set(vars(pykka.Future())) == {"_get_hook", "_get_hook_result"}
    assert isinstance(CallFuture._get_hook_result, _future._Unset)


def test_envelopes_hold_a_message_and_a_future_and_nothing_else():
    assert _envelope.Envelope.__slots__ == ["message", "reply_to"]
    assert messages._ActorStop._fields == ()


def test_an_actor_uses_our_inbox_our_futures_and_our_loop():
    started = []

    class Server(GenServer):
        def init(self):
            thread = threading.current_thread()
            facts = threading.get_ident(), thread.name, thread.daemon
            started.append((type(self.actor_inbox), type(self._create_future()), facts))

    with Server.start(name="server") as address:
        ident = address.pid.thread.ident

    assert started == [(Mailbox, CallFuture, (ident, "server#1", True))]
